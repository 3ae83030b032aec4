// `mri evaluate` on a cohort with one bad case, and `mri growth`, as a user runs them.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/io/volume.h>

#include "program.h"

namespace fovea::test {
namespace {

io::LabelVolume cube(std::int64_t begin, std::int64_t size = 12) {
  io::LabelVolume labels;
  labels.geometry.size = {size, size, size};
  labels.geometry.spacing_mm = {1, 1, 2};
  for (std::int64_t k = 0; k < size; ++k)
    for (std::int64_t j = 0; j < size; ++j)
      for (std::int64_t i = 0; i < size; ++i)
        labels.values.push_back(i >= begin && i < begin + 5 && j >= 2 && j < 7 && k >= 2 && k < 7);
  return labels;
}

TEST(MriEvaluate, ABadCaseIsARowAndTheRestGoesOn) {
  TemporaryFolder folder;
  io::write_label_map(folder / "truth.nii.gz", cube(2));
  io::write_label_map(folder / "shifted.nii.gz", cube(3));
  io::write_label_map(folder / "small.nii.gz", cube(2, 10));
  std::ofstream(folder / "cases.csv") << "case,reference,prediction,pattern\n"
                                         "007,truth.nii.gz,shifted.nii.gz,swan\n"
                                         "008,truth.nii.gz,truth.nii.gz,swan+dwi\n"
                                         "009,truth.nii.gz,small.nii.gz,swan\n"
                                         "010,truth.nii.gz,missing.nii.gz,swan\n";
  const ProgramResult run = run_fovea("mri evaluate --pairs '" + (folder / "cases.csv").string() + "' --out '" +
                                      (folder / "out").string() + "' --bootstrap 20");
  EXPECT_EQ(run.exit_code, 2) << run.err;
  const std::string cases = file_text(folder / "out/per_case.csv");
  EXPECT_THAT(cases, testing::HasSubstr("\n007,007,,swan,,0.25,0.25,0.8,"));
  EXPECT_THAT(cases, testing::ContainsRegex("\n009,[^\n]*small.nii.gz[^\n]*does not lie on the reference's grid"));
  EXPECT_THAT(cases, testing::ContainsRegex("\n010,[^\n]*missing.nii.gz"));
  const auto json = nlohmann::json::parse(file_text(folder / "out/metrics.json"));
  EXPECT_EQ(json["cases"]["failed"], 2);
  EXPECT_NEAR(json["groups"][0]["figures"]["dice"]["value"].get<double>(), 0.9, 1e-12);
  EXPECT_THAT(file_text(folder / "out/report.html"), testing::HasSubstr("data:image/png;base64"));
  EXPECT_THAT(file_text(folder / "out/per_lesion.csv"), testing::HasSubstr("007,prediction,1,1,125,0.25"));
}

TEST(MriEvaluate, NothingMeasurableLeavesNothing) {
  TemporaryFolder folder;
  io::write_label_map(folder / "truth.nii.gz", cube(2));
  std::ofstream(folder / "cases.csv") << "case,reference,prediction\na,truth.nii.gz,gone.nii.gz\n";
  const ProgramResult run = run_fovea("mri evaluate --pairs '" + (folder / "cases.csv").string() + "' --out '" +
                                      (folder / "out").string() + "'");
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, testing::HasSubstr("gone.nii.gz"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST(MriGrowth, WritesAReport) {
  TemporaryFolder folder;
  io::write_label_map(folder / "before.nii.gz", cube(2));
  io::write_seg_nrrd(folder / "after.seg.nrrd", cube(3), {{.name = "lesion"}});
  const std::string masks = "mri growth --before '" + (folder / "before.nii.gz").string() + "' --after '" +
                            (folder / "after.seg.nrrd").string() + "' --out '" + (folder / "out").string() + "'";
  const ProgramResult run = run_fovea(masks + " --days 100");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const auto json = nlohmann::json::parse(file_text(folder / "out/growth.json"));
  EXPECT_EQ(json["lesions"][0]["verdict"], "no certain change");
  EXPECT_EQ(json["lesions"][0]["change_ml"], 0);
  EXPECT_NEAR(json["lesions"][0]["after_uncertainty_ml"].get<double>(), (125 - 27) * 0.002 / 2, 1e-12);
  EXPECT_THAT(file_text(folder / "out/report.html"), testing::HasSubstr("data:image/png;base64"));
  EXPECT_EQ(run_fovea(masks + " --days -3").exit_code, 1);
}

}  // namespace
}  // namespace fovea::test
