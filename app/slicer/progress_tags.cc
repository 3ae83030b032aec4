#include "progress_tags.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <unistd.h>

namespace fovea::slicer {
namespace {

constexpr std::size_t kLongestText = 1000;  // Slicer keeps 1023 bytes
constexpr auto kBetween = std::chrono::milliseconds(120);

std::string fixed(double value, int digits) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits).ptr};
}

}  // namespace

std::string tag_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (out.size() == kLongestText) break;
    const bool control = static_cast<unsigned char>(c) < 32;
    out += c == '<' ? '(' : c == '>' ? ')' : control ? ' ' : c;
  }
  return out;
}

void say(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data() + at, text.size() - at);
    if (written <= 0) return;  // nobody listens any more: the result does not depend on it
    at += static_cast<std::size_t>(written);
  }
}

void ProgressTags::start(const std::string& title) {
  std::lock_guard lock(mutex_);
  stage(title, "starting");
  fraction(0);
}

void ProgressTags::show(const pipeline::Progress& progress) {
  std::lock_guard lock(mutex_);
  const std::string comment = progress.note.empty() ? progress.stage : progress.note;
  const bool new_stage = progress.stage != stage_;
  const auto now = Clock::now();
  if (!new_stage && now - last_ < kBetween) return;
  if (new_stage || comment != comment_) stage(progress.stage, comment);
  fraction(std::clamp(progress.fraction, 0.0, 1.0) * share_);
  last_ = now;
}

void ProgressTags::finish() {
  std::lock_guard lock(mutex_);
  end_stage();
  stage_.clear();
  fraction(1);
}

void ProgressTags::stage(const std::string& name, const std::string& comment) {
  if (name != stage_) {
    end_stage();
    stage_began_ = Clock::now();
  }
  stage_ = name, comment_ = comment;
  say("<filter-start>\n<filter-name>" + tag_text(name) + "</filter-name>\n<filter-comment>" + tag_text(comment) +
      "</filter-comment>\n</filter-start>\n");
}

void ProgressTags::end_stage() {
  if (stage_.empty()) return;
  const std::chrono::duration<double> took = Clock::now() - stage_began_;
  say("<filter-end>\n<filter-name>" + tag_text(stage_) + "</filter-name>\n<filter-time>" + fixed(took.count(), 2) +
      "</filter-time>\n</filter-end>\n");
}

void ProgressTags::fraction(double value) {
  if (!(value > shown_)) return;
  shown_ = value;
  say("<filter-progress>" + fixed(value, 4) + "</filter-progress>\n");
}

}  // namespace fovea::slicer
