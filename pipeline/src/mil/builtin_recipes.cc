// Recipes as published (mil.md 1, 3, 4, 5), as far as the papers and their code say; ours where there is none.
#include "mil/recipe.h"

#include <functional>
#include <utility>

namespace fovea::pipeline::mil {
namespace {

BuiltinRecipe made(std::string_view name, std::string_view architecture, std::string_view summary,
                   const std::function<void(Recipe&)>& change = {}) {
  Recipe recipe;
  recipe.name = name, recipe.architecture = architecture;
  recipe.training.epochs = 50, recipe.training.learning_rate = 1e-4, recipe.training.weight_decay = 1e-5;
  recipe.training.mil.stkim = {0, 0.6};
  if (change) change(recipe);
  return {name, summary, std::move(recipe)};
}

void as_aem(Recipe& recipe) {
  recipe.training.mil.loss.aem_lambda = 0.1, recipe.training.mil.anneal_aem = true;
  recipe.training.learning_rate = 2e-4;
}

void as_clam(Recipe& recipe) {
  recipe.training.l2 = true, recipe.training.schedule = models::TrainOptions::Schedule::kConstant;
  recipe.training.epochs = 200, recipe.patience = 20, recipe.patience_from = 50;
  recipe.selection = Selection::kLoss, recipe.balanced_sampling = true;
  recipe.patients = Patients::kMaximum;
}

}  // namespace

const std::vector<BuiltinRecipe>& builtin_recipes() {
  static const std::vector<BuiltinRecipe> recipes{
      made("acmil", "acmil_ga", "Five attention branches with diversity; masking off, as its authors advise later",
           [](Recipe& r) { r.branches = 5; }),
      made("acmil_stkim", "acmil_ga", "ACMIL as published: of every branch's 10 strongest instances 6 are masked",
           [](Recipe& r) {
             r.branches = 5, r.training.mil.stkim = {10, 0.6};
           }),
      made("acmil_mha", "acmil_mha", "ACMIL with eight heads a branch", [](Recipe& r) { r.branches = 5; }),
      made("abmil", "abmil", "Gated attention, one branch"),
      made("aem", "abmil", "ABMIL that is pushed to spread its attention, the push annealed", as_aem),
      made("aem_mha", "mha", "AEM on eight heads", as_aem),
      made("acmil_aem", "acmil_ga", "ACMIL and AEM together",
           [](Recipe& r) {
             as_aem(r);
             r.branches = 5;
           }),
      made("clam_sb", "clam_sb", "CLAM, one branch, with its instance loss, early stopping and class-balanced sampling",
           as_clam),
      made("clam_mb", "clam_mb", "CLAM, one branch a class", as_clam),
      made("transmil", "transmil", "TransMIL", [](Recipe& r) { r.training.learning_rate = 2e-4; }),
      made("dsmil", "dsmil", "DSMIL: critical instances as queries; independent classes",
           [](Recipe& r) { r.training.learning_rate = 1e-4, r.training.weight_decay = 1e-3; }),
      made("dsmil_linear", "dsmil_linear", "DSMIL with a linear query, as AEM and ACMIL train it"),
      made("mean", "mean_pooling", "Mean over the instances' logits"),
      made("max", "max_pooling", "Maximum over the instances' logits"),
      made("slide_transformer", "slide_transformer", "Local and global attention between patches at their places",
           [](Recipe& r) { r.training.mil.dropout = 0.1, r.warm_up_epochs = 2; }),
  };
  return recipes;
}

}  // namespace fovea::pipeline::mil
