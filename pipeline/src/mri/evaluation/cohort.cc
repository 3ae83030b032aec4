#include "mri/evaluation/cohort.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

using evaluation::Multiplicity;
using evaluation::times_counted;
using Cases = std::vector<const CaseResult*>;

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// The cases of one group, as often as a bootstrap drew them.
struct Drawn {
  const Cases& cases;
  Multiplicity multiplicity;
  const CohortSettings& settings;

  bool positive(const CaseResult& one) const { return one.metrics.reference_ml > settings.cutoff_ml; }

  /// Weighted mean of `value` where it is defined, over the cases that `counts`.
  template <class Counts, class ValueOf>
  double mean(Counts counts, ValueOf value) const {
    double sum = 0, weight = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (!counts(*cases[i])) continue;
      const double v = value(cases[i]->metrics), times = times_counted(multiplicity, i);
      if (std::isnan(v)) continue;
      sum += times * v, weight += times;
    }
    return weight > 0 ? sum / weight : kUndefined;
  }
  template <class ValueOf>
  double mean_positive(ValueOf value) const {
    return mean([this](const CaseResult& one) { return positive(one); }, value);
  }
  template <class ValueOf>
  double mean_all(ValueOf value) const {
    return mean([](const CaseResult&) { return true; }, value);
  }
  PatientMetrics patients() const { return patient_metrics(cases, multiplicity, Condition::kTruePositive, settings); }
};

double component_precision(const Drawn& d) {
  double all = 0, wrong = 0;
  for (std::size_t i = 0; i < d.cases.size(); ++i) {
    const double times = times_counted(d.multiplicity, i);
    all += times * static_cast<double>(d.cases[i]->metrics.detection.components);
    wrong += times * static_cast<double>(d.cases[i]->metrics.detection.false_positives);
  }
  return all > 0 ? (all - wrong) / all : kUndefined;
}

bool has_positive(const Drawn& d) {
  return std::any_of(d.cases.begin(), d.cases.end(), [&](const CaseResult* one) { return d.positive(*one); });
}

struct Figure {
  const char *name, *words;
  double (*value)(const Drawn&);
};
// The order of tables.
const Figure kFigures[] = {
    {"dice", "Dice, cases with a lesion (missed = 0)",
     [](const Drawn& d) { return d.mean_positive([](const CaseMetrics& m) { return m.voxel.dice; }); }},
    {"dice_detected", "Dice, detected cases",
     [](const Drawn& d) {
       return d.mean([&](const CaseResult& one) { return d.positive(one) && one.metrics.detection.overlap; },
                     [](const CaseMetrics& m) { return m.voxel.dice; });
     }},
    {"dice_all_cases", "Dice, all cases (no lesion = 0)",
     [](const Drawn& d) { return d.mean_all([](const CaseMetrics& m) { return m.voxel.dice; }); }},
    {"recall", "recall of voxels",
     [](const Drawn& d) { return d.mean_positive([](const CaseMetrics& m) { return m.voxel.recall; }); }},
    {"precision", "precision of voxels",
     [](const Drawn& d) { return d.mean_positive([](const CaseMetrics& m) { return m.voxel.precision; }); }},
    {"f1", "F1 of voxels",
     [](const Drawn& d) { return d.mean_positive([](const CaseMetrics& m) { return m.voxel.f1; }); }},
    {"hd95_mm", "HD95, mm",
     [](const Drawn& d) {
       return d.mean_all([](const CaseMetrics& m) { return m.surface ? m.surface->hd95_mm : kUndefined; });
     }},
    {"assd_mm", "ASSD, mm",
     [](const Drawn& d) {
       return d.mean_all([](const CaseMetrics& m) { return m.surface ? m.surface->assd_mm : kUndefined; });
     }},
    {"patient_recall", "recall of patients",
     [](const Drawn& d) { return has_positive(d) ? d.patients().recall : kUndefined; }},
    {"patient_precision", "precision of patients", [](const Drawn& d) { return d.patients().precision; }},
    {"patient_specificity", "specificity of patients", [](const Drawn& d) { return d.patients().specificity; }},
    {"patient_f1", "F1 of patients", [](const Drawn& d) { return has_positive(d) ? d.patients().f1 : kUndefined; }},
    {"object_recall", "recall of objects",
     [](const Drawn& d) { return d.mean_all([](const CaseMetrics& m) { return m.object.recall; }); }},
    {"object_precision", "precision of objects",
     [](const Drawn& d) { return d.mean_all([](const CaseMetrics& m) { return m.object.precision; }); }},
    {"object_f1", "F1 of objects",
     [](const Drawn& d) { return d.mean_all([](const CaseMetrics& m) { return m.object.f1; }); }},
    {"object_dice", "Dice of matched objects",
     [](const Drawn& d) {
       return d.mean_all(
           [](const CaseMetrics& m) { return m.object.dice.count > 0 ? m.object.dice.mean : kUndefined; });
     }},
    {"detection_rate", "detected: a component shares a voxel",
     [](const Drawn& d) {
       return d.mean_positive([](const CaseMetrics& m) { return m.detection.overlap ? 1.0 : 0.0; });
     }},
    {"detection_rate_dice", "detected: Dice at least 0.1",
     [](const Drawn& d) { return d.mean_positive([](const CaseMetrics& m) { return m.detection.dice ? 1.0 : 0.0; }); }},
    {"detection_rate_centroid", "detected: centroids within 5 mm",
     [](const Drawn& d) {
       return d.mean_positive([](const CaseMetrics& m) { return m.detection.centroid ? 1.0 : 0.0; });
     }},
    {"false_positives_per_case", "false-positive components a case",
     [](const Drawn& d) {
       return d.mean_all([](const CaseMetrics& m) { return static_cast<double>(m.detection.false_positives); });
     }},
    {"component_precision", "components that touch the lesion", component_precision},
};

