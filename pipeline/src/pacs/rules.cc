#include "pacs/rules.h"

#include <algorithm>
#include <fstream>
#include <set>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "pacs/peer.h"
#include "problems.h"

namespace fovea::pipeline::pacs {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Reader {
 public:
  Reader(fs::path path, std::string ae) : path_(std::move(path)), ae_(std::move(ae)) {}

  Rules read() {
    std::ifstream stream(path_);
    if (!stream) throw Error(ErrorCode::kNotFound, path_.filename().string(), "it cannot be read", "Check the path.");
    const Json json = Json::parse(stream, nullptr, false);
    if (!json.is_object() || json.value("fovea_rules", Json()) != 1)
      throw Error(ErrorCode::kUsage, path_.filename().string(), "it is no file of rules (\"fovea_rules\": 1)",
                  "See docs/pacs.md.");
    known(json, "the file", {"fovea_rules", "destinations", "rules"});
    const Json destinations = json.value("destinations", Json::object()), list = json.value("rules", Json::array());
    if (destinations.is_object())
      for (const auto& [name, value] : destinations.items()) add_destination(name, value);
    if (list.is_array())
      for (const Json& value : list) add_rule(value);
    if (rules_.rules.empty()) problems_.push_back("there is no rule");
    if (!problems_.empty())
      throw Error(ErrorCode::kUsage, path_.filename().string(), joined(problems_, "; "), "See docs/pacs.md.");
    return std::move(rules_);
  }

 private:
  bool known(const Json& object, const std::string& where, const std::set<std::string>& keys) {
    if (!object.is_object()) {
      problems_.push_back(where + " is no object");
      return false;
    }
    for (const auto& [key, value] : object.items())
      if (!keys.count(key)) problems_.push_back(where + " has an unknown key '" + key + "'");
    return true;
  }

  std::string text(const Json& object, const char* key, const std::string& where, const std::string& otherwise) {
    if (!object.contains(key)) return otherwise;
    if (object[key].is_string()) return object[key].get<std::string>();
    problems_.push_back(where + ": '" + key + "' is no text");
    return otherwise;
  }

  int whole(const Json& object, const char* key, const std::string& where, int otherwise, int most) {
    if (!object.contains(key)) return otherwise;
    if (object[key].is_number_integer() && object[key] >= 1 && object[key] <= most) return object[key].get<int>();
    problems_.push_back(where + ": '" + key + "' is no whole number from 1 to " + std::to_string(most));
    return otherwise;
  }

  fs::path beside(const std::string& name) const {
    return name.empty() ? fs::path() : fs::absolute(path_).parent_path() / name;
  }

  void add_destination(const std::string& name, const Json& value) {
    const std::string where = "destination '" + name + "'";
    if (!known(value, where, {"host", "port", "called_ae", "timeout", "tls", "cert", "key", "ca"})) return;
    io::PacsPeer peer;
    peer.ae = ae_;
    peer.host = text(value, "host", where, "");
    if (peer.host.empty()) problems_.push_back(where + " lacks its 'host'");
    peer.called_ae = text(value, "called_ae", where, peer.called_ae);
    peer.port = whole(value, "port", where, peer.port, 65535);
    peer.timeout_s = whole(value, "timeout", where, peer.timeout_s, 3600);
    if (value.contains("tls") && !value["tls"].is_boolean()) problems_.push_back(where + ": 'tls' is true or false");
    peer.tls = {value.value("tls", Json(false)) == true, beside(text(value, "cert", where, "")),
                beside(text(value, "key", where, "")), beside(text(value, "ca", where, ""))};
    rules_.destinations[name] = peer;
  }

  void add_rule(const Json& value) {
    const std::string where = "rule " + std::to_string(rules_.rules.size() + 1);
    Rule rule;
    if (known(value, where, {"name", "calling_ae", "modality", "description", "model", "options", "send_to", "send"}))
      fill(rule, value, where);
    rules_.rules.push_back(std::move(rule));
  }

  void fill(Rule& rule, const Json& value, const std::string& where) {
    rule.name = text(value, "name", where, where);
    if (rules_.named(rule.name)) problems_.push_back(where + " repeats the name '" + rule.name + "'");
    rule.calling_ae = texts(value, "calling_ae", where, {});
    rule.modality = text(value, "modality", where, rule.modality);
    rule.description = text(value, "description", where, "");
    rule.destination = text(value, "send_to", where, "");
    if (!rules_.destinations.count(rule.destination))
      problems_.push_back(where + ": 'send_to' names no destination of the file");
    const auto send = texts(value, "send", where, {"seg", "pdf"});
    rule.send_seg = std::count(send.begin(), send.end(), "seg") > 0;
    rule.send_pdf = std::count(send.begin(), send.end(), "pdf") > 0;
    if (static_cast<std::size_t>(rule.send_seg + rule.send_pdf) != send.size() || send.empty())
      problems_.push_back(where + ": 'send' holds 'seg', 'pdf' or both");
    const fs::path model = beside(text(value, "model", where, ""));
    if (model.empty() || !fs::exists(model)) problems_.push_back(where + ": there is no such 'model'");
    JobRequest request{"mri segment", {}};
    try {
      const Json options = value.value("options", Json::object());
      request = job_from_json(
          Json{{"fovea_job", JobRequest::kVersion}, {"kind", "mri segment"}, {"values", options}}.dump(), where);
      for (const char* ours : {"volumes", "out", "model", "dicom-seg"})
        if (request.values.count(ours)) problems_.push_back(where + ": '" + ours + "' is no option of a rule");
      request.values["model"] = model.string();
      rule.segment = request.values;
      request.values["volumes"] = std::vector<std::string>{"x"}, request.values["out"] = std::string("x");
      JobValues(job_kind("mri segment"), request);
    } catch (const Error& error) {
      problems_.push_back(where + ": " + error.problem());
    }
  }

  std::vector<std::string> texts(const Json& object, const char* key, const std::string& where,
                                 std::vector<std::string> otherwise) {
    if (!object.contains(key)) return otherwise;
    const Json& value = object[key];
    if (value.is_string()) return {value.get<std::string>()};
    if (value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& one) { return one.is_string(); }))
      return value.get<std::vector<std::string>>();
    problems_.push_back(where + ": '" + key + "' is no list of texts");
    return otherwise;
  }

  fs::path path_;
  std::string ae_;
  Rules rules_;
  std::vector<std::string> problems_;
};

}  // namespace

const Rule* Rules::fitting(const std::string& calling_ae, const std::string& modality,
                           const std::string& description) const {
  for (const Rule& rule : rules) {
    const auto& titles = rule.calling_ae;
    if (!titles.empty() && std::find(titles.begin(), titles.end(), calling_ae) == titles.end()) continue;
    if (rule.modality == modality && contains(description, rule.description)) return &rule;
  }
  return nullptr;
}

const Rule* Rules::named(const std::string& name) const {
  for (const Rule& rule : rules)
    if (rule.name == name) return &rule;
  return nullptr;
}

Rules read_rules(const fs::path& path, const std::string& ae) {
  return Reader(path, ae).read();
}

}  // namespace fovea::pipeline::pacs
