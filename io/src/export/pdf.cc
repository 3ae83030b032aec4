#include <fovea/io/pdf.h>

#include <algorithm>

#include <hpdf.h>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

namespace fovea::io {
namespace {

// Points: 1/72 inch.
constexpr float kWidth = 595, kHeight = 842, kMargin = 50, kFoot = 60;
constexpr float kTextSize = 9.5F, kTableSize = 8, kHeadingSize = 12, kTitleSize = 17, kCaptionSize = 8.5F;
constexpr float kLine = 1.35F, kCellGap = 6;

/// UTF-8 to the encoding of the standard fonts.
std::string win_ansi(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t code = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t b = 1; b < length && i + b < text.size(); ++b)
      code = code << 6 | (static_cast<unsigned char>(text[i + b]) & 0x3FU);
    i += length;
    const bool western = (code >= 0x20 && code < 0x7F) || (code >= 0xA0 && code <= 0xFF);
    bytes += western          ? static_cast<char>(code)
             : code == 0x2013 ? '\x96'
             : code == 0x2014 ? '\x97'
             : code == 0x2019 ? '\x92'
             : code == '\n'   ? ' '
                              : '?';
  }
  return bytes;
}

}  // namespace

class PdfDocument::Pages {
 public:
  Pages(const std::string& title, std::string footer) : footer_(win_ansi(footer)), pdf_(HPDF_New(nullptr, nullptr)) {
    if (!pdf_)
      throw Error(ErrorCode::kOutOfMemory, "PDF", "the document cannot be begun", "Free memory and try again.");
    HPDF_SetCompressionMode(pdf_, HPDF_COMP_ALL);
    plain_ = HPDF_GetFont(pdf_, "Helvetica", "WinAnsiEncoding");
    bold_ = HPDF_GetFont(pdf_, "Helvetica-Bold", "WinAnsiEncoding");
    HPDF_SetInfoAttr(pdf_, HPDF_INFO_TITLE, win_ansi(title).c_str());
    new_page();
    write(win_ansi(title), bold_, kTitleSize, kMargin, kWidth - 2 * kMargin);
    y_ -= 6;
  }
  ~Pages() { HPDF_Free(pdf_); }

  void heading(const std::string& text) {
    // Not alone at the foot of a page.
    need(kHeadingSize * kLine + 60);
    y_ -= 8;
    write(win_ansi(text), bold_, kHeadingSize, kMargin, kWidth - 2 * kMargin);
    y_ -= 2;
  }

  void paragraph(const std::string& text) {
    write(win_ansi(text), plain_, kTextSize, kMargin, kWidth - 2 * kMargin);
    y_ -= 4;
  }

  void notice(const std::string& text) {
    const auto lines = broken(win_ansi(text), plain_, kTextSize, kWidth - 2 * kMargin - 12);
    const float height = static_cast<float>(lines.size()) * kTextSize * kLine;
    need(height);
    HPDF_Page_SetRGBFill(page_, 0.85F, 0.55F, 0);
    HPDF_Page_Rectangle(page_, kMargin, y_ - height - 1, 3, height);
    HPDF_Page_Fill(page_);
    HPDF_Page_SetRGBFill(page_, 0, 0, 0);
    for (const std::string& line : lines) write_line(line, plain_, kTextSize, kMargin + 12);
    y_ -= 6;
  }

