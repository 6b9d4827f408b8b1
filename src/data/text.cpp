#include "madx/data/text.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ios>

#include "madx/core/error.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

constexpr size_t kScanWindow = size_t{8} << 20;  // bytes; a whole number of pages

/// Lines of other white space stay: they have no token, and which line is drawn when depends on
/// the number of lines.
bool is_blank_ascii(std::string_view line) {
  return line.find_first_not_of(" \t\v\f") == std::string_view::npos;
}

/// Bytes of the byte order marks that a line begins with: files that were joined have them inside.
size_t byte_order_marks(std::string_view line) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  size_t bytes = 0;
  while (line.substr(bytes, kMark.size()) == kMark) bytes += kMark.size();
  return bytes;
}

[[noreturn]] void no_text_file(const std::string& path, const std::string& found) {
  input_error(path, ": expected a text file, but found ", found,
              "; check the path, and pass a UTF-8 file with a sentence or paragraph a line");
}

/// Throws InputError when the line holds what is not text. Columns count characters from 1.
void check_line(const std::string& path, size_t number, std::string_view line) {
  const size_t nul = line.find('\0');
  const size_t at = std::min(nul, first_invalid_utf8(line).value_or(std::string_view::npos));
  if (at == std::string_view::npos) return;

  const size_t column = split_utf8(line.substr(0, at)).size() + 1;
  if (at == nul) {
    input_error(path, ":", number, ": expected text, but found a NUL byte at column ", column,
                "; is it UTF-16 or a binary file? convert it, e.g. iconv -f utf-16 -t utf8");
  }
  const int byte = static_cast<unsigned char>(line[at]);
  const bool utf16_mark = number == 1 && at == 0 && byte >= 0xFE;
  input_error(path, ":", number, ": expected UTF-8, but found byte 0x", std::hex, std::uppercase,
              byte, std::dec, " at column ", column, "; convert it, e.g. iconv -f ",
              utf16_mark ? "utf-16" : "latin1", " -t utf8");
}

/// Closes a file descriptor at the end of a scope; a mapping outlives it.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

struct Mapping {
  std::shared_ptr<const char> bytes;
  size_t size;
};

Mapping map_file(const std::string& path) {
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat info {};
  if (file.fd < 0 || fstat(file.fd, &info) != 0) no_text_file(path, std::strerror(errno));
  if (S_ISDIR(info.st_mode)) no_text_file(path, "a directory");
  if (!S_ISREG(info.st_mode)) no_text_file(path, "a device or pipe");
  if (info.st_size == 0) no_text_file(path, "an empty file");

  const auto size = static_cast<size_t>(info.st_size);
  void* address = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd, 0);
  if (address == MAP_FAILED) machine_error(path, ": mapping failed: ", std::strerror(errno));
  return {{static_cast<const char*>(address),
           [size](const char* bytes) { munmap(const_cast<char*>(bytes), size); }},
          size};
}

}  // namespace

TextCorpus::TextCorpus(std::vector<std::string> paths) {
  if (paths.empty()) input_error("expected at least one text file, but found none; pass its path");
  for (const auto& path : paths) {
    auto mapping = map_file(path);
    files_.push_back({std::move(mapping.bytes), mapping.size, starts_.size()});
    index_lines(path, files_.back());
  }
  starts_.shrink_to_fit();
}

void TextCorpus::index_lines(const std::string& path, const File& file) {
  const std::string_view text(file.bytes.get(), file.size);
  size_t window = 0;
  for (LineScanner lines(text); lines.next();) {
    check_line(path, lines.number(), lines.line());
    const size_t mark = byte_order_marks(lines.line());
    if (!is_blank_ascii(lines.line().substr(mark))) starts_.push_back(lines.start() + mark);

    // Lets go of the pages that were read, or the scan would hold the whole file at its end.
    while (lines.next_start() - window > kScanWindow) {
      madvise(const_cast<char*>(text.data()) + window, kScanWindow, MADV_DONTNEED);
      window += kScanWindow;
    }
  }
  if (starts_.size() == file.first_line) no_text_file(path, "only blank lines");
}

std::string_view TextCorpus::line(size_t i) const {
  const uint64_t start = starts_.at(i);
  const File& file = files_[file_of(i)];
  return line_at({file.bytes.get(), file.size}, start);
}

size_t TextCorpus::file_of(size_t i) const {
  const auto after =
      std::upper_bound(files_.begin(), files_.end(), i,
                       [](size_t line, const File& f) { return line < f.first_line; });
  return static_cast<size_t>(after - files_.begin()) - 1;
}

}  // namespace madx
