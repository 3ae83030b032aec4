// QIDO-RS.
#include "dicomweb/find.h"

#include <algorithm>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "dicomweb/dicom_json.h"
#include "dicomweb/http.h"

namespace fovea::io {
namespace dicomweb {
namespace {

using Query = std::vector<std::pair<std::string, std::string>>;
constexpr std::int64_t kMostJson = std::int64_t{64} << 20;
constexpr std::size_t kPage = 500;

void add(Query& query, const char* key, const std::string& value) {
  if (!value.empty()) query.emplace_back(key, value);
}

PacsMatch match_of(const nlohmann::json& set, PacsLevel level) {
  PacsMatch match;
  match.patient_id = text_of(set, "00100020"), match.patient_name = text_of(set, "00100010");
  match.accession = text_of(set, "00080050"), match.study_date = text_of(set, "00080020");
  match.study_uid = text_of(set, "0020000D"), match.series_uid = text_of(set, "0020000E");
  match.study_description = text_of(set, "00081030"), match.series_description = text_of(set, "0008103E");
  match.modality = text_of(set, level == PacsLevel::kSeries ? "00080060" : "00080061");
  match.series = count_of(set, "00201206");
  match.instances = count_of(set, level == PacsLevel::kSeries ? "00201209" : "00201208");
  return match;
}

Query study_keys(const PacsQuery& query) {
  Query keys;
  add(keys, "PatientID", query.patient_id), add(keys, "PatientName", query.patient_name);
  add(keys, "AccessionNumber", query.accession), add(keys, "StudyDate", query.study_date);
  add(keys, "StudyInstanceUID", query.study_uid), add(keys, "ModalitiesInStudy", query.modality);
  for (const char* field : {"00081030", "00080061", "00201206", "00201208"}) keys.emplace_back("includefield", field);
  return keys;
}

Query series_keys(const PacsQuery& query) {
  Query keys;
  add(keys, "SeriesInstanceUID", query.series_uid), add(keys, "Modality", query.modality);
  for (const char* field : {"0008103E", "00201209"}) keys.emplace_back("includefield", field);
  return keys;
}

PacsMatches by_patient(const PacsMatches& studies, std::size_t most) {
  std::map<std::pair<std::string, std::string>, PacsMatch> patients;
  for (const PacsMatch& study : studies.matches) {
    PacsMatch& patient = patients[{study.patient_id, study.patient_name}];
    patient.patient_id = study.patient_id, patient.patient_name = study.patient_name;
    patient.studies = std::max<std::int64_t>(patient.studies, 0) + 1;
  }
  PacsMatches found{{}, studies.cut};
  for (auto& [key, patient] : patients) {
    if (found.matches.size() < most)
      found.matches.push_back(std::move(patient));
    else
      found.cut = true;
  }
  return found;
}

}  // namespace

/// A server may give less than is asked for at a time: the end is a page with nothing new.
Listing list(Http& http, const std::string& path, Query keys, const char* uid_tag, std::size_t most) {
  Listing listing;
  std::set<std::string> seen;
  while (listing.sets.size() <= most) {
    Call call{path, keys};
    call.query.emplace_back("limit", std::to_string(std::min(kPage, most + 1 - listing.sets.size())));
    call.query.emplace_back("offset", std::to_string(seen.size()));
    const std::size_t before = seen.size();
    for (nlohmann::json& set : data_sets(http.json(call, kMostJson))) {
      const std::string uid = text_of(set, uid_tag);
      if (!uid.empty() && seen.insert(uid).second) listing.sets.push_back(std::move(set));
    }
    if (seen.size() == before) break;
  }
  listing.cut = listing.sets.size() > most;
  if (listing.cut) listing.sets.resize(most);
  return listing;
}

}  // namespace dicomweb

PacsMatches web_find(const WebPeer& peer, const PacsQuery& query, std::stop_token stop) {
  using namespace dicomweb;
  const bool series = query.level == PacsLevel::kSeries;
  if (series && query.study_uid.empty())
    throw Error(ErrorCode::kUsage, "series query", "the study is missing", "Give the study's UID.");
  Http http(peer, std::move(stop));
  constexpr std::size_t kMostStudiesOfPatients = 100'000;
  const std::size_t most = query.level == PacsLevel::kPatient ? kMostStudiesOfPatients : query.max_matches;
  const Listing listing = series ? list(http, "/studies/" + checked_uid(http, query.study_uid) + "/series",
                                        series_keys(query), "0020000E", most)
                                 : list(http, "/studies", study_keys(query), "0020000D", most);
  PacsMatches found{{}, listing.cut};
  for (const nlohmann::json& set : listing.sets) found.matches.push_back(match_of(set, query.level));
  return query.level == PacsLevel::kPatient ? by_patient(found, query.max_matches) : found;
}

}  // namespace fovea::io
