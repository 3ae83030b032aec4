#include "pacs/peer.h"

#include <algorithm>
#include <cctype>

#include "problems.h"

namespace fovea::pipeline::pacs {
namespace {

using T = ParameterType;
constexpr double kMib = 1024.0 * 1024, kGib = kMib * 1024;

Parameter text(const char* name, const char* help, const char* group, const char* fallback = "") {
  return {.name = name, .type = T::kText, .help = help, .fallback = std::string(fallback), .group = group};
}

}  // namespace

void add_peer(std::vector<Parameter>& p) {
  p.push_back({.name = "host", .type = T::kText, .help = "Address of the PACS", .required = true});
  p.push_back({.name = "port", .type = T::kInteger, .help = "Its DICOM port", .fallback = std::int64_t{104}});
  p.push_back(text("ae", "Our own AE title, as the PACS knows it", "Main", "FOVEA"));
  p.push_back(text("called-ae", "The AE title of the PACS", "Main", "ANY-SCP"));
  p.push_back({.name = "timeout",
               .type = T::kInteger,
               .help = "Seconds to wait for the connection and for every answer",
               .fallback = std::int64_t{30}});
  add_tls(p);
}

void add_tls(std::vector<Parameter>& p) {
  p.push_back({.name = "tls",
               .type = T::kFlag,
               .help = "Encrypted, the other side verified against --ca (BCP 195)",
               .fallback = false,
               .group = "TLS"});
  for (const auto& [name, help] :
       {std::pair{"cert", "Our certificate (PEM)"}, std::pair{"key", "Its private key (PEM)"},
        std::pair{"ca", "Certificate authority of the other side (PEM)"}})
    p.push_back({.name = name, .type = T::kFile, .help = help, .fallback = std::string{}, .group = "TLS"});
}

void add_limits(std::vector<Parameter>& p) {
  p.push_back({.name = "max-objects",
               .type = T::kInteger,
               .help = "Most objects of one retrieval or association",
               .fallback = std::int64_t{100'000},
               .group = "Limits"});
  p.push_back({.name = "max-object-mb",
               .type = T::kNumber,
               .help = "Largest object in MiB",
               .fallback = 4096.0,
               .group = "Limits"});
  p.push_back({.name = "max-total-gb",
               .type = T::kNumber,
               .help = "Most data of one retrieval or association, in GiB",
               .fallback = 64.0,
               .group = "Limits"});
  p.push_back({.name = "min-free-gb",
               .type = T::kNumber,
               .help = "Space that stays free on the disk, in GiB",
               .fallback = 1.0,
               .group = "Limits"});
}

void add_selection(std::vector<Parameter>& p) {
  const char* group = "Selection";
  p.push_back(text("study", "Study instance UID", group));
  p.push_back(text("series", "Series instance UID (with --study)", group));
  p.push_back(text("patient-id", "Patient ID", group));
  p.push_back(text("patient-name", "Patient name; * and ? stand for others", group));
  p.push_back(text("accession", "Accession number", group));
  p.push_back(text("date", "Study date, or from-to: 20240101-20241231", group));
  p.push_back(text("modality", "MR, SM (slide microscopy), SEG, ...", group));
  p.push_back(text("description", "Part of the description, in any case", group));
}

io::PacsTls tls_of(const JobValues& values) {
  return {values.flag("tls"), values.text("cert"), values.text("key"), values.text("ca")};
}

io::PacsPeer peer_of(const JobValues& values) {
  std::vector<std::string> problems;
  const std::int64_t port = values.integer("port"), timeout = values.integer("timeout");
  if (port < 1 || port > 65535) problems.push_back("--port must lie between 1 and 65535");
  if (timeout < 1 || timeout > 3600) problems.push_back("--timeout must lie between 1 and 3600 s");
  if (values.flag("tls") && values.text("ca").empty()) problems.push_back("--tls needs --ca");
  if (!values.flag("tls") && (values.given("cert") || values.given("key") || values.given("ca")))
    problems.push_back("--cert, --key and --ca go with --tls");
  refuse_problems(problems, values.request().kind);
  io::PacsPeer peer;
  peer.host = values.text("host"), peer.port = static_cast<int>(port);
  peer.ae = values.text("ae"), peer.called_ae = values.text("called-ae");
  peer.timeout_s = static_cast<int>(timeout);
  peer.tls = tls_of(values);
  return peer;
}

io::PacsLimits limits_of(const JobValues& values) {
  std::vector<std::string> problems;
  if (values.integer("max-objects") < 1) problems.push_back("--max-objects must be positive");
  for (const char* name : {"max-object-mb", "max-total-gb"})
    if (!(values.number(name) > 0 && values.number(name) < 1e9))
      problems.push_back(std::string("--") + name + " must be positive");
  if (!(values.number("min-free-gb") >= 0 && values.number("min-free-gb") < 1e9))
    problems.push_back("--min-free-gb must not be negative");
  refuse_problems(problems, values.request().kind);
  io::PacsLimits limits;
  limits.max_objects = values.integer("max-objects");
  limits.max_object_bytes = static_cast<std::int64_t>(values.number("max-object-mb") * kMib);
  limits.max_total_bytes = static_cast<std::int64_t>(values.number("max-total-gb") * kGib);
  limits.min_free_bytes = static_cast<std::int64_t>(values.number("min-free-gb") * kGib);
  return limits;
}

io::PacsQuery query_of(const JobValues& values, io::PacsLevel level) {
  io::PacsQuery query;
  query.level = level;
  query.patient_id = values.text("patient-id"), query.patient_name = values.text("patient-name");
  query.accession = values.text("accession"), query.study_date = values.text("date");
  query.study_uid = values.text("study"), query.series_uid = values.text("series");
  query.modality = values.text("modality");
  return query;
}

bool contains(const std::string& text, const std::string& part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); }) !=
             text.end() ||
         part.empty();
}

}  // namespace fovea::pipeline::pacs
