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
/// The files are mapped, not read: the corpus costs 8 bytes a line however long the lines are, and
/// the operating system may drop the pages it has read. So the files must stay as they are while a
/// corpus is open; cutting one short ends the program. Reading lines is safe from many threads.
class TextCorpus {
 public:
  /// Checks each file whole. Throws InputError for a path that is no readable file, a file without
  /// text, invalid UTF-8, or a NUL byte (the sign of UTF-16 or of a binary file).
  explicit TextCorpus(std::vector<std::string> paths);

  /// Lines in all files. Blank lines (nothing but ASCII white space) are not counted.
  size_t size() const { return starts_.size(); }

  /// Line `i` in [0, size()), files in the order given, without its end (see LineScanner) and
  /// without byte order marks before it. The view is good as long as the corpus or a copy of it
  /// lives.
  /// Throws std::out_of_range.
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
  struct File {
    std::shared_ptr<const char> bytes;  // unmaps the file when the last copy goes
    size_t size;
    size_t first_line;
  };

  void index_lines(const std::string& path, const File& file);

  std::vector<File> files_;
  std::vector<uint64_t> starts_;  // byte offset of each line in its file
};

}  // namespace madx
