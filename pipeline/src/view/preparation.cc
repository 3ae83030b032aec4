#include <fovea/pipeline/preparation.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/slide.h>
#include <fovea/io/weights.h>

#include "model_store.h"
#include "progress.h"
#include "slide/read_plan.h"
#include "slide/words.h"
#include "view/checks.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;
using State = PreflightCheck::State;

constexpr std::uintmax_t kWantedBytes = 200'000'000;

double number_or(const std::map<std::string, std::string>& metadata, const std::string& key, double otherwise) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) return otherwise;
  double value = 0;
  const char* end = found->second.data() + found->second.size();
  return std::from_chars(found->second.data(), end, value).ec == std::errc{} ? value : otherwise;
}

std::string text_or(const std::map<std::string, std::string>& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::string{} : found->second;
}

void take_metadata(ModelFacts& facts, const std::map<std::string, std::string>& metadata) {
  facts.encoder = text_or(metadata, "fovea.encoder"), facts.card = text_or(metadata, "fovea.card");
  facts.mpp = number_or(metadata, "fovea.mpp", 0);
  facts.tile_px = static_cast<std::int64_t>(number_or(metadata, "fovea.tile_px", 0));
}

ModelFacts facts_of(const fs::path& path) {
  ModelFacts facts;
  facts.path = path, facts.name = path.stem().string();
  try {
    if (path.extension() == ".safetensors") {
      const auto metadata = io::read_safetensors(path).metadata;
      facts.task = text_or(metadata, "fovea.task"), facts.architecture = text_or(metadata, "fovea.architecture");
      take_metadata(facts, metadata);
      const auto labels = nlohmann::json::parse(text_or(metadata, "fovea.labels"), nullptr, false);
      if (labels.is_array())
        for (const auto& label : labels)
          if (label.is_string()) facts.labels.push_back(label.get<std::string>());
      if (!facts.task.empty()) return facts;
    }
    const ModelDescription description = load_any(path).description;
    facts.task = description.task, facts.architecture = description.architecture, facts.labels = description.labels;
    take_metadata(facts, description.metadata);
  } catch (const Error& error) {
    facts.task.clear(), facts.problem = error.problem();
  } catch (const std::exception&) {
    facts.task.clear(), facts.problem = "it cannot be read as a model";
  }
  return facts;
}

bool may_be_model(const fs::directory_entry& entry) {
  std::error_code ignored;
  if (entry.is_directory(ignored)) return fs::exists(entry.path() / "model.onnx", ignored);
  const std::string ending = entry.path().extension().string();
  return ending == ".safetensors" || ending == ".onnx" || ending == ".pt" || ending == ".pth";
}

std::optional<double> wanted_mpp(const JobRequest& request) {
  const auto found = request.values.find("mpp");
  if (found == request.values.end()) return {};
  const auto* number = std::get_if<double>(&found->second);
  return number && *number > 0 ? std::optional(*number) : std::nullopt;
}

void check_slide(const JobRequest& request, const ModelFacts& model, std::vector<PreflightCheck>& list) {
  std::unique_ptr<io::Slide> slide;
  const fs::path path = text_value(request, "slide");
  check(list, "source", [&](PreflightCheck& row) {
    io::SlideOptions options;
    options.mpp = wanted_mpp(request), options.isolated = true;
    slide = io::open_slide(path, options);
    const auto& level = slide->info().levels.front();
    row.sentence = "The slide opens: " + std::to_string(level.width) + " x " + std::to_string(level.height) + " px.";
  });
  if (!slide) return;
  check(list, "scale", [&](PreflightCheck& row) {
    if (!slide->info().scale)
      throw Error(ErrorCode::kMissingScale, "The slide", "it does not tell its micrometres per pixel",
                  "Enter them; a 40x scan has about 0.25, a 20x scan about 0.5.");
    const io::PixelScale& scale = *slide->info().scale;
    const double mpp = scale.mpp;
    row.state = scale.estimated ? State::kNote : State::kGood;
    row.sentence = "Its scale is " + slide::number_text(mpp, 4) + " um/px (" + scale.source + ").";
    if (model.mpp <= 0) return;
    slide::ReadRequest read;
    read.target_mpp = model.mpp, read.tile_px = std::max<std::int64_t>(1, model.tile_px);
    slide::plan_reads(slide->info().levels, mpp, read, "The slide");  // refuses a slide coarser than the model wants
  });
}

