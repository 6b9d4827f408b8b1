#include "madx/data/text.h"

#include <ATen/Parallel.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <stdexcept>

#include "madx/core/error.h"
#include "madx/core/mapped_range.h"
#include "madx/core/plain_text.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

constexpr size_t kMarkSpacing = size_t{2} << 10;  // bytes between marks
constexpr size_t kPart = size_t{16} << 20;        // bytes that a thread indexes at once

/// Lines of other white space stay: they have no token, and which line is drawn when depends on
/// the number of lines.
bool is_blank_ascii(std::string_view line) {
  return line.find_first_not_of(" \t\v\f") == std::string_view::npos;
}

/// Bytes of the byte order marks that a line begins with: files that were joined have them inside.
size_t byte_order_marks(std::string_view line) {
  size_t bytes = 0;
  while (starts_with(line.substr(bytes), kByteOrderMark)) bytes += kByteOrderMark.size();
  return bytes;
}

constexpr const char* kExpected = "a text file";
constexpr const char* kAdvice =
    "check the path, and pass a UTF-8 file with a sentence or paragraph a line";

/// Goes on to the next line that is no blank one, and returns where its text begins; nothing at the
/// end.
std::optional<size_t> next_line(LineScanner& lines) {
  while (lines.next()) {
    const size_t mark = byte_order_marks(lines.line());
    if (!is_blank_ascii(lines.line().substr(mark))) return lines.start() + mark;
  }
  return std::nullopt;
}

}  // namespace

/// A file that is mapped.
class TextCorpus::MappedText {
 public:
  explicit MappedText(const std::string& path)
      : range_(path, MappedRange::Pages::kShared, kExpected, kAdvice) {}

  const std::string& path() const { return range_.path(); }
  std::string_view bytes() const { return range_.bytes(); }

  /// Says that a line was read. Every so often all pages leave the process, which would hold the
  /// whole file otherwise: the system maps 64 KB around each one that is touched. They stay in the
  /// system's cache.
  void was_read() {
    constexpr uint32_t kLines = 1024;
    if (reads_.fetch_add(1, std::memory_order_relaxed) % kLines == kLines - 1)
      madvise(range_.data(), range_.size(), MADV_DONTNEED);
  }

 private:
  MappedRange range_;
  std::atomic<uint32_t> reads_{0};
};

/// What a part of a file holds, counted from its beginning.
struct TextCorpus::Part {
  std::vector<Mark> marks;
  size_t lines = 0;  // with text
  size_t all_lines = 0;
  bool is_text = true;  // or else it was not looked at further
};

TextCorpus::TextCorpus(std::vector<std::string> paths) {
  if (paths.empty()) input_error("expected at least one text file, but found none; pass its path");
  for (const auto& path : paths) {
    const auto text = std::make_shared<MappedText>(path);
    files_.push_back({text, size_});
    index_lines(path, text->bytes());
    if (size_ == files_.back().first_line)
      input_error(path, ": expected ", kExpected, ", but found only blank lines; ", kAdvice);
  }
  marks_.shrink_to_fit();
}

TextCorpus::Part TextCorpus::index_part(std::string_view text, size_t begin, size_t end) {
  Part part;
  const auto all = text.substr(begin, end - begin);
  part.is_text = all.find('\0') == std::string_view::npos && !first_invalid_utf8(all);
  if (!part.is_text) return part;
  LineScanner lines(all);
  while (const auto start = next_line(lines)) {
    const auto place = begin + *start;
    if (part.marks.empty() || place - part.marks.back().start >= kMarkSpacing)
      part.marks.push_back({part.lines, place});
    ++part.lines;
  }
  part.all_lines = lines.number();
  // Lets go of the pages that were read, or the scan would hold the whole file at its end.
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<uintptr_t>(all.data()) / page * page;
  const auto last = reinterpret_cast<uintptr_t>(all.data() + all.size());
  madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  return part;
}

void TextCorpus::index_lines(const std::string& path, std::string_view text) {
  std::vector<size_t> begins = {0};  // of parts: at 0 or behind a line feed
  while (begins.back() < text.size()) {
    const auto feed = text.find('\n', std::min(begins.back() + kPart, text.size()));
    begins.push_back(feed == std::string_view::npos ? text.size() : feed + 1);
  }
  std::vector<Part> parts(begins.size() - 1);
  at::parallel_for(0, static_cast<int64_t>(parts.size()), /*grain_size=*/1,
                   [&](int64_t first, int64_t last) {
                     for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(last); ++i)
                       parts[i] = index_part(text, begins[i], begins[i + 1]);
                   });
  size_t all_lines = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].is_text) {
      LineScanner lines(text.substr(begins[i], begins[i + 1] - begins[i]));
      while (lines.next()) check_utf8_line(path, all_lines + lines.number(), lines.line());
    }
    all_lines += parts[i].all_lines;
    for (const auto& mark : parts[i].marks) marks_.push_back({size_ + mark.line, mark.start});
    size_ += parts[i].lines;
  }
}

std::string_view TextCorpus::line(size_t i) const {
  if (i >= size_) throw std::out_of_range("TextCorpus::line");
  const auto after =
      std::upper_bound(marks_.begin(), marks_.end(), i,
                       [](size_t line, const Mark& mark) { return line < mark.line; });
  const auto& mark = *(after - 1);
  auto& text = *files_[file_of(i)].text;
  text.was_read();
  const auto rest = text.bytes().substr(mark.start);
  LineScanner lines(rest);
  auto start = next_line(lines);
  for (auto left = i - mark.line; left > 0 && start; --left) start = next_line(lines);
  const auto line = start ? line_at(rest, *start) : std::string_view();
  // The end of a page whose file was cut short within it reads as NUL bytes.
  if (line.empty() || line.find('\0') != std::string_view::npos)
    machine_error(text.path(), kFileChanged);
  return line;
}

size_t TextCorpus::file_of(size_t i) const {
  const auto after =
      std::upper_bound(files_.begin(), files_.end(), i,
                       [](size_t line, const File& f) { return line < f.first_line; });
  return static_cast<size_t>(after - files_.begin()) - 1;
}

}  // namespace madx
