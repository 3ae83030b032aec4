#include "evaluation/metrics.h"

#include <algorithm>

#include "evaluation/ranked_scores.h"

namespace fovea::pipeline::evaluation {

std::optional<double> auroc(std::span<const float> scores, const std::vector<bool>& positive) {
  return RankedScores(scores, positive).auroc();
}

std::vector<std::optional<double>> auroc_per_class(std::span<const float> probabilities, std::int64_t classes,
                                                   std::span<const std::int64_t> labels) {
  std::vector<std::optional<double>> areas;
  for (std::int64_t c = 0; c < classes; ++c) {
    std::vector<float> scores;
    std::vector<bool> positive;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      scores.push_back(probabilities[i * static_cast<std::size_t>(classes) + static_cast<std::size_t>(c)]);
      positive.push_back(labels[i] == c);
    }
    areas.push_back(auroc(scores, positive));
  }
  return areas;
}

std::optional<double> macro_auroc(std::span<const float> probabilities, std::int64_t classes,
                                  std::span<const std::int64_t> labels) {
  double sum = 0;
  int counted = 0;
  for (const auto& area : auroc_per_class(probabilities, classes, labels))
    if (area) sum += *area, ++counted;
  if (counted == 0) return {};
  return sum / counted;
}

Confusion confusion_of(std::span<const float> probabilities, std::int64_t classes, std::span<const std::int64_t> labels,
                       Multiplicity multiplicity) {
  Confusion confusion{classes, std::vector<std::int64_t>(static_cast<std::size_t>(classes * classes), 0)};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = probabilities.subspan(i * static_cast<std::size_t>(classes), static_cast<std::size_t>(classes));
    const std::int64_t predicted = std::max_element(row.begin(), row.end()) - row.begin();
    confusion.counts[static_cast<std::size_t>(labels[i] * classes + predicted)] +=
        multiplicity.empty() ? 1 : static_cast<std::int64_t>(multiplicity[i]);
  }
  return confusion;
}

namespace {

struct Margins {
  std::vector<double> truth, predicted;
  double right = 0, total = 0;
};

Margins margins_of(const Confusion& confusion) {
  const auto classes = static_cast<std::size_t>(confusion.classes);
  Margins margins{std::vector<double>(classes, 0), std::vector<double>(classes, 0)};
  for (std::int64_t i = 0; i < confusion.classes; ++i)
    for (std::int64_t j = 0; j < confusion.classes; ++j) {
      const auto count = static_cast<double>(confusion.at(i, j));
      margins.truth[static_cast<std::size_t>(i)] += count, margins.predicted[static_cast<std::size_t>(j)] += count;
      margins.total += count;
      if (i == j) margins.right += count;
    }
  return margins;
}

std::optional<double> share(double part, double whole) {
  return whole > 0 ? std::optional(part / whole) : std::nullopt;
}

}  // namespace

ClassFigures class_figures(const Confusion& confusion, std::int64_t index) {
  const Margins margins = margins_of(confusion);
  const double truth = margins.truth[static_cast<std::size_t>(index)],
               predicted = margins.predicted[static_cast<std::size_t>(index)];
  const auto hits = static_cast<double>(confusion.at(index, index));
  ClassFigures figures;
  figures.support = static_cast<std::int64_t>(truth);
  figures.precision = share(hits, predicted), figures.recall = share(hits, truth);
  figures.specificity = share(margins.total - truth - predicted + hits, margins.total - truth);
  figures.f1 = share(2 * hits, truth + predicted);
  return figures;
}

namespace {

/// Over the classes that have the figure; 0 when none does.
double mean_over_classes(const Confusion& confusion, std::optional<double> ClassFigures::*figure) {
  double sum = 0;
  int counted = 0;
  for (std::int64_t c = 0; c < confusion.classes; ++c)
    if (const auto value = class_figures(confusion, c).*figure) sum += *value, ++counted;
  return counted == 0 ? 0 : sum / counted;
}

}  // namespace

double macro_f1(const Confusion& confusion) {
  return mean_over_classes(confusion, &ClassFigures::f1);
}

double micro_f1(const Confusion& confusion) {
  const Margins margins = margins_of(confusion);
  return margins.total == 0 ? 0 : margins.right / margins.total;
}

double balanced_accuracy(const Confusion& confusion) {
  return mean_over_classes(confusion, &ClassFigures::recall);
}

double quadratic_kappa(const Confusion& confusion) {
  const Margins margins = margins_of(confusion);
  double observed = 0, expected = 0;
  for (std::int64_t i = 0; i < confusion.classes; ++i)
    for (std::int64_t j = 0; j < confusion.classes; ++j) {
      const auto weight = static_cast<double>((i - j) * (i - j));
      observed += weight * static_cast<double>(confusion.at(i, j));
      expected += weight * margins.truth[static_cast<std::size_t>(i)] * margins.predicted[static_cast<std::size_t>(j)];
    }
  return expected == 0 ? 0 : 1 - observed * margins.total / expected;
}

double accuracy(std::span<const float> probabilities, std::int64_t classes, std::span<const std::int64_t> labels) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = probabilities.subspan(i * static_cast<std::size_t>(classes), static_cast<std::size_t>(classes));
    right += std::max_element(row.begin(), row.end()) - row.begin() == labels[i];
  }
  return labels.empty() ? 0 : static_cast<double>(right) / static_cast<double>(labels.size());
}

}  // namespace fovea::pipeline::evaluation
