// `pacs get` and `pacs move`: the selected series, each into a folder of its own.
#include "pacs/pacs_jobs.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "pacs/peer.h"
#include "pacs/remote.h"
#include "problems.h"
#include "progress.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Retrieve = std::function<pacs::Remote::Got(const io::PacsMatch&, const fs::path&, const io::PacsProgress&)>;

JobResult retrieve_all(const JobValues& values, const std::vector<io::PacsMatch>& series, ProgressMeter& meter,
                       const Retrieve& retrieve) {
  const fs::path out = values.text("out");
  io::prepare_output_folder(out);
  JobResult result;
  Json rows = Json::array();
  std::size_t failed = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const std::string name = "series-" + io::pseudonym(series[i].series_uid);
    const fs::path folder = out / name;
    const double share = 1.0 / static_cast<double>(series.size());
    meter.stage("receiving " + name, share * static_cast<double>(i), share * static_cast<double>(i + 1));
    Json row{{"folder", name}, {"modality", series[i].modality}, {"description", series[i].series_description}};
    try {
      if (fs::exists(folder)) {
        row["state"] = "there already";
        result.text += name + ": there already, kept as it is\n";
      } else {
        const pacs::Remote::Got got = retrieve(series[i], folder, [&](std::int64_t done, std::int64_t left) {
          const std::int64_t all = left >= 0 ? done + left : series[i].instances;
          meter.advance(all > 0 ? std::min(1.0, static_cast<double>(done) / static_cast<double>(all)) : 0);
        });
        row["state"] = "received", row["objects"] = got.objects, row["bytes"] = got.bytes;
        if (got.kept > 0) row["kept"] = got.kept;
        result.text += name + ": " + std::to_string(got.objects) + " objects" +
                       (got.kept > 0 ? " and " + std::to_string(got.kept) + " of an earlier try" : "") + ", " +
                       series[i].modality + " " + series[i].series_description + "\n";
        result.outputs.push_back(folder);
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled || series.size() == 1) throw;
      ++failed;
      row["state"] = "failed", row["problem"] = error.what();
      result.notices.push_back(name + " failed: " + error.what());
    }
    rows.push_back(row);
  }
  result.exit_code = failed == 0 ? 0 : failed == series.size() ? 3 : 2;
  result.json = Json{{"series", rows}}.dump(2, ' ', false, Json::error_handler_t::replace);
  return result;
}

std::vector<io::PacsMatch> selection(const pacs::Remote& remote, const JobValues& values, ProgressMeter& meter) {
  bool any = false;
  for (const char* name : {"study", "patient-id", "patient-name", "accession", "date"})
    any |= !values.text(name).empty();
  std::vector<std::string> problems;
  if (!any) problems.push_back("say what: --study, --patient-id, --patient-name, --accession or --date");
  if (!values.text("series").empty() && values.text("study").empty()) problems.push_back("--series needs --study");
  refuse_problems(problems, values.request().kind);
  meter.stage("asking", 0, 0);
  auto series = pacs::selected_series(remote, values, meter.stop());
  if (series.empty())
    throw Error(ErrorCode::kNotFound, remote.address(), "no series matches the selection",
                "Look with fovea pacs find --level series.");
  return series;
}

JobResult get(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  const auto remote = pacs::remote_of(values);
  const io::PacsLimits limits = pacs::limits_of(values);
  ProgressMeter meter(sink, stop);
  return retrieve_all(values, selection(*remote, values, meter), meter,
                      [&](const io::PacsMatch& match, const fs::path& folder, const io::PacsProgress& progress) {
                        return remote->get(match, folder, limits, progress, stop);
                      });
}

JobResult move(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  const io::PacsPeer peer = pacs::peer_of(values);
  const io::PacsLimits limits = pacs::limits_of(values);
  const std::int64_t port = values.integer("listen-port");
  std::vector<std::string> problems;
  if (port < 1 || port > 65535) problems.push_back("--listen-port must lie between 1 and 65535");
  refuse_problems(problems, values.request().kind);
  ProgressMeter meter(sink, stop);
  return retrieve_all(values, selection(*pacs::remote_of(peer), values, meter), meter,
                      [&](const io::PacsMatch& match, const fs::path& folder, const io::PacsProgress& progress) {
                        const auto got = io::pacs_move(peer, static_cast<int>(port), match.study_uid, match.series_uid,
                                                       folder, limits, progress, stop);
                        return pacs::Remote::Got{got.objects, got.bytes, 0};
                      });
}

JobKind retrieving(const char* name, const char* summary, const std::string& details, bool web) {
  JobKind kind;
  kind.name = name, kind.summary = summary;
  kind.details =
      "Every selected series arrives in a folder of its own below --out, named by a hash. A folder appears when its "
      "series is\nthere whole, or not at all; one that is there already is not fetched again.\n"
      "Exit codes: 0 all there, 1 wrong usage, 2 some series failed, 3 none came, 130 cancelled.\n" +
      details;
  web ? pacs::add_remote(kind.parameters) : pacs::add_peer(kind.parameters);
  kind.parameters.push_back({.name = "out",
                             .type = ParameterType::kOutputFolder,
                             .help = "Folder for the series; made if it does not exist",
                             .required = true});
  pacs::add_selection(kind.parameters);
  pacs::add_limits(kind.parameters);
  return kind;
}

}  // namespace

JobKind pacs_get_job() {
  JobKind kind =
      retrieving("pacs get", "Fetch series from a PACS over the same connection (C-GET, WADO-RS)",
                 "Over DICOMweb what came of a series that failed stays, hidden, and is not fetched again.\n"
                 "Example: fovea pacs get --host pacs.example --port 4242 --called-ae ORTHANC --patient-id 17 "
                 "--modality MR --out series\n"
                 "         fovea pacs get --url https://pacs.example/dicom-web --patient-id 17 --out series",
                 true);
  kind.run = get;
  return kind;
}

JobKind pacs_move_job() {
  JobKind kind = retrieving("pacs move", "Have a PACS send series to us (C-MOVE)",
                            "The PACS must know --ae as a destination at this machine and --listen-port.\n"
                            "Example: fovea pacs move --host pacs.example --port 4242 --called-ae ORTHANC --ae FOVEA "
                            "--listen-port 11112 --patient-id 17 --out series",
                            false);
  kind.parameters.push_back({.name = "listen-port",
                             .type = ParameterType::kInteger,
                             .help = "Our port at which the PACS delivers",
                             .fallback = std::int64_t{11112}});
  kind.run = move;
  return kind;
}

}  // namespace fovea::pipeline
