// Printable documents: text, tables and pictures that flow over A4 pages.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fovea/io/image.h>

namespace fovea::io {

/// Text is UTF-8; characters outside Western European ones print as '?'. Everything appears in the order of the calls.
class PdfDocument {
 public:
  /// `footer`: at the foot of every page, beside its number. The document carries no date and no author.
  PdfDocument(const std::string& title, std::string footer);
  ~PdfDocument();
  PdfDocument(const PdfDocument&) = delete;
  PdfDocument& operator=(const PdfDocument&) = delete;

  void heading(const std::string& text);
  void paragraph(const std::string& text);
  void notice(const std::string& text);  ///< with a bar at its side
  /// Cells are broken into lines where the columns do not fit; the header is repeated on every page.
  void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);
  /// Three channels; as wide as the page allows, never cut.
  void picture(const Image& image, const std::string& caption);

  /// Atomic.
  void save(const std::filesystem::path& path);

 private:
  class Pages;
  std::unique_ptr<Pages> pages_;
};

}  // namespace fovea::io
