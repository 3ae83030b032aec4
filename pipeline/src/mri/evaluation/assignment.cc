#include "mri/evaluation/assignment.h"

#include <limits>

namespace fovea::pipeline::mri {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Successive shortest augmenting paths with potentials; rows <= columns. Row and column 0 stand for "none", so that
/// the real ones count from 1.
class ShortestPaths {
 public:
  ShortestPaths(const std::vector<double>& gain, std::size_t rows, std::size_t columns, bool turned)
      : gain_(gain),
        rows_(rows),
        columns_(columns),
        turned_(turned),
        row_potential_(rows + 1, 0),
        column_potential_(columns + 1, 0),
        row_of_(columns + 1, 0),
        before_(columns + 1, 0) {}

  /// Row (from 1) of every column (from 1); 0: none.
  std::vector<std::size_t> run() {
    for (std::size_t row = 1; row <= rows_; ++row) add(row);
    return row_of_;
  }

 private:
  double cost(std::size_t row, std::size_t column) const {
    return turned_ ? -gain_[(column - 1) * rows_ + row - 1] : -gain_[(row - 1) * columns_ + column - 1];
  }

  void add(std::size_t row) {
    row_of_[0] = row;
    std::vector<double> least(columns_ + 1, kInfinity);
    std::vector<bool> visited(columns_ + 1, false);
    std::size_t column = 0;
    while (row_of_[column] != 0) column = step(column, least, visited);
    for (; column != 0; column = before_[column]) row_of_[column] = row_of_[before_[column]];
  }

  /// One column further along the shortest path.
  std::size_t step(std::size_t column, std::vector<double>& least, std::vector<bool>& visited) {
    visited[column] = true;
    const std::size_t row = row_of_[column];
    double shortest = kInfinity;
    std::size_t next = 0;
    for (std::size_t j = 1; j <= columns_; ++j) {
      if (visited[j]) continue;
      const double reduced = cost(row, j) - row_potential_[row] - column_potential_[j];
      if (reduced < least[j]) least[j] = reduced, before_[j] = column;
      if (least[j] < shortest) shortest = least[j], next = j;
    }
    for (std::size_t j = 0; j <= columns_; ++j) {
      if (visited[j])
        row_potential_[row_of_[j]] += shortest, column_potential_[j] -= shortest;
      else
        least[j] -= shortest;
    }
    return next;
  }

  const std::vector<double>& gain_;
  std::size_t rows_, columns_;
  bool turned_;
  std::vector<double> row_potential_, column_potential_;
  std::vector<std::size_t> row_of_, before_;
};

}  // namespace

std::vector<std::optional<std::size_t>> best_assignment(const std::vector<double>& gain, std::size_t rows,
                                                        std::size_t columns) {
  const bool turned = rows > columns;
  const std::vector<std::size_t> found =
      ShortestPaths(gain, turned ? columns : rows, turned ? rows : columns, turned).run();
  std::vector<std::optional<std::size_t>> column_of(rows);
  for (std::size_t j = 1; j < found.size(); ++j) {
    if (found[j] == 0) continue;
    if (turned)
      column_of[j - 1] = found[j] - 1;
    else
      column_of[found[j] - 1] = j - 1;
  }
  return column_of;
}

}  // namespace fovea::pipeline::mri
