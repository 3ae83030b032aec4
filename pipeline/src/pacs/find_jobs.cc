// `pacs echo` and `pacs find`.
#include "pacs/pacs_jobs.h"

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "pacs/peer.h"
#include "pacs/remote.h"
#include "problems.h"

namespace fovea::pipeline {
namespace {

using Json = nlohmann::ordered_json;

/// A UID as its hash: the same series is recognised in two listings, and nobody by it.
std::string hashed(const std::string& uid) {
  return uid.empty() ? "" : "#" + io::pseudonym(uid, 12);
}

Json row_of(const io::PacsMatch& match, io::PacsLevel level, bool identifiers) {
  Json row;
  if (identifiers && level != io::PacsLevel::kSeries)
    row["patient_id"] = match.patient_id, row["patient_name"] = match.patient_name;
  if (level == io::PacsLevel::kPatient) {
    if (match.studies >= 0) row["studies"] = match.studies;
    return row;
  }
  row["study"] = identifiers ? match.study_uid : hashed(match.study_uid);
  if (level == io::PacsLevel::kStudy && identifiers) row["date"] = match.study_date, row["accession"] = match.accession;
  if (level == io::PacsLevel::kSeries) row["series"] = identifiers ? match.series_uid : hashed(match.series_uid);
  row["modality"] = match.modality;
  row["description"] = level == io::PacsLevel::kSeries ? match.series_description : match.study_description;
  if (level == io::PacsLevel::kStudy && match.series >= 0) row["series_count"] = match.series;
  if (match.instances >= 0) row["objects"] = match.instances;
  return row;
}

std::string line_of(const Json& row) {
  std::string line;
  for (const auto& [name, value] : row.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    line += (line.empty() ? "" : "  ") + name + " " + (text.empty() ? "-" : text);
  }
  return line + "\n";
}

JobResult echo(const JobValues& values, const ProgressSink&, std::stop_token stop) {
  const auto remote = pacs::remote_of(values);
  const auto start = std::chrono::steady_clock::now();
  remote->echo(stop);
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count();
  JobResult result;
  const bool web = !values.text("url").empty();
  result.text = remote->address() + " answers" + (web ? "" : " as " + values.text("called-ae")) + " (" +
                std::to_string(ms) + " ms" + (values.flag("tls") ? ", TLS" : "") + ")\n";
  result.json = Json{{"answers", true}, {"milliseconds", ms}}.dump(2);
  return result;
}

JobResult find(const JobValues& values, const ProgressSink&, std::stop_token stop) {
  const auto remote = pacs::remote_of(values);
  const std::string& name = values.text("level");
  const auto level = name == "patient" ? io::PacsLevel::kPatient
                     : name == "study" ? io::PacsLevel::kStudy
                                       : io::PacsLevel::kSeries;
  std::vector<std::string> problems;
  if (values.integer("max-matches") < 1) problems.push_back("--max-matches must be positive");
  refuse_problems(problems, values.request().kind);
  io::PacsMatches found;
  if (level == io::PacsLevel::kSeries) {
    found.matches = pacs::selected_series(*remote, values, stop);
  } else {
    io::PacsQuery query = pacs::query_of(values, level);
    query.max_matches = static_cast<std::size_t>(values.integer("max-matches"));
    found = remote->find(query, stop);
    std::erase_if(found.matches, [&](const io::PacsMatch& match) {
      return !pacs::contains(match.study_description, values.text("description"));
    });
  }
  Json rows = Json::array();
  JobResult result;
  for (const io::PacsMatch& match : found.matches) {
    rows.push_back(row_of(match, level, values.flag("show-identifiers")));
    result.text += line_of(rows.back());
  }
  result.text += std::to_string(rows.size()) + " found\n";
  if (found.cut) result.notices.push_back("there are more: raise --max-matches or narrow the selection");
  if (!values.flag("show-identifiers"))
    result.notices.push_back("identifiers are hidden; #... stands for a UID (--show-identifiers shows them)");
  result.json =
      Json{{"level", name}, {"matches", rows}, {"cut", found.cut}}.dump(2, ' ', false, Json::error_handler_t::replace);
  return result;
}

}  // namespace

JobKind pacs_echo_job() {
  JobKind kind;
  kind.name = "pacs echo";
  kind.summary = "Ask a PACS whether it answers (C-ECHO, or a query over DICOMweb)";
  kind.details =
      "Exit codes: 0 it answers, 1 wrong usage, 3 it does not.\n"
      "Example: fovea pacs echo --host pacs.example --port 4242 --called-ae ORTHANC";
  pacs::add_remote(kind.parameters);
  kind.run = echo;
  return kind;
}

JobKind pacs_find_job() {
  JobKind kind;
  kind.name = "pacs find";
  kind.summary = "List patients, studies or series of a PACS (C-FIND, QIDO-RS)";
  kind.details =
      "Prints modality, description and counts; UIDs as hashes and nothing of the patient, unless --show-identifiers "
      "is "
      "given.\nExit codes: 0 done (also when nothing was found), 1 wrong usage, 3 the PACS refused or did not answer.\n"
      "Example: fovea pacs find --host pacs.example --port 4242 --called-ae ORTHANC --level series --modality MR\n"
      "         fovea pacs find --url https://pacs.example/dicom-web --token-file token --level series --modality MR";
  pacs::add_remote(kind.parameters);
  kind.parameters.push_back({.name = "level",
                             .type = ParameterType::kChoice,
                             .help = "What is listed",
                             .fallback = std::string("study"),
                             .choices = {"patient", "study", "series"}});
  kind.parameters.push_back({.name = "show-identifiers",
                             .type = ParameterType::kFlag,
                             .help = "Print names, numbers, dates and UIDs",
                             .fallback = false});
  kind.parameters.push_back({.name = "max-matches",
                             .type = ParameterType::kInteger,
                             .help = "Most patients or studies listed",
                             .fallback = std::int64_t{1000}});
  pacs::add_selection(kind.parameters);
  kind.run = find;
  return kind;
}

}  // namespace fovea::pipeline