void check_encoder(const ModelFacts& model, std::vector<PreflightCheck>& list) {
  const std::string name = model.encoder.empty() ? "efficientnet_lite0" : model.encoder;
  check(list, "encoder", [&](PreflightCheck& row) {
    const auto found = find_encoder_weights(name);
    row.state = found ? State::kGood : State::kBad;
    row.sentence = found ? "The tile encoder " + name + " is installed."
                         : "The weights of the tile encoder " + name +
                               " are not installed. Set FOVEA_ENCODERS to the folder that holds them.";
  });
}

}  // namespace

std::string shown_text(const Error& error) {
  std::string text =
      error.subject().find('/') == std::string::npos ? error.what() : error.problem() + ". " + error.remedy();
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string text_value(const JobRequest& request, const std::string& name) {
  const auto found = request.values.find(name);
  const auto* text = found == request.values.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text ? *text : std::string{};
}

void check_output(const fs::path& out, std::vector<PreflightCheck>& list) {
  check(list, "output", [&](PreflightCheck& row) {
    std::error_code ignored;
    const bool existed = fs::exists(out, ignored);
    io::prepare_output_folder(out);
    const std::uintmax_t free = fs::space(out, ignored).available;
    if (!existed) fs::remove(out, ignored);
    row.state = free < kWantedBytes ? State::kNote : State::kGood;
    row.sentence = free < kWantedBytes
                       ? "Only " + std::to_string(free / 1'000'000) + " MB are free where the results go."
                       : "Results can be written; " + std::to_string(free / 1'000'000'000) + " GB are free.";
  });
}

std::vector<ModelFacts> models_in(const fs::path& folder, std::stop_token stop) {
  std::vector<ModelFacts> models;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, fs::directory_options::skip_permission_denied, ignored)) {
    throw_if_stopped(stop);
    if (may_be_model(entry)) models.push_back(facts_of(entry.path()));
  }
  std::sort(models.begin(), models.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return models;
}

std::string misfit(const ModelFacts& model, std::string_view job_kind) {
  if (!model.problem.empty()) return model.problem;
  const bool slide = job_kind == "slide predict";
  if (model.task == (slide ? "mil" : "segmentation")) return {};
  if (model.task == "mil") return "it reads slides, and this is a scan";
  if (model.task == "segmentation") return "it reads scans, and this is a slide";
  return "it is a tile encoder, not a model of whole cases";
}

std::vector<PreflightCheck> preflight(const JobRequest& request, std::stop_token stop) {
  if (is_training(request)) return training_checks(request, stop);
  std::vector<PreflightCheck> list;
  const bool slide = request.kind == "slide predict";
  ModelFacts model;
  check(list, "model", [&](PreflightCheck& row) {
    const std::string path = text_value(request, "model");
    if (path.empty()) throw Error(ErrorCode::kUsage, "Model", "none is chosen", "Choose one.");
    model = facts_of(path);
    if (const std::string reason = misfit(model, request.kind); !reason.empty())
      throw Error(ErrorCode::kUnsupported, model.name, reason, "Choose another model.");
    row.sentence = "The model " + model.name + " fits (" + model.architecture + ").";
  });
  throw_if_stopped(stop);
  if (slide) {
    check_slide(request, model, list);
    if (list.front().state != State::kBad) check_encoder(model, list);
  } else {
    check(list, "source", [&](PreflightCheck& row) {
      const auto found = request.values.find("volumes");
      const auto* volumes =
          found == request.values.end() ? nullptr : std::get_if<std::vector<std::string>>(&found->second);
      std::error_code ignored;
      if (!volumes || volumes->empty() ||
          !std::all_of(volumes->begin(), volumes->end(), [&](const auto& path) { return fs::exists(path, ignored); }))
        throw Error(ErrorCode::kNotFound, "The scan", "its file is not there", "Locate it again.");
      row.sentence = "The scan is there.";
    });
  }
  throw_if_stopped(stop);
  check_output(text_value(request, "out"), list);
  return list;
}

}  // namespace fovea::pipeline
