// Prediction tables for tests.
#pragma once

#include <string>
#include <vector>

#include "evaluation/prediction_table.h"
#include "slide/random_source.h"

namespace fovea::tests {

/// `cases` patients with `slides` slides each, classes in turn; the true class is favoured by `skill` (0: chance).
inline pipeline::evaluation::PredictionTable random_table(int cases, int slides, std::vector<std::string> classes,
                                                          double skill, std::uint64_t seed, std::int64_t run_seed = 0) {
  pipeline::slide::RandomSource random(seed);
  pipeline::evaluation::PredictionTable table;
  table.classes = std::move(classes);
  for (int c = 0; c < cases; ++c)
    for (int s = 0; s < slides; ++s) {
      pipeline::evaluation::PredictionRow& row = table.rows.emplace_back();
      row.case_id = "00" + std::to_string(c), row.slide_id = row.case_id + "-" + std::to_string(s);
      row.part = "test", row.seed = run_seed, row.fold = (c / 2) % 2, row.instances = 100 + c;
      row.attention_entropy = 0.5, row.top10_mass = 0.25;
      const std::size_t truth = static_cast<std::size_t>(c) % table.classes.size();
      row.label = table.classes[truth];
      double sum = 0;
      std::vector<double> weights;
      for (std::size_t k = 0; k < table.classes.size(); ++k)
        weights.push_back(random.uniform() + (k == truth ? skill : 0)), sum += weights.back();
      std::size_t best = 0;
      for (std::size_t k = 0; k < weights.size(); ++k) {
        row.probabilities.push_back(static_cast<float>(weights[k] / sum));
        if (weights[k] > weights[best]) best = k;
      }
      row.predicted = table.classes[best];
    }
  return table;
}

inline std::vector<std::size_t> all_rows(const pipeline::evaluation::PredictionTable& table) {
  std::vector<std::size_t> rows(table.rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i;
  return rows;
}

}  // namespace fovea::tests
