#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace madx {

/// Raw text for masked LM: the lines of one or more UTF-8 files, a sentence or paragraph a line.
///
/// The files are mapped, not read: beside them a corpus costs 16 bytes for 2 KB of text, and pages
/// that were read leave memory again. So the files must stay as they are while a corpus is open;
/// one that is cut short costs the process SIGBUS (see core/mapped_range.h) or, within its last
/// page, MachineError from `line`; what is appended is not seen. Reading lines is safe from many
/// threads.
class TextCorpus {
 public:
  /// Checks each file whole. Throws InputError for a path that is no readable file, a file without
  /// text, invalid UTF-8, or a NUL byte (the sign of UTF-16 or of a binary file). Works with all of
  /// LibTorch's threads.
  explicit TextCorpus(std::vector<std::string> paths);

  /// Lines in all files. Blank lines (nothing but ASCII white space) are not counted.
  size_t size() const { return size_; }

  /// Line `i` in [0, size()), files in the order given, without its end (see LineScanner) and
  /// without byte order marks before it. The view is good as long as the corpus or a copy of it
  /// lives.
  /// Throws std::out_of_range, and MachineError where the line has become one of NUL bytes.
  std::string_view line(size_t i) const;

  /// Index in `paths` of the file that line `i` is from.
  size_t file_of(size_t i) const;

  /// How many paths there were.
  size_t file_count() const { return files_.size(); }

  /// File `f` holds the lines [first_line(f), first_line(f + 1)); `f` in [0, file_count()].
  size_t first_line(size_t f) const {
    return f == files_.size() ? size() : files_.at(f).first_line;
  }

 private:
  class MappedText;
  struct File {
    std::shared_ptr<MappedText> text;  // the file is unmapped when the last copy goes
    size_t first_line;
  };
  /// Where some lines begin, 2 KB apart or more; lines between two are counted from the
  /// first. Each file has one at its first line.
  struct Mark {
    size_t line;
    uint64_t start;  // in the file
  };
  struct Part;

  static Part index_part(std::string_view text, size_t begin, size_t end);
  void index_lines(const std::string& path, std::string_view text);

  std::vector<File> files_;
  std::vector<Mark> marks_;
  size_t size_ = 0;
};

}  // namespace madx
