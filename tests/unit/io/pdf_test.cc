// Printable documents: pages, cells that do not fit, what a file must not say.
#include <fovea/io/pdf.h>

#include <gtest/gtest.h>

#include <fovea/base/error.h>

#include "file_text.h"
#include "shared.h"

namespace fovea::io {
namespace {

int pages_of(const std::string& pdf) {
  int pages = 0;
  for (std::size_t at = pdf.find("/Type /Page"); at != std::string::npos; at = pdf.find("/Type /Page", at + 1))
    pages += pdf[at + 11] != 's';
  return pages;
}

std::string written(const std::vector<std::vector<std::string>>& rows, const Image& image) {
  const test::TemporaryFolder folder;
  PdfDocument document("Über 3 mm³", "footer");
  document.notice("a notice");
  document.heading("Heading");
  document.table({"a", "two words"}, rows);
  document.picture(image, "a picture");
  document.save(folder / "report.pdf");
  return test::file_text(folder / "report.pdf");
}

TEST(Pdf, FlowsOverPages) {
  const Image image(300, 100, 3, 90);
  const std::string one = written({{"x", "1"}}, image);
  EXPECT_EQ(one.rfind("%PDF-", 0), 0U);
  EXPECT_NE(one.find("%%EOF"), std::string::npos);
  EXPECT_EQ(pages_of(one), 1);
  const std::vector<std::vector<std::string>> many(120, {"x", "1"});
  EXPECT_EQ(pages_of(written(many, image)), 3);
  // A tall picture goes to a page of its own and is not cut.
  EXPECT_EQ(pages_of(written({{"x", "1"}}, Image(100, 900, 3, 90))), 2);
}

TEST(Pdf, WordsWiderThanTheirColumnAreBroken) {
  const std::string hash(400, 'f');
  EXPECT_EQ(pages_of(written({{hash, hash}, {"", "x"}, {"\xF0\x9F\xA7\xA0 \xD0\x9F", std::string(80, ' ')}},
                             Image(30, 10, 3))),
            1);
}

TEST(Pdf, NamesNoDateAndIsTheSameTwice) {
  const std::string one = written({{"x", "1"}}, Image(30, 10, 3));
  EXPECT_EQ(one.find("CreationDate"), std::string::npos);
  EXPECT_EQ(one, written({{"x", "1"}}, Image(30, 10, 3)));
}

TEST(Pdf, AFolderThatIsNotThereIsSaid) {
  PdfDocument document("t", "f");
  EXPECT_THROW(document.save("/nonexistent/folder/report.pdf"), Error);
  EXPECT_THROW(document.picture(Image(4, 4, 1), "grey"), Error);
}

}  // namespace
}  // namespace fovea::io