/// Patients are drawn; with and without a lesion apart, so that neither vanishes.
evaluation::Clusters clusters_of(const Cases& cases, const CohortSettings& settings) {
  evaluation::Clusters clusters;
  std::map<std::string, std::size_t> number;
  std::vector<bool> positive;
  for (const CaseResult* one : cases) {
    const auto [found, added] = number.emplace(one->files.patient, number.size());
    if (added) positive.push_back(false);
    if (one->metrics.reference_ml > settings.cutoff_ml) positive[found->second] = true;
    clusters.of_row.push_back(found->second);
  }
  std::map<bool, std::vector<std::size_t>> strata;
  for (std::size_t i = 0; i < positive.size(); ++i) strata[positive[i]].push_back(i);
  for (auto& [key, members] : strata) clusters.in_stratum.push_back(std::move(members));
  return clusters;
}

CohortGroup measured(const std::string& name, const Cases& cases, const CohortSettings& settings) {
  CohortGroup group;
  group.name = name, group.cases = cases.size();
  std::set<std::string> patients;
  for (const CaseResult* one : cases) {
    patients.insert(one->files.patient);
    group.positives += one->metrics.reference_ml > settings.cutoff_ml;
  }
  group.patients = patients.size();
  evaluation::FigureSet figures;
  figures.rows = cases.size();
  for (const Figure& figure : kFigures) figures.names.push_back(figure.name);
  figures.values = [&](Multiplicity multiplicity) {
    std::vector<double> values;
    for (const Figure& figure : kFigures) values.push_back(figure.value({cases, multiplicity, settings}));
    return values;
  };
  const std::vector<double> values = figures.values({});
  std::vector<std::optional<evaluation::Interval>> intervals(values.size());
  // One patient drawn again and again tells nothing about others.
  if (settings.replicates > 0 && group.patients > 1)
    intervals = evaluation::bootstrap_intervals(figures, clusters_of(cases, settings), settings.replicates,
                                                settings.seed, settings.confidence);
  for (std::size_t f = 0; f < values.size(); ++f)
    group.figures.push_back({figures.names[f], values[f], std::isnan(values[f]) ? std::nullopt : intervals[f]});
  return group;
}

/// Thirds of the lesions by volume, equal ones in the order of the list.
void add_terciles(std::vector<std::pair<std::string, Cases>>& groups, const Cases& all,
                  const CohortSettings& settings) {
  Cases positives;
  for (const CaseResult* one : all)
    if (one->metrics.reference_ml > settings.cutoff_ml) positives.push_back(one);
  if (positives.size() < 3) return;
  std::stable_sort(positives.begin(), positives.end(), [](const CaseResult* a, const CaseResult* b) {
    return a->metrics.reference_ml < b->metrics.reference_ml;
  });
  const std::size_t n = positives.size();
  const char* names[] = {"smallest third", "middle third", "largest third"};
  for (std::size_t third = 0; third < 3; ++third) {
    const Cases part(positives.begin() + static_cast<std::ptrdiff_t>(third * n / 3),
                     positives.begin() + static_cast<std::ptrdiff_t>((third + 1) * n / 3));
    groups.emplace_back(std::string(names[third]) + " (" + slide::number_text(part.front()->metrics.reference_ml, 3) +
                            " to " + slide::number_text(part.back()->metrics.reference_ml, 3) + " ml)",
                        part);
  }
}

void add_named(std::vector<std::pair<std::string, Cases>>& groups, const Cases& all, const std::string& what,
               std::string CaseFiles::*column) {
  std::map<std::string, Cases> members;
  for (const CaseResult* one : all)
    if (!(one->files.*column).empty()) members[one->files.*column].push_back(one);
  for (auto& [name, cases] : members) groups.emplace_back(what + " " + name, std::move(cases));
}

}  // namespace

std::vector<CohortGroup> cohort_groups(const std::vector<CaseResult>& cases, const CohortSettings& settings,
                                       const std::function<void(double)>& progress) {
  Cases all;
  for (const CaseResult& one : cases)
    if (one.usable()) all.push_back(&one);
  std::vector<std::pair<std::string, Cases>> groups{{"all", all}};
  const std::string split = slide::number_text(settings.split_ml) + " ml";
  Cases small, large;
  for (const CaseResult* one : all)
    if (one->metrics.reference_ml > settings.cutoff_ml)
      (one->metrics.reference_ml < settings.split_ml ? small : large).push_back(one);
  groups.emplace_back("below " + split, small), groups.emplace_back("from " + split, large);
  add_terciles(groups, all, settings);
  add_named(groups, all, "pattern", &CaseFiles::pattern), add_named(groups, all, "centre", &CaseFiles::centre);
  std::vector<CohortGroup> results;
  double done = 0;
  for (const auto& [name, members] : groups) {
    if (!members.empty()) results.push_back(measured(name, members, settings));
    if (progress) progress(++done / static_cast<double>(groups.size()));
  }
  return results;
}

std::string cohort_figure_words(const std::string& name) {
  for (const Figure& figure : kFigures)
    if (name == figure.name) return figure.words;
  return name;
}

}  // namespace fovea::pipeline::mri
