// The page: self-contained, safe whatever ids hold, complete.
#include <fstream>
#include <regex>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evaluation/chart.h"
#include "evaluation/curves.h"
#include "evaluation/evaluation.h"
#include "evaluation/page.h"
#include "file_text.h"
#include "shared.h"
#include "tables.h"

namespace {

using namespace fovea::pipeline::evaluation;
using fovea::tests::random_table;
using testing::HasSubstr;
using testing::Not;

class Report : public testing::Test {
 protected:
  std::string page() {
    EvaluationOptions options;
    options.replicates = 30;
    write_evaluation(folder_.path(), options);
    return fovea::test::file_text(folder_.path() / "report.html");
  }
  fovea::test::TemporaryFolder folder_;
};

TEST_F(Report, FetchesNothingAndHoldsNoScript) {
  write_predictions(folder_.path() / "predictions.csv", random_table(30, 1, {"a", "b", "c"}, 0.3, 1));
  const std::string html = std::regex_replace(page(), std::regex("xmlns=\"http://www.w3.org/2000/svg\""), "");
  EXPECT_THAT(html, Not(HasSubstr("http://")));
  EXPECT_THAT(html, Not(HasSubstr("https://")));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(testing::ContainsRegex("[^a-z]nan[^a-z]")));
  for (const char* part :
       {"ROC", "Precision and recall", "Calibration", "Confusion", "Worst errors", "For research only"})
    EXPECT_THAT(html, HasSubstr(part));
}

TEST_F(Report, IdsAndClassNamesCannotBecomeMarkup) {
  PredictionTable table = random_table(30, 1, {"<b>a</b>", "b & c"}, 0, 1);
  for (PredictionRow& row : table.rows) row.slide_id = "<script>" + row.slide_id + "\"'";
  write_predictions(folder_.path() / "predictions.csv", table);
  const std::string html = page();
  EXPECT_THAT(html, Not(HasSubstr("<script>")));
  EXPECT_THAT(html, Not(HasSubstr("<b>")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;"));
}

TEST_F(Report, ShowsTrainingAndConcentrationWhereTheirTablesAre) {
  write_predictions(folder_.path() / "predictions.csv", random_table(30, 1, {"a", "b"}, 0.3, 1));
  EXPECT_THAT(page(), Not(HasSubstr("Concentration of attention")));
  std::ofstream(folder_.path() / "history.csv")
      << "seed,fold,epoch,train_loss,val_loss,val_auc,val_macro_f1,learning_rate,attention_entropy,top10_mass,seconds\n"
         "0,0,0,0.7,0.8,0.5,,1e-4,0.9,0.1,1\n0,0,1,0.6,0.7,0.6,,1e-4,0.8,0.2,1\n";
  std::ofstream(folder_.path() / "concentration.csv") << "slide_id,k,mass\n01,1,0.2\n01,2,0.3\n02,1,0.4\n02,2,0.5\n";
  const std::string html = page();
  EXPECT_THAT(html, HasSubstr("Concentration of attention"));
  EXPECT_THAT(html, HasSubstr("Mean over 2 slides"));
  EXPECT_THAT(html, HasSubstr(">validation<"));
}

TEST_F(Report, SurvivalAndRegressionHaveTheirPictures) {
  std::ofstream(folder_.path() / "predictions.csv")
      << "slide_id,risk,time,event\n01,3,1,1\n02,2,3,1\n03,1,5,0\n04,0.5,6,1\n";
  EXPECT_THAT(page(), HasSubstr("Survival by risk"));
  std::ofstream(folder_.path() / "predictions.csv") << "slide_id,value,target\n01,1,2\n02,2,4\n";
  EXPECT_THAT(page(), HasSubstr("Predicted and true"));
}

TEST(Curves, TheBandHoldsTheCurveOfMostResamples) {
  const PredictionTable table = random_table(100, 1, {"a", "b"}, 0.4, 1);
  const auto rows = fovea::tests::all_rows(table);
  const RankedScores scores(scores_of(table, rows, 1), positives_of(table, rows, 1));
  const std::vector<Point> curve = roc_curve(scores);
  EXPECT_EQ(curve.front().x, 0);
  EXPECT_EQ(curve.back().y, 1);
  const Band band = roc_band(scores, clusters_of(table, rows), 100, 0, 0.95);
  ASSERT_EQ(band.low.size(), 51U);
  for (std::size_t i = 0; i < band.low.size(); ++i) {
    EXPECT_LE(band.low[i].y, height_at(curve, band.low[i].x) + 1e-12);
    EXPECT_GE(band.high[i].y, height_at(curve, band.high[i].x) - 1e-12);
  }
}

TEST(Page, EncodesPictures) {
  EXPECT_THAT(image_markup("M", "image/png", ""), HasSubstr("base64,TQ=="));
  EXPECT_THAT(image_markup("Ma", "image/png", ""), HasSubstr("base64,TWE="));
  EXPECT_THAT(image_markup("Man", "image/png", ""), HasSubstr("base64,TWFu\""));
}

TEST(Chart, DrawsWithinItsAxesAndSkipsHoles) {
  Chart chart{"t", {"x", 0, 1}, {"y", 0, 1}, {}};
  chart.series.push_back({"s", {{0, 0}, {0.5, std::nan("")}, {1, 2}}});
  const std::string svg = chart_svg(chart);
  EXPECT_THAT(svg, HasSubstr("M62.0 314.0M382.0 34.0"));  // the hole lifts the pen; 2 is cut at the upper edge
}

}  // namespace
