#include "io/zip_file.h"

#include <zlib.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "madx/core/error.h"

namespace madx::io {
namespace {

// The format, from its end: the end record says where the directory is (for large archives: the end
// record of zip64 does, which a locator before the end record finds); the directory says where each
// record's header is; the data follow it.
constexpr uint64_t kEndRecord = 0x06054b50;
constexpr uint64_t kZip64Locator = 0x07064b50;
constexpr uint64_t kZip64EndRecord = 0x06064b50;
constexpr uint64_t kDirectoryEntry = 0x02014b50;
constexpr uint64_t kRecordHeader = 0x04034b50;
constexpr size_t kEndRecordSize = 22;
constexpr size_t kZip64LocatorSize = 20;
constexpr size_t kLongestComment = 0xffff;
constexpr uint64_t kInZip64 =
    0xffffffff;  // in place of a size that takes 8 bytes, which stand elsewhere
constexpr uint64_t kZip64Extra = 1;
constexpr uint64_t kEncrypted = 1;

class ZipReader {
 public:
  using Wanted = std::function<bool(std::string_view name)>;

  ZipReader(const std::string& path, const SharedBytes& file, const Wanted& wanted)
      : path_(path), file_(file), wanted_(wanted) {}

  std::map<std::string, SharedBytes> read() {
    const Directory directory = find_directory();
    size_t position = directory.start;
    for (uint64_t i = 0; i < directory.entries; ++i) position = read_entry(position);
    check_overlap();
    for (const auto& record : checked_) check_sum(record);
    return std::move(records_);
  }

 private:
  struct Directory {
    uint64_t entries;
    uint64_t start;
  };
  struct Record {
    std::string name;
    std::string_view bytes;
    uint64_t sum;  // its CRC-32 by the directory
  };

  Directory find_directory() const {
    const size_t end = find_end_record();
    if (end >= kZip64LocatorSize && number(end - kZip64LocatorSize, 4) == kZip64Locator) {
      const uint64_t zip64 = number(end - kZip64LocatorSize + 8, 8);
      expect(zip64, kZip64EndRecord);
      return {number(zip64 + 32, 8), number(zip64 + 48, 8)};
    }
    return {number(end + 10, 2), number(end + 16, 4)};
  }

  // The last place that looks like one; a comment of up to 64 KB may follow.
  size_t find_end_record() const {
    const size_t size = file_.size;
    for (size_t back = kEndRecordSize; back <= std::min(size, kEndRecordSize + kLongestComment);
         ++back) {
      if (number(size - back, 4) == kEndRecord &&
          number(size - back + 20, 2) == back - kEndRecordSize) {
        return size - back;
      }
    }
    damaged();
  }

  // Returns where the next entry starts.
  size_t read_entry(size_t at) {
    expect(at, kDirectoryEntry);
    const uint64_t flags = number(at + 8, 2), method = number(at + 10, 2);
    uint64_t packed = number(at + 20, 4), size = number(at + 24, 4), header = number(at + 42, 4);
    const uint64_t name_size = number(at + 28, 2), extra_size = number(at + 30, 2);
    const std::string name(text(at + 46, name_size));
    const size_t extra = at + 46 + name_size;
    const size_t next = extra + extra_size + number(at + 32, 2);
    const auto inside = name.substr(std::min(name.find('/') + 1, name.size()));
    if (!wanted_(inside)) return next;
    read_zip64_sizes(extra, extra + extra_size, {&size, &packed, &header});
    if (method != 0 || packed != size || (flags & kEncrypted)) {
      input_error(path_, ": expected uncompressed records as torch.save writes them, but found ",
                  "another kind; save the file again with torch.save");
    }
    expect(header, kRecordHeader);
    const size_t data = header + 30 + number(header + 26, 2) + number(header + 28, 2);
    const auto bytes = text(data, size);
    checked_.push_back({name, bytes, number(at + 16, 4)});
    const SharedBytes record{file_.owner, file_.data + data, bytes.size()};
    if (!records_.emplace(inside, record).second) damaged();
    return next;
  }

  // Records that share bytes could hold more together than the file does.
  void check_overlap() const {
    std::vector<std::pair<const char*, const char*>> ranges;
    for (const auto& [name, bytes] : records_) {
      if (bytes.size > 0) ranges.emplace_back(bytes.data, bytes.data + bytes.size);
    }
    std::sort(ranges.begin(), ranges.end());
    for (size_t i = 1; i < ranges.size(); ++i) {
      if (ranges[i].first < ranges[i - 1].second) damaged();
    }
  }

  // After the check for overlap: bytes are summed once. torch.save writes 0 where it was told to
  // compute no sums (set_crc32_options).
  void check_sum(const Record& record) const {
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION  // no fuzzer would come past it
    const auto* const data = reinterpret_cast<const unsigned char*>(record.bytes.data());
    const uint64_t found = record.sum == 0 ? 0 : crc32_z(0, data, record.bytes.size());
    if (found == record.sum) return;
    input_error(path_, ": ", record.name, ": expected a record with the CRC-32 ", record.sum,
                ", but found ", found, "; the file is damaged, copy it again");
#endif
  }

  // Extra fields are (id, size, bytes); the one of zip64 has, in this order, those sizes that did
  // not fit.
  void read_zip64_sizes(size_t at, size_t end, std::initializer_list<uint64_t*> sizes) const {
    while (at + 4 <= end) {
      const uint64_t id = number(at, 2), size = number(at + 2, 2);
      size_t value = at + 4;
      for (uint64_t* const field : sizes) {
        if (id != kZip64Extra || *field != kInZip64 || value + 8 > at + 4 + size) continue;
        *field = number(value, 8);
        value += 8;
      }
      at += 4 + size;
    }
  }

  std::string_view text(uint64_t at, uint64_t size) const {
    if (at > file_.size || size > file_.size - at) damaged();
    return file_.view().substr(at, size);
  }

  uint64_t number(uint64_t at, size_t bytes) const {
    uint64_t number = 0;
    const auto taken = text(at, bytes);
    for (size_t i = 0; i < bytes; ++i) {
      number |= static_cast<uint64_t>(static_cast<unsigned char>(taken[i])) << (8 * i);
    }
    return number;
  }

  void expect(uint64_t at, uint64_t signature) const {
    if (number(at, 4) != signature) damaged();
  }

  [[noreturn]] void damaged() const {
    input_error(path_, ": expected a zip archive as torch.save writes it, but found a damaged ",
                "one; the file is cut off or changed, copy it again");
  }

  const std::string& path_;
  const SharedBytes& file_;
  const Wanted& wanted_;
  std::map<std::string, SharedBytes> records_;
  std::vector<Record> checked_;
};

}  // namespace

std::map<std::string, SharedBytes> read_zip_records(
    const std::string& path, const SharedBytes& file,
    const std::function<bool(std::string_view name)>& wanted) {
  return ZipReader(path, file, wanted).read();
}

}  // namespace madx::io