  void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::vector<std::string>> cells{header};
    cells.insert(cells.end(), rows.begin(), rows.end());
    for (auto& row : cells)
      for (std::string& cell : row) cell = win_ansi(cell);
    const std::vector<float> widths = column_widths(cells);
    table_row(cells.front(), widths, bold_);
    for (std::size_t r = 1; r < cells.size(); ++r) {
      if (y_ - row_height(cells[r], widths, plain_) < kFoot) {
        new_page();
        table_row(cells.front(), widths, bold_);
      }
      table_row(cells[r], widths, plain_);
    }
    y_ -= 8;
  }

  void picture(const Image& image, const std::string& caption) {
    const float room = kWidth - 2 * kMargin, tallest = kHeight - kMargin - kFoot - 40;
    float width = room, height = room * static_cast<float>(image.height) / static_cast<float>(image.width);
    if (height > tallest) width *= tallest / height, height = tallest;
    need(height + 20);
    const HPDF_Image drawn = HPDF_LoadRawImageFromMem(pdf_, image.pixels.data(), static_cast<HPDF_UINT>(image.width),
                                                      static_cast<HPDF_UINT>(image.height), HPDF_CS_DEVICE_RGB, 8);
    HPDF_Page_DrawImage(page_, drawn, kMargin, y_ - height, width, height);
    y_ -= height + 3;
    write(win_ansi(caption), plain_, kCaptionSize, kMargin, room);
    y_ -= 8;
  }

  void save(const std::filesystem::path& path) {
    write_with(path, [&](const std::filesystem::path& temporary) {
      if (HPDF_GetError(pdf_) == HPDF_OK && HPDF_SaveToFile(pdf_, temporary.c_str()) == HPDF_OK) return;
      throw Error(ErrorCode::kWriteFailed, path.string(),
                  "the PDF could not be written (libharu error " + std::to_string(HPDF_GetError(pdf_)) + ")",
                  "Check the space left on the disk, or leave the PDF out.");
    });
  }

 private:
  void new_page() {
    page_ = HPDF_AddPage(pdf_);
    HPDF_Page_SetSize(page_, HPDF_PAGE_SIZE_A4, HPDF_PAGE_PORTRAIT);
    HPDF_Page_SetLineWidth(page_, 0.4F);
    HPDF_Page_SetRGBStroke(page_, 0.7F, 0.7F, 0.7F);
    y_ = kFoot - 18;
    write_line(footer_, plain_, kTableSize, kMargin);
    y_ = kFoot - 18;
    write_line(std::to_string(++number_), plain_, kTableSize, kWidth - kMargin - 14);
    y_ = kHeight - kMargin;
  }

  void need(float height) {
    if (y_ - height < kFoot) new_page();
  }

  /// In points.
  static float width_of(const std::string& text, HPDF_Font font, float size) {
    const HPDF_TextWidth width =
        HPDF_Font_TextWidth(font, reinterpret_cast<const HPDF_BYTE*>(text.data()), static_cast<HPDF_UINT>(text.size()));
    return static_cast<float>(width.width) * size / 1000;
  }

  /// Lines of at most `room` points: at spaces, and within words that are longer than a line.
  static std::vector<std::string> broken(const std::string& text, HPDF_Font font, float size, float room) {
    std::vector<std::string> lines{""};
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find(' ', begin), text.size());
      std::string word = text.substr(begin, end - begin);
      begin = end + 1;
      if (!lines.back().empty()) {
        if (width_of(lines.back() + " " + word, font, size) <= room) {
          lines.back() += " " + word;
          continue;
        }
        lines.emplace_back();
      }
      while (word.size() > 1 && width_of(word, font, size) > room) {
        std::size_t fits = word.size() - 1;
        while (fits > 1 && width_of(word.substr(0, fits), font, size) > room) --fits;
        lines.back() = word.substr(0, fits);
        lines.emplace_back();
        word.erase(0, fits);
      }
      lines.back() = word;
    }
    return lines;
  }

  void write_line(const std::string& line, HPDF_Font font, float size, float x) {
    HPDF_Page_BeginText(page_);
    HPDF_Page_SetFontAndSize(page_, font, size);
    HPDF_Page_TextOut(page_, x, y_ - size, line.c_str());
    HPDF_Page_EndText(page_);
    y_ -= size * kLine;
  }

  void write(const std::string& text, HPDF_Font font, float size, float x, float room) {
    for (const std::string& line : broken(text, font, size, room)) {
      need(size * kLine);
      write_line(line, font, size, x);
    }
  }

  /// As wide as their text, or cut down from the widest until they fit.
  std::vector<float> column_widths(const std::vector<std::vector<std::string>>& cells) const {
    std::vector<float> widths(cells.front().size(), 0);
    for (std::size_t r = 0; r < cells.size(); ++r)
      for (std::size_t c = 0; c < std::min(widths.size(), cells[r].size()); ++c) {
        // A heading may take two lines; its longest word may not.
        const float wanted = r == 0 ? longest_word(cells[r][c]) : width_of(cells[r][c], plain_, kTableSize);
        widths[c] = std::max(widths[c], wanted + kCellGap + 1);
      }
    const float room = kWidth - 2 * kMargin;
    float low = 0, high = room;
    for (int halving = 0; halving < 30; ++halving) {
      const float cap = (low + high) / 2;
      float sum = 0;
      for (const float width : widths) sum += std::min(width, cap);
      (sum <= room ? low : high) = cap;
    }
    for (float& width : widths) width = std::min(width, std::max(low, 12.0F));
    return widths;
  }

  float longest_word(const std::string& text) const {
    float longest = 0;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find(' ', begin), text.size());
      longest = std::max(longest, width_of(text.substr(begin, end - begin), bold_, kTableSize));
      begin = end + 1;
    }
    return longest;
  }

  static float row_height(const std::vector<std::string>& row, const std::vector<float>& widths, HPDF_Font font) {
    std::size_t lines = 1;
    for (std::size_t c = 0; c < std::min(row.size(), widths.size()); ++c)
      lines = std::max(lines, broken(row[c], font, kTableSize, widths[c] - kCellGap).size());
    return static_cast<float>(lines) * kTableSize * kLine + 4;
  }

  void table_row(const std::vector<std::string>& row, const std::vector<float>& widths, HPDF_Font font) {
    const float height = row_height(row, widths, font);
    need(height);
    const float top = y_;
    float x = kMargin;
    for (std::size_t c = 0; c < std::min(row.size(), widths.size()); ++c) {
      y_ = top;
      for (const std::string& line : broken(row[c], font, kTableSize, widths[c] - kCellGap))
        write_line(line, font, kTableSize, x);
      x += widths[c];
    }
    y_ = top - height;
    HPDF_Page_MoveTo(page_, kMargin, y_ + 1.5F);
    HPDF_Page_LineTo(page_, x, y_ + 1.5F);
    HPDF_Page_Stroke(page_);
  }

  std::string footer_;
  HPDF_Doc pdf_;
  HPDF_Font plain_ = nullptr, bold_ = nullptr;
  HPDF_Page page_ = nullptr;
  float y_ = 0;  ///< where the next line begins, from the foot of the page
  int number_ = 0;
};

PdfDocument::PdfDocument(const std::string& title, std::string footer)
    : pages_(std::make_unique<Pages>(title, std::move(footer))) {}
PdfDocument::~PdfDocument() = default;
void PdfDocument::heading(const std::string& text) {
  pages_->heading(text);
}
void PdfDocument::paragraph(const std::string& text) {
  pages_->paragraph(text);
}
void PdfDocument::notice(const std::string& text) {
  pages_->notice(text);
}
void PdfDocument::table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  pages_->table(header, rows);
}
void PdfDocument::picture(const Image& image, const std::string& caption) {
  if (image.channels != 3 || image.width < 1 || image.height < 1)
    throw Error(ErrorCode::kInternal, "PDF", "a picture without three channels");
  pages_->picture(image, caption);
}
void PdfDocument::save(const std::filesystem::path& path) {
  pages_->save(path);
}

}  // namespace fovea::io
