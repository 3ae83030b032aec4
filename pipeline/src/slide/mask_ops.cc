#include "slide/mask_ops.h"

#include <algorithm>
#include <cmath>

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>

namespace fovea::pipeline::slide {
namespace {

/// Running median of one row: a histogram of the window and the number of its values below the current median.
class WindowMedian {
 public:
  void add(std::uint8_t value) { ++counts_[value], below_ += value < median_; }
  void remove(std::uint8_t value) { --counts_[value], below_ -= value < median_; }
  std::uint8_t get(int rank) {
    while (below_ > rank) below_ -= counts_[--median_];
    while (below_ + counts_[median_] <= rank) below_ += counts_[median_++];
    return static_cast<std::uint8_t>(median_);
  }

 private:
  std::array<int, 256> counts_{};
  int median_ = 0, below_ = 0;
};

void median_row(const io::Image& in, int size, int y, std::uint8_t* out) {
  const int radius = size / 2, rank = size * size / 2;
  std::vector<const std::uint8_t*> rows;
  for (int dy = -radius; dy <= radius; ++dy) rows.push_back(in.at(0, std::clamp(y + dy, 0, in.height - 1)));
  WindowMedian window;
  for (int dx = -radius; dx <= radius; ++dx)
    for (const std::uint8_t* row : rows) window.add(row[std::clamp(dx, 0, in.width - 1)]);
  for (int x = 0; x < in.width; ++x) {
    out[x] = window.get(rank);
    const int leaving = std::clamp(x - radius, 0, in.width - 1), entering = std::clamp(x + radius + 1, 0, in.width - 1);
    for (const std::uint8_t* row : rows) window.remove(row[leaving]), window.add(row[entering]);
  }
}

/// out[x, y] = max (or min) of in[x + from .. x + to] along one axis, ignoring what lies outside.
void extreme(const io::Image& in, io::Image& out, int from, int to, bool horizontal, bool maximum) {
  oneapi::tbb::parallel_for(oneapi::tbb::blocked_range<int>(0, in.height), [&](const auto& rows) {
    for (int y = rows.begin(); y != rows.end(); ++y) {
      for (int x = 0; x < in.width; ++x) {
        const int position = horizontal ? x : y, limit = horizontal ? in.width : in.height;
        std::uint8_t best = maximum ? 0 : 255;
        for (int p = std::max(0, position + from); p <= std::min(limit - 1, position + to); ++p) {
          const std::uint8_t value = horizontal ? *in.at(p, y) : *in.at(x, p);
          best = maximum ? std::max(best, value) : std::min(best, value);
        }
        *out.at(x, y) = best;
      }
    }
  });
}

}  // namespace

std::uint8_t saturation(const std::uint8_t* rgb) {
  const int high = std::max({rgb[0], rgb[1], rgb[2]}), low = std::min({rgb[0], rgb[1], rgb[2]});
  return high == 0 ? 0 : static_cast<std::uint8_t>((2 * 255 * (high - low) + high) / (2 * high));
}

std::uint8_t grey(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
}

std::uint8_t white_distance(const std::uint8_t* rgb) {
  const int r = 255 - rgb[0], g = 255 - rgb[1], b = 255 - rgb[2];
  return static_cast<std::uint8_t>(std::min(255.0, std::ceil(std::sqrt(static_cast<double>(r * r + g * g + b * b)))));
}

void median_filter(io::Image& plane, int size) {
  if (size <= 1 || plane.pixels.empty()) return;
  io::Image out(plane.width, plane.height, 1);
  oneapi::tbb::parallel_for(oneapi::tbb::blocked_range<int>(0, plane.height, 16), [&](const auto& rows) {
    for (int y = rows.begin(); y != rows.end(); ++y) median_row(plane, size, y, out.at(0, y));
  });
  plane = std::move(out);
}

std::array<std::int64_t, 256> histogram(const io::Image& plane) {
  std::array<std::int64_t, 256> counts{};
  for (std::uint8_t value : plane.pixels) ++counts[value];
  return counts;
}

int otsu_threshold(const std::array<std::int64_t, 256>& counts) {
  double total = 0, sum = 0;
  for (int i = 0; i < 256; ++i)
    total += static_cast<double>(counts[i]), sum += static_cast<double>(i) * static_cast<double>(counts[i]);
  double below = 0, below_sum = 0, best = -1;
  int threshold = 0;
  for (int t = 0; t < 256; ++t) {
    below += static_cast<double>(counts[t]), below_sum += static_cast<double>(t) * static_cast<double>(counts[t]);
    if (below == 0 || below == total) continue;
    const double gap = below_sum / below - (sum - below_sum) / (total - below);
    const double between = below * (total - below) * gap * gap;
    if (between > best) best = between, threshold = t;
  }
  return threshold;
}

int median_level(const std::array<std::int64_t, 256>& counts) {
  std::int64_t total = 0, below = 0;
  for (std::int64_t count : counts) total += count;
  for (int level = 0; level < 256; ++level)
    if ((below += counts[level]) * 2 > total) return level;
  return 255;
}

void binarise(io::Image& plane, int threshold) {
  for (std::uint8_t& value : plane.pixels) value = value > threshold ? 255 : 0;
}

void close_mask(io::Image& mask, int edge, EvenSquare even) {
  if (edge <= 1 || mask.pixels.empty()) return;
  const int before = -(edge / 2), after = edge - 1 - edge / 2;
  io::Image other(mask.width, mask.height, 1);
  extreme(mask, other, before, after, true, true);
  extreme(other, mask, before, after, false, true);
  const bool reflected = even == EvenSquare::kCentred;
  const int from = reflected ? -after : before, to = reflected ? -before : after;
  extreme(mask, other, from, to, true, false);
  extreme(other, mask, from, to, false, false);
}

Components::Components(const io::Image& mask, bool tissue) {
  collect_runs(mask, tissue);
  join_rows(tissue);
  number(mask.width);
}

void Components::collect_runs(const io::Image& mask, bool tissue) {
  for (int y = 0; y < mask.height; ++y) {
    row_begin_.push_back(runs_.size());
    const std::uint8_t* row = mask.at(0, y);
    for (int x = 0; x < mask.width;) {
      if ((row[x] != 0) != tissue) {
        ++x;
        continue;
      }
      const int begin = x;
      while (x < mask.width && (row[x] != 0) == tissue) ++x;
      runs_.push_back({begin, x, 0});
    }
  }
  row_begin_.push_back(runs_.size());
}

std::size_t Components::root(std::size_t run) {
  while (parent_[run] != run) run = parent_[run] = parent_[parent_[run]];
  return run;
}

void Components::join_rows(bool diagonal) {
  parent_.resize(runs_.size());
  for (std::size_t i = 0; i < runs_.size(); ++i) parent_[i] = i;
  const int reach = diagonal ? 1 : 0;
  for (std::size_t y = 1; y + 1 < row_begin_.size(); ++y) {
    std::size_t above = row_begin_[y - 1];
    for (std::size_t i = row_begin_[y]; i < row_begin_[y + 1]; ++i) {
      while (above < row_begin_[y] && runs_[above].end + reach <= runs_[i].begin) ++above;
      // The last overlapping run above may also overlap the next run of this row: do not step past it.
      for (std::size_t j = above; j < row_begin_[y] && runs_[j].begin < runs_[i].end + reach; ++j) {
        const std::size_t a = root(j), b = root(i);
        parent_[std::max(a, b)] = std::min(a, b);
      }
    }
  }
}

void Components::number(int width) {
  std::vector<std::size_t> index(runs_.size());
  const std::size_t last_row = row_begin_.size() - 2;
  for (std::size_t y = 0; y + 1 < row_begin_.size(); ++y) {
    for (std::size_t i = row_begin_[y]; i < row_begin_[y + 1]; ++i) {
      const std::size_t r = root(i);
      if (r == i) {
        index[i] = areas_.size();
        areas_.push_back(0);
        border_.push_back(false);
      }
      Run& run = runs_[i];
      run.component = index[r];
      areas_[run.component] += run.end - run.begin;
      if (y == 0 || y == last_row || run.begin == 0 || run.end == width) border_[run.component] = true;
    }
  }
  parent_ = {};
}

std::size_t Components::at(int x, int y) const {
  const auto begin = runs_.begin() + static_cast<std::ptrdiff_t>(row_begin_[y]),
             end = runs_.begin() + static_cast<std::ptrdiff_t>(row_begin_[y + 1]);
  return std::prev(std::upper_bound(begin, end, x, [](int value, const Run& run) { return value < run.begin; }))
      ->component;
}

}  // namespace fovea::pipeline::slide
