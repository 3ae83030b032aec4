// `pacs store`: DICOM files, and PDF reports wrapped on the way.
#include "pacs/pacs_jobs.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/dicom_pdf.h>

#include "pacs/remote.h"
#include "pacs/scratch.h"
#include "problems.h"
#include "progress.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Files as given; of a folder every regular file below it.
std::vector<fs::path> files_of(const std::vector<std::string>& arguments) {
  std::vector<fs::path> files;
  for (const std::string& argument : arguments) {
    if (!fs::exists(argument))
      throw Error(ErrorCode::kNotFound, fs::path(argument).filename().string(), "there is no such file",
                  "Check the path.");
    if (!fs::is_directory(argument)) {
      files.emplace_back(argument);
      continue;
    }
    std::vector<fs::path> below;
    for (const auto& entry : fs::recursive_directory_iterator(argument))
      if (entry.is_regular_file()) below.push_back(entry.path());
    std::sort(below.begin(), below.end());
    files.insert(files.end(), below.begin(), below.end());
  }
  return files;
}

JobResult store(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  const auto remote = pacs::remote_of(values);
  ProgressMeter meter(sink, stop);
  meter.stage("sending", 0, 1);
  std::vector<fs::path> files = files_of(values.list("files"));
  const pacs::Scratch scratch;
  std::vector<std::string> names;
  for (fs::path& file : files) {
    names.push_back(file.filename().string());
    if (file.extension() != ".pdf") continue;
    if (values.text("source").empty())
      throw Error(ErrorCode::kUsage, names.back(), "a report needs the series that it is about",
                  "Give it with --source: patient and study are taken from it.");
    const fs::path wrapped = scratch.path() / (std::to_string(names.size()) + ".dcm");
    io::write_encapsulated_pdf(wrapped, file, values.text("source"), values.text("title"));
    file = wrapped;
  }
  const auto outcomes = remote->store(
      files,
      [&](std::int64_t done, std::int64_t left) {
        meter.advance(static_cast<double>(done) / static_cast<double>(done + left));
      },
      stop);
  JobResult result;
  Json problems = Json::array();
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    if (!outcomes[i].ok) {
      problems.push_back({{"file", names[i]}, {"problem", outcomes[i].problem}});
      result.notices.push_back(names[i] + ": " + outcomes[i].problem);
    }
  const std::size_t sent = outcomes.size() - problems.size();
  result.text = std::to_string(sent) + " of " + std::to_string(outcomes.size()) + " objects stored\n";
  result.json = Json{{"stored", sent}, {"failed", problems}}.dump(2, ' ', false, Json::error_handler_t::replace);
  result.exit_code = problems.empty() ? 0 : sent > 0 ? 2 : 3;
  return result;
}

}  // namespace

JobKind pacs_store_job() {
  JobKind kind;
  kind.name = "pacs store";
  kind.summary = "Send DICOM files and reports to a PACS (C-STORE, STOW-RS)";
  kind.details =
      "Sends DICOM files (series, SEG) as they are; a .pdf goes as an encapsulated PDF of the patient and study of "
      "--source.\nExit codes: 0 all stored, 1 wrong usage, 2 some were not, 3 none was, 130 cancelled.\n"
      "Example: fovea pacs store result/seg.dcm result/report.pdf --source series --host pacs.example --port 4242 "
      "--called-ae ORTHANC";
  kind.parameters.push_back({.name = "files",
                             .type = ParameterType::kFileList,
                             .help = "DICOM files, folders of them, or PDF reports",
                             .required = true,
                             .positional = true});
  pacs::add_remote(kind.parameters);
  kind.parameters.push_back({.name = "source",
                             .type = ParameterType::kFile,
                             .help = "DICOM series (file or folder) that a PDF is about",
                             .fallback = std::string{}});
  kind.parameters.push_back({.name = "title",
                             .type = ParameterType::kText,
                             .help = "Title of a PDF as viewers list it",
                             .fallback = std::string("Segmentation report (research only)")});
  kind.run = store;
  return kind;
}

}  // namespace fovea::pipeline
