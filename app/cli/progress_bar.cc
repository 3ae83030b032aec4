#include "progress_bar.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

#include "json_lines.h"

namespace fovea::cli {
namespace {

constexpr int kBarCells = 24;

std::string time_left(double seconds) {
  if (seconds < 0) return "";
  const auto whole = static_cast<long>(std::lround(seconds));
  char text[48];
  if (whole >= 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld left", whole / 3600, whole / 60 % 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld left", whole / 60, whole % 60);
  return text;
}

int terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

}  // namespace

void ProgressBar::show(const pipeline::Progress& progress) {
  std::lock_guard lock(mutex_);
  switch (style_) {
    case ProgressStyle::kTerminal: show_terminal(progress); break;
    case ProgressStyle::kLines: show_line(progress); break;
    case ProgressStyle::kJson:
      std::fputs(json_progress(progress).c_str(), stdout);
      std::fflush(stdout);
      break;
    case ProgressStyle::kNone: break;
  }
}

void ProgressBar::show_terminal(const pipeline::Progress& progress) {
  const double fraction = std::clamp(progress.fraction, 0.0, 1.0);
  const int full = static_cast<int>(fraction * kBarCells);
  std::string line = "[" + std::string(full, '#') + std::string(kBarCells - full, '.') + "] ";
  char percent[8];
  std::snprintf(percent, sizeof percent, "%3.0f %%", fraction * 100);
  line += percent;
  for (const std::string& part : {progress.stage, time_left(progress.eta_seconds), progress.note})
    if (!part.empty()) line += "  " + part;
  if (const int columns = terminal_columns(); static_cast<int>(line.size()) > columns - 1) line.resize(columns - 1);
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  line_shown_ = true;
}

void ProgressBar::show_line(const pipeline::Progress& progress) {
  const int step = static_cast<int>(std::clamp(progress.fraction, 0.0, 1.0) * 20);
  if (step == last_step_ && progress.stage == stage_) return;
  stage_ = progress.stage;
  last_step_ = step;
  const std::string left = time_left(progress.eta_seconds);
  std::fprintf(stderr, "%3d %%  %s%s%s\n", step * 5, progress.stage.c_str(), left.empty() ? "" : ", ", left.c_str());
}

void ProgressBar::clear() {
  std::lock_guard lock(mutex_);
  if (!line_shown_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  line_shown_ = false;
}

}  // namespace fovea::cli
