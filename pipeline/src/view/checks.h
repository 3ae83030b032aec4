// One row of what is looked at before a job starts.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include <fovea/base/error.h>
#include <fovea/pipeline/preparation.h>

namespace fovea::pipeline {

/// A text value of the request, empty when it has none.
std::string text_value(const JobRequest& request, const std::string& name);

/// What an Error says, with what it is about unless that is a path: the sentence is shown, and a path may hold a name.
std::string shown_text(const Error& error);

/// Runs one check; an Error is its bad sentence.
template <class Work>
void check(std::vector<PreflightCheck>& list, const char* name, Work&& work) {
  try {
    list.push_back({name, PreflightCheck::State::kGood, {}});
    work(list.back());
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) throw;
    list.back() = {name, PreflightCheck::State::kBad, shown_text(error)};
  }
}

/// Can results be written there, and is there room?
void check_output(const std::filesystem::path& out, std::vector<PreflightCheck>& list);

bool is_training(const JobRequest& request);
/// Recipe, data, splits, and whether the folder holds another run.
std::vector<PreflightCheck> training_checks(const JobRequest& request, const std::stop_token& stop);

}  // namespace fovea::pipeline
