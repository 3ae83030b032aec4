// Manifests: what is wrong is said with its line before anything starts; keys change with what a result depends on.
#include <chrono>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>

#include "batch/case_key.h"
#include "batch/manifest.h"
#include "batch/redaction.h"
#include "shared.h"
#include "slide/csv_table.h"

namespace fovea::pipeline::batch {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Manifest : public testing::Test {
 protected:
  std::vector<Case> read(const std::string& text, const std::string& job = "",
                         const std::map<std::string, std::string>& fixed = {}) {
    std::ofstream(folder_ / "m.csv") << text;
    return read_manifest({folder_ / "m.csv", job, fixed});
  }
  std::string problem(const std::string& text, const std::string& job = "") {
    try {
      read(text, job);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      return error.what();
    }
    return "nothing was wrong";
  }
  TemporaryFolder folder_;
};

TEST_F(Manifest, CellsBecomeTheJobsTypesAndPathsCountFromTheManifest) {
  const auto cases = read(
      "case,job,volumes,model,threshold,accept-irregular-slices,dicom-seg\n"
      "c1,mri segment,a.nii;b.nii,/m.safetensors,0.25,yes,seg.dcm\n"
      "\n"
      "c2,mri segment,\"with, comma.nii\",/m.safetensors,,,\n");
  ASSERT_EQ(cases.size(), 2u);
  EXPECT_EQ(cases[1].line, 4);
  const auto& values = cases[0].request.values;
  EXPECT_THAT(std::get<std::vector<std::string>>(values.at("volumes")),
              ElementsAre((folder_ / "a.nii").string(), (folder_ / "b.nii").string()));
  EXPECT_EQ(std::get<double>(values.at("threshold")), 0.25);
  EXPECT_TRUE(std::get<bool>(values.at("accept-irregular-slices")));
  EXPECT_EQ(cases[1].request.values.count("threshold"), 0u);
  const JobRequest placed = request_in(cases[0], "/out/work");
  EXPECT_EQ(std::get<std::string>(placed.values.at("out")), "/out/work");
  EXPECT_EQ(std::get<std::string>(placed.values.at("dicom-seg")), "/out/work/seg.dcm");
}

TEST_F(Manifest, EveryProblemIsListedWithItsLine) {
  const std::string words = problem(
      "case,job,volumes,model,threshold,out,dicom-seg,modle\n"
      "a,mri segment,x.nii,m,high,,,\n"
      "a,mri segment,y.nii,m,,,,\n"
      "../b,mri segment,z.nii,m,,,,\n"
      "c,mri segmnt,z.nii,m,,,,\n"
      "d,mri segment,x.nii,,,,,\n"
      "e,mri segment,z.nii,m,,elsewhere,,\n"
      "f,mri segment,z.nii,m,,,../../seg.dcm,\n"
      "g,mri segment,z.nii,m,,,,m\n"
      "h,batch,,,,,,\n"
      "i,mri segment,z.nii,m,,,,,,,\n");
  EXPECT_THAT(words, HasSubstr("10 problems"));
  for (const char* part : {"line 2: 'threshold' must be a number", "line 3: its case id was given on line 2",
                           "line 4: its case id cannot be a file name",
                           "line 5: unknown job 'mri segmnt' (did you mean "
                           "'mri segment'?)",
                           "line 6: 'model' is missing", "line 7: 'out' is decided by the batch",
                           "line 8: 'dicom-seg' must be a plain file name",
                           "line 9: 'modle' is not an option of mri segment (did you mean 'model'?)",
                           "line 10: unknown job 'batch'", "line 11: it has 11 cells under 8 columns"})
    EXPECT_THAT(words, HasSubstr(part));
  EXPECT_THAT(problem("case,volumes\nc,x\n"), HasSubstr("no column 'job'"));
  EXPECT_THAT(problem("case,case,model\nc,c,x\n", "model info"), HasSubstr("comes twice"));
  EXPECT_THAT(problem("case,model\nc,\"x\nd,y\n", "model info"), HasSubstr("line 2: a quote is opened"));
  EXPECT_THAT(problem("case,model\n", "model info"), HasSubstr("has no cases"));
  EXPECT_THAT(problem("case,model\nc,x\nd,m\xE9ningiome\n", "model info"),
              HasSubstr("line 3: it holds bytes that are no"));
}

TEST_F(Manifest, AnIdOfTheContentStaysWhenRowsMove) {
  const auto first = read("model\nm1\nm2\n", "model info"), second = read("model\nm2\nm1\n", "model info");
  EXPECT_EQ(first[0].id, second[1].id);
  EXPECT_NE(first[0].id, first[1].id);
  EXPECT_TRUE(is_safe_name(first[0].id));
  EXPECT_THAT(problem("model\nm1\nm1\n", "model info"), HasSubstr("line 3: it repeats line 2"));
}

TEST_F(Manifest, AHundredThousandBadRowsAreAHundredLines) {
  std::string text = "case,model,json\n";
  for (int i = 0; i < 100'000; ++i) text += "c" + std::to_string(i) + ",m,perhaps\n";
  const std::string words = problem(text, "model info");
  EXPECT_THAT(words, HasSubstr("100000 problems"));
  EXPECT_THAT(words, HasSubstr("and 99900 more"));
  EXPECT_LT(words.size(), 10'000u);
}

TEST_F(Manifest, TheKeyChangesWithValuesInputsAndNothingElse) {
  std::ofstream(folder_ / "m1") << "weights";
  const std::string text = "case,model,json\nc,m1,no\n";
  const auto key = [&](const std::string& manifest, bool by_content = false) {
    return CaseKeys(by_content).key_of(read(manifest, "model info").front());
  };
  const std::string before = key(text), content = key(text, true);
  EXPECT_EQ(key(text), before);
  EXPECT_NE(key("case,model,json\nc,m1,yes\n"), before);
  EXPECT_EQ(key("case,model,json\nother,m1,no\n"), before) << "a name is no part of a result";
  std::ofstream(folder_ / "m2") << "weights";
  EXPECT_NE(key("case,model,json\nc,m2,no\n"), before);
  EXPECT_EQ(key("case,model,json\nc,m2,no\n", true), content) << "a copy is the same input";
  std::ofstream(folder_ / "m1") << "others!";
  fs::last_write_time(folder_ / "m1", fs::last_write_time(folder_ / "m1") + std::chrono::seconds(1));
  EXPECT_NE(key(text), before) << "the same size, another time";
  EXPECT_NE(key(text, true), content);
  fs::remove(folder_ / "m1");
  EXPECT_NE(key(text), before) << "an input that comes later is a change";
}

TEST_F(Manifest, AFolderIsAllThatIsInIt) {
  fs::create_directories(folder_ / "series/deep");
  std::ofstream(folder_ / "series/1.dcm") << "1";
  const auto key = [&] {
    return CaseKeys(false).key_of(read("case,volumes,model\nc,series,m\n", "mri segment").front());
  };
  const std::string before = key();
  std::ofstream(folder_ / "series/deep/2.dcm") << "2";
  EXPECT_NE(key(), before);
}

TEST_F(Manifest, MessagesLoseTheNamesOfFiles) {
  const auto cases = read("case,volumes,model\nc,scans/Doe_Jane.nii.gz,best/model.safetensors\n", "mri segment");
  const Redaction redacted(cases.front().request, "/out/work/c@1@2");
  const std::string scan = (folder_ / "scans/Doe_Jane.nii.gz").string();
  const std::string text = redacted(scan + ": it fails. Doe_Jane.nii.gz is bad, Doe_Jane too; the model fits. See " +
                                    "/out/work/c@1@2/mask.nii.gz");
  EXPECT_EQ(text, "input 1: it fails. input 1 is bad, input 1 too; the model fits. See mask.nii.gz");
}

TEST(CsvTable, QuotesHoldCommasQuotesAndLines) {
  const slide::CsvTable table = slide::parse_csv(
      "\xEF\xBB\xBF"
      "a,b\r\n\"1, \"\"x\"\"\",2\r\n\n\"two\nlines\",5\"\n");
  EXPECT_THAT(table.columns, ElementsAre("a", "b"));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_THAT(table.rows[0].cells, ElementsAre("1, \"x\"", "2"));
  EXPECT_THAT(table.rows[1].cells, ElementsAre("two\nlines", "5\""));
  EXPECT_EQ(table.rows[1].line, 4);
  EXPECT_EQ(table.open_quote, 0);
  EXPECT_EQ(slide::parse_csv("a\n\"b").open_quote, 2);
}

}  // namespace
}  // namespace fovea::pipeline::batch
