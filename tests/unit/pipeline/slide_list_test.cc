#include "slide/slide_list.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>

#include "shared.h"

namespace fovea::pipeline::slide {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

void touch(const fs::path& file) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << "x";
}
std::vector<std::string> ids(const std::vector<SlideEntry>& entries) {
  std::vector<std::string> found;
  for (const SlideEntry& entry : entries) found.push_back(entry.id);
  return found;
}
std::vector<SlideEntry> list_of(const test::TemporaryFolder& folder, const std::string& text) {
  std::ofstream(folder / "list.csv") << text;
  return slides_of_list(folder / "list.csv");
}

TEST(SlideList, AFolderIsSearchedToTheBottomAndADicomFolderIsOneSlide) {
  test::TemporaryFolder folder;
  for (const char* name : {"b.svs", "deep/er/c.TIFF", "series/1.dcm", "series/2.dcm", "series/below/3.svs", "note.txt",
                           "picture.png", ".hidden/d.svs"})
    touch(folder / name);
  EXPECT_THAT(ids(slides_of_arguments({folder.path().string()})), ElementsAre("b", "c", "series"));
  EXPECT_THAT(ids(slides_of_arguments({(folder / "series").string() + "/"})), ElementsAre("series"));
  EXPECT_THAT(ids(slides_of_arguments({(folder / "picture.png").string()})), ElementsAre("picture"));
  fs::create_directory(folder / "empty");
  EXPECT_THROW(slides_of_arguments({(folder / "empty").string()}), Error);
}

TEST(SlideList, TwoSlidesOfOneNameAreToldApartOrRefused) {
  const auto entries = slides_of_arguments({"a/slide.svs", "b/slide.svs", "a/../a/slide.svs", "c/other.svs"});
  EXPECT_EQ(entries[0].problem, "");
  EXPECT_THAT(entries[1].problem, HasSubstr("row 1 has the same name"));
  EXPECT_THAT(entries[2].problem, HasSubstr("repeats row 1"));
  EXPECT_EQ(entries[3].problem, "");
}

TEST(SlideList, IdsStayTextAndPathsCountFromTheList) {
  test::TemporaryFolder folder;
  touch(folder / "000123.svs");
  const auto entries = list_of(folder,
                               "\xEF\xBB\xBFslide_id,path,mpp,case_id,label\r\n"
                               "007,sub/x.svs,0.25,0001,tumour\r\n"
                               ",\"y, z.svs\",,,\r\n"
                               "000123,,,,\r\n");
  EXPECT_THAT(ids(entries), ElementsAre("007", "y, z", "000123"));
  EXPECT_EQ(entries[0].path, folder / "sub/x.svs");
  EXPECT_EQ(entries[0].mpp, 0.25);
  EXPECT_EQ(entries[0].case_id, "0001");
  EXPECT_EQ(entries[0].label, "tumour");
  EXPECT_EQ(entries[0].row, 2);
  EXPECT_EQ(entries[2].path, folder / "000123.svs");
}

TEST(SlideList, BadRowsAreProblemsOfThoseRowsAlone) {
  test::TemporaryFolder folder;
  const auto entries =
      list_of(folder, "slide_id,path,mpp\na,a.svs,fast\n../b,b.svs,\n,,\nc,c.svs,-1\n.d,d.svs,\ne,e.svs,0.5\n");
  ASSERT_EQ(entries.size(), 6u);
  EXPECT_THAT(entries[0].problem, HasSubstr("'fast' is not a number"));
  EXPECT_THAT(entries[1].problem, HasSubstr("cannot be part of a file name"));
  EXPECT_THAT(entries[2].problem, HasSubstr("neither a slide_id nor a path"));
  EXPECT_THAT(entries[3].problem, HasSubstr("'-1'"));
  EXPECT_THAT(entries[4].problem, HasSubstr("begins with a dot"));
  EXPECT_EQ(entries[5].problem, "");
}

TEST(SlideList, AListOfOtherColumnsOrWithoutRowsIsRefused) {
  test::TemporaryFolder folder;
  EXPECT_THROW(list_of(folder, "name,file\na,b\n"), Error);
  EXPECT_THROW(list_of(folder, "slide_id,path\n"), Error);
  EXPECT_THROW(slides_of_list(folder / "absent.csv"), Error);
}

TEST(SlideList, TenThousandRowsAreCheckedAtOnce) {
  std::string text = "slide_id,path\n";
  for (int i = 0; i < 10000; ++i) text += std::to_string(i % 9000) + "," + std::to_string(i) + ".svs\n";
  test::TemporaryFolder folder;
  const auto entries = list_of(folder, text);
  EXPECT_EQ(std::count_if(entries.begin(), entries.end(), [](const auto& e) { return e.problem.empty(); }), 9000);
}

}  // namespace
}  // namespace fovea::pipeline::slide
