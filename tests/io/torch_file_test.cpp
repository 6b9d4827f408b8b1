#include "madx/io/torch_file.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <caffe2/serialize/inline_container.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "madx/io/safetensors.h"
#include "test_files.h"

namespace madx::io {
namespace torch_file_test {

using namespace std::string_literals;

const std::string kMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"s;
const std::string kVersion = "\x80\x02M\xe9\x03."s;
const std::string kMachine = "\x80\x02}(X\x0d\0\0\0little_endian\x88u."s;

// Pieces of a pickle: a string, a storage of 4 floats called "k", and a call with what stands
// before.
std::string text(const std::string& text) {
  return "X"s + static_cast<char>(text.size()) + "\0\0\0"s + text;
}
const std::string kStorage =
    "("s + text("storage") + "ctorch\nFloatStorage\n"s + text("k") + text("cpu") + "K\x04NtQ"s;
std::string tensor(const std::string& arguments) {
  return "ctorch._utils\n_rebuild_tensor_v2\n("s + arguments +
         "\x89N"
         "tR"s;
}

// A file in the old format with this pickle and, where it names one, a storage "k" of the floats 1,
// 1, 1, 1.
std::string legacy(const std::string& pickle) {
  const auto start = kMagic + kVersion + kMachine + "\x80\x02"s + pickle + ".";
  if (pickle.find(kStorage) == std::string::npos) return start + "\x80\x02].";
  std::string floats;
  for (int i = 0; i < 4; ++i) floats += "\0\0\x80\x3f"s;
  return start + "\x80\x02]" + text("k") + "a." + "\4\0\0\0\0\0\0\0"s + floats;
}

std::string error_on(const std::string& bytes) {
  const TemporaryFolder folder;
  write_bytes(folder / "x.bin", bytes);
  return input_error_of([&] { read_torch_file(folder / "x.bin"); });
}

class TorchFile : public ::testing::TestWithParam<const char*> {
 protected:
  std::string path(const std::string& name) const { return fixture("files/" + name + GetParam()); }
};

TEST_P(TorchFile, HoldsEveryTypeThatPythonWrites) {
  const auto tensors = read_torch_file(path("dtypes"));
  const std::pair<const char*, at::ScalarType> types[] = {
      {"double", at::kDouble},     {"float", at::kFloat}, {"half", at::kHalf},
      {"bfloat16", at::kBFloat16}, {"long", at::kLong},   {"int", at::kInt},
      {"short", at::kShort},       {"char", at::kChar},   {"byte", at::kByte},
      {"bool", at::kBool}};
  int64_t t = 0;
  for (const auto& [key, type] : types) {
    EXPECT_EQ(tensors.keys()[static_cast<size_t>(t)], key);
    EXPECT_EQ(tensors[key].scalar_type(), type);
    EXPECT_TRUE(at::equal(tensors[key], known_values(t++, {2, 3}, type))) << key;
  }
  EXPECT_TRUE(at::equal(tensors["scalar"], known_values(t, {})));
  EXPECT_EQ(tensors["empty"].sizes(), at::IntArrayRef({0, 3}));
}

TEST_P(TorchFile, HoldsANestedStateDictWithViewsAndParameters) {
  const auto tensors = read_torch_file(path("state_dict"));
  const auto whole = known_values(0, {4, 6});
  EXPECT_EQ(tensors.keys(),
            (std::vector<std::string>{"whole", "transposed", "row", "column", "parameter"}));
  EXPECT_TRUE(at::equal(tensors["whole"], whole));
  EXPECT_TRUE(at::equal(tensors["transposed"], whole.t()));
  EXPECT_TRUE(at::equal(tensors["row"], whole[2]));
  EXPECT_TRUE(at::equal(tensors["column"], whole.select(1, 1)));
  EXPECT_TRUE(at::equal(tensors["parameter"], known_values(1, {3})));
}

TEST_P(TorchFile, HoldsViewsThatLieInTheirStorageInAnyWay) {
  const auto tensors = read_torch_file(path("views"));
  const auto copies = read_safetensors(fixture("files/views.safetensors"));
  EXPECT_EQ(tensors.size(), copies.size());
  for (const auto& item : tensors) {
    const auto& copy = copies[item.key()];
    EXPECT_EQ(item.value().scalar_type(), copy.scalar_type()) << item.key();
    EXPECT_EQ(item.value().sizes(), copy.sizes()) << item.key();
    EXPECT_TRUE(at::equal(item.value(), copy)) << item.key();
  }
}

TEST_P(TorchFile, SurvivesEveryCutAndEveryChangedByte) {
  expect_no_crash_on_damage(path("state_dict"),
                            [](const std::string& path) { read_torch_file(path); });
}

INSTANTIATE_TEST_SUITE_P(Formats, TorchFile, ::testing::Values(".bin", "_legacy.bin"),
                         [](const auto& info) { return info.param[0] == '.' ? "Zip" : "Legacy"; });

TEST(TorchFileReader, RefusesAForeignObjectByName) {
  const auto message = input_error_of([] { read_torch_file(fixture("files/foreign_object.bin")); });
  EXPECT_NE(message.find("the Python object collections.Counter"), std::string::npos) << message;
  EXPECT_NE(message.find("foreign_object.bin"), std::string::npos) << message;
  const auto attack = error_on(legacy("cos\nsystem\n("s + text("true") + "tR"));
  EXPECT_NE(attack.find("the Python object os.system"), std::string::npos) << attack;
}

TEST(TorchFileReader, ReadsTheHandMadeFileThatTheNextTestsDamage) {
  const TemporaryFolder folder;
  write_bytes(folder / "x.bin",
              legacy("}" + text("w") + tensor(kStorage + "K\0K\2K\2\x86K\2K\1\x86"s) + "s"));
  EXPECT_TRUE(at::equal(read_torch_file(folder / "x.bin")["w"], at::ones({2, 2})));
}

TEST(TorchFileReader, RefusesTensorsOutsideTheirStorage) {
  const std::string cases[] = {
      "K\1K\2K\2\x86K\2K\1\x86"s,                                 // one element too far
      "J\xff\xff\xff\xffK\2\x85K\1\x85"s,                         // first element -1
      "K\0J\xff\xff\xff\xff\x85K\1\x85"s,                         // size -1
      "K\0K\2\x85J\xff\xff\xff\xff\x85"s,                         // stride -1
      "K\0K\2K\2\x86K\1\x85"s,                                    // a stride too few
      "K\0K\2\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85"s,  // the last element overflows
      "K\0\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\2\x86K\2K\1\x86"s,  // the number of elements
                                                                        // overflows
      "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\2\x85K\1\x85"s,  // the first element overflows
  };
  for (const auto& layout : cases) {
    const auto message = error_on(legacy("}" + text("w") + tensor(kStorage + layout) + "s"));
    EXPECT_NE(message.find("w: expected a tensor inside its storage"), std::string::npos)
        << message;
  }
}

TEST(TorchFileReader, RefusesAFileMuchLargerThanItIs) {
  // 2^28 elements that are one: nothing is allocated here, but every copy would be a gigabyte.
  const auto expanded = tensor(kStorage + "K\0J\0\0\0\x10\x85K\0\x85"s);
  EXPECT_EQ(error_on(legacy("}" + text("w") + expanded + "s")), "");
  EXPECT_NE(error_on(legacy("}(" + text("v") + expanded + text("w") + expanded + "u"))
                .find("w: expected tensors with at most 268435456 repeated elements in a file"),
            std::string::npos);
}

TEST(TorchFileReader, RefusesAViewThatChangesWhatIsStored) {
  const auto negative = "ctorch._utils\n_rebuild_tensor_v2\n("s + kStorage +
                        "K\0K\4\x85K\1\x85\x89}}"s + text("neg") + "\x88stR";
  EXPECT_NE(error_on(legacy("}" + text("w") + negative + "s"))
                .find("a tensor that is a conjugate or negative view"),
            std::string::npos);
}

TEST(TorchFileReader, RefusesWhatIsNoDictOfTensors) {
  const auto w = tensor(kStorage + "K\0K\4\x85K\1\x85"s);
  const std::pair<std::string, const char*> cases[] = {
      {w, "found a tensor"},
      {"]" + w + "a", "found a list"},
      {"}K\1" + w + "s", "the number 1 as a key"},
      {"}" + text("w") + "K\1s", "w: expected a tensor, but found the number 1"},
      {"}(" + text("w") + w + text("w") + w + "u", "w twice"},
      {"}" + text("w") + "s", "container"},
      {"}(" + text("w") + "u", "a dict key without a value"},
      {"u", "a missing mark"},
      {"a", "a missing value"},
      {"h\7", "a reference to a missing value"},
      {"ccollections\nOrderedDict\nK\1R", "a call of collections.OrderedDict"},
      {"ccollections\nOrderedDict\n(K\1tR", "with 1 arguments"},
      {"K\1)R", "a call of the number 1"},
      {"K\1Q", "a storage described in an unknown way"},
      {"(" + text("module") + "tQ", "a storage described in an unknown way"},
      {"\x8a\x09" + std::string(9, '\0'), "a whole number of 9 bytes"},
      {"\x95" + std::string(8, '\0'), "pickle opcode 149"},
      {"\x80\x04}", "pickle protocol 4"},
      {"X\xff\xff\xff\xff", "the end of the data"},
      {"}" + text("w") + tensor("NK\0K\4\x85K\1\x85"s) + "s", "a tensor over a storage"},
      {"}" + text("w") + tensor(kStorage + "K\0K\4K\1"s) + "s", "but found the number 4"},
      {"}" + text("w") + tensor(kStorage + "K\0N\x85K\1\x85"s) + "s",
       "sizes and strides, but found None"},
      {std::string(1'000'001, 'N'), "more than a million values"},
  };
  for (const auto& [pickle, words] : cases) {
    const auto message = error_on(legacy(pickle));
    EXPECT_NE(message.find(words), std::string::npos)
        << "expected: " << words << "\nfound: " << message;
  }
}

TEST(TorchFileReader, SurvivesContainersThatHoldThemselvesOrNestDeeply) {
  const std::string nested = std::string(200'000, ']') + std::string(199'999, 'a');
  EXPECT_NE(error_on(legacy(nested)).find("found a list"), std::string::npos);
  EXPECT_NE(error_on(legacy("}q\1" + text("self") + "h\1s")).find("self: expected a tensor"),
            std::string::npos);
  EXPECT_NE(
      error_on(legacy("}q\1" + text("state_dict") + "h\1s")).find("state_dict: expected a tensor"),
      std::string::npos);
}

TEST(TorchFileReader, RefusesOldFilesOfAnotherMachineOrVersion) {
  EXPECT_NE(error_on(kMagic + "\x80\x02M\xe8\x03.").find("version 1001"), std::string::npos);
  EXPECT_NE(error_on(kMagic + kVersion + "\x80\x02}.").find("little-endian"), std::string::npos);
  EXPECT_NE(error_on("something else").find("a file that torch.save wrote"), std::string::npos);
}

TEST(TorchFileReader, RefusesArchivesOfAnotherKind) {
  const TemporaryFolder folder;
  const auto archive_with = [&](const std::vector<std::pair<std::string, std::string>>& records) {
    caffe2::serialize::PyTorchStreamWriter writer(folder / "x.pt");
    for (const auto& [name, bytes] : records) writer.writeRecord(name, bytes.data(), bytes.size());
    writer.writeEndOfFile();
    return input_error_of([&] { read_torch_file(folder / "x.pt"); });
  };
  const std::string pickle = "\x80\x02}.";
  EXPECT_NE(archive_with({{"other", "x"}}).find("(data.pkl), but found none"), std::string::npos);
  EXPECT_NE(archive_with({{"data.pkl", pickle}, {"constants.pkl", pickle}}).find("TorchScript"),
            std::string::npos);
  EXPECT_NE(archive_with({{"data.pkl", pickle}, {"byteorder", "big"}}).find("little-endian"),
            std::string::npos);
  EXPECT_EQ(archive_with({{"data.pkl", pickle}, {"byteorder", "little"}}), "");
  const auto without_storage =
      "\x80\x02}" + text("w") + tensor(kStorage + "K\0K\4\x85K\1\x85"s) + "s.";
  EXPECT_NE(
      archive_with({{"data.pkl", without_storage}}).find("16 bytes of storage k, but found 0"),
      std::string::npos);
  EXPECT_NE(archive_with({{"data.pkl", without_storage}, {"data/k", "short"}})
                .find("16 bytes of storage k, but found 5"),
            std::string::npos);
}

TEST(TorchFileReader, NamesTheRecordInWhichAByteHasChanged) {
  const auto file = read_bytes(fixture("files/state_dict.bin"));
  // Behind each record's header stand its name, with the archive's folder, and padding.
  for (const std::string record : {"data.pkl", "byteorder", "data/0", "data/1", "version"}) {
    const auto name = file.find("/" + record);
    ASSERT_NE(name, std::string::npos) << record;
    auto changed = file;
    const size_t data = (name + 1 + record.size() + 63) / 64 * 64;
    changed[data] = static_cast<char>(changed[data] ^ 1);
    const auto message = error_on(changed);
    EXPECT_NE(message.find("/" + record + ": expected a record with the CRC-32 "),
              std::string::npos)
        << message;
  }
}

TEST(TorchFileReader, TakesAnArchiveWithoutChecksums) {
  // What torch.serialization.set_crc32_options(False) leaves: zeros in the directory.
  auto bytes = read_bytes(fixture("files/state_dict.bin"));
  const std::string entry = "PK\x01\x02";
  for (auto at = bytes.find(entry); at != std::string::npos; at = bytes.find(entry, at + 1))
    bytes.replace(at + 16, 4, 4, '\0');
  const TemporaryFolder folder;
  write_bytes(folder / "x.bin", bytes);
  EXPECT_EQ(read_torch_file(folder / "x.bin").size(), 5u);
}

TEST(TorchFileWriter, WritesChecksumsThatHold) {
  const TemporaryFolder folder;
  TensorMap tensors;
  tensors.insert("w", at::ones({4}));
  write_torch_file(folder / "x.bin", tensors);
  auto bytes = read_bytes(folder / "x.bin");
  EXPECT_EQ(error_on(bytes), "");
  const auto one = bytes.find("\0\0\x80\x3f"s);
  ASSERT_NE(one, std::string::npos);
  bytes[one + 3] = '\x40';
  EXPECT_NE(error_on(bytes).find("data/0: expected a record with the CRC-32 "), std::string::npos);
}

TEST(TorchFileReader, RefusesACompressedArchive) {
  const TemporaryFolder folder;
  caffe2::serialize::PyTorchStreamWriter writer(folder / "x.pt");
  const std::string pickle(1000, 'N');
  writer.writeRecord("data.pkl", pickle.data(), pickle.size(), /*compress=*/true);
  writer.writeEndOfFile();
  EXPECT_NE(input_error_of([&] { read_torch_file(folder / "x.pt"); }).find("uncompressed records"),
            std::string::npos);
}

// Files whose parts name one another often must not become larger in memory than they are by more
// than a constant: each of these would take gigabytes, or minutes, if parts were copied.
TEST(TorchFileReader, DoesNotCopyWhatAFileNamesOften) {
  constexpr int kTimes = 50'000;
  std::string calls;
  for (int i = 0; i < kTimes; ++i) calls += "h\0h\1R"s;  // GET 0, GET 1, REDUCE
  const std::string many_arguments =
      "ctorch._utils\n_rebuild_tensor_v2\nq\0("s + std::string(100'000, 'N') + "tq\1"s + calls;
  EXPECT_NE(error_on(legacy(many_arguments)).find("with 100000 arguments"), std::string::npos);

  const std::string long_text(1'000'000, 'k');
  const std::string key = "X"s + "\x40\x42\x0f\0"s + long_text;
  EXPECT_NE(error_on(legacy("("s + text("storage") + "ctorch\nFloatStorage\n"s + key + text("cpu") +
                            "K\4tQ"s))
                .find("described in an unknown way"),
            std::string::npos);
  std::string many_sizes = "(";
  for (int i = 0; i < 65; ++i) many_sizes += "K\1"s;
  EXPECT_NE(error_on(legacy("}" + text("w") + tensor(kStorage + "K\0"s + many_sizes + "t)") + "s"))
                .find("w: expected at most 64 sizes and strides, but found 65"),
            std::string::npos);
}

TEST(TorchFileReader, NamesAKeyOnOneLineWithoutControlCharacters) {
  const auto message = error_on(legacy("}" + text("a\nb\x1b[31m") + "Ns"));
  EXPECT_NE(message.find("a?b?[31m: expected a tensor, but found None"), std::string::npos)
      << message;
}

TEST(TorchFileReader, ReadsAStorageThatLiesAskewOnce) {
  // Two tensors over one storage of the old format, which begins at an odd byte.
  for (const std::string pad : {"", "x", "xy", "xyz"}) {
    const auto pickle = "}(" + text("a" + pad) + tensor(kStorage + "K\0K\4\x85K\1\x85"s) +
                        text("b") + tensor(kStorage + "K\2K\2\x85K\1\x85"s) + "u";
    const TemporaryFolder folder;
    write_bytes(folder / "x.bin", legacy(pickle));
    const auto tensors = read_torch_file(folder / "x.bin");
    EXPECT_TRUE(at::equal(tensors["a" + pad], at::ones({4})));
    EXPECT_TRUE(at::equal(tensors["b"], at::ones({2})));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensors["b"].data_ptr()) % sizeof(float), 0u);
    EXPECT_EQ(tensors["a" + pad].data_ptr<float>() + 2, tensors["b"].data_ptr<float>());
  }
}

TEST(TorchFileReader, RefusesAnArchiveWhoseRecordsShareBytes) {
  const TemporaryFolder folder;
  caffe2::serialize::PyTorchStreamWriter writer(folder / "x.pt");
  const std::string pickle = "\x80\x02}.";
  writer.writeRecord("data.pkl", pickle.data(), pickle.size());
  writer.writeRecord("data/0", pickle.data(), pickle.size());
  writer.writeEndOfFile();
  auto bytes = read_bytes(folder / "x.pt");
  EXPECT_EQ(error_on(bytes), "");
  // The directory's entry of data/0 gets the place of data.pkl's header.
  const std::string entry = "PK\x01\x02";
  const auto first = bytes.find(entry), second = bytes.find(entry, first + 1);
  ASSERT_NE(second, std::string::npos);
  bytes.replace(second + 42, 4, bytes.substr(first + 42, 4));
  EXPECT_NE(error_on(bytes).find("a damaged one"), std::string::npos);
}

TEST(TorchFileReader, ReadsAnArchiveWithAComment) {
  const TemporaryFolder folder;
  auto bytes = read_bytes(fixture("files/state_dict.bin"));
  bytes[bytes.size() - 2] = 5;
  write_bytes(folder / "x.bin", bytes + "hello");
  EXPECT_EQ(read_torch_file(folder / "x.bin").size(), 5u);
}

TEST(TorchFileWriter, WritesWhatTheReaderReads) {
  const TemporaryFolder folder;
  auto tensors = read_torch_file(fixture("files/dtypes.bin"));
  tensors.insert("transposed", known_values(0, {3, 4}).t());
  write_torch_file(folder / "x.bin", tensors);
  const auto read = read_torch_file(folder / "x.bin");
  ASSERT_EQ(read.keys(), tensors.keys());
  for (const auto& item : tensors) {
    EXPECT_EQ(read[item.key()].scalar_type(), item.value().scalar_type());
    EXPECT_TRUE(at::equal(read[item.key()], item.value())) << item.key();
    EXPECT_TRUE(read[item.key()].is_contiguous()) << item.key();
  }
}

TEST(TorchFileWriter, WritesTheSameBytesForTheSameTensors) {
  const TemporaryFolder folder;
  const auto tensors = read_torch_file(fixture("files/dtypes_legacy.bin"));
  write_torch_file(folder / "one.bin", tensors);
  write_torch_file(folder / "two.bin", tensors);
  EXPECT_EQ(read_bytes(folder / "one.bin"), read_bytes(folder / "two.bin"));
}

TEST(TorchFileWriter, CallsAFullDiskAFailureOfTheMachine) {
  const TemporaryFolder folder;
  TensorMap tensors;
  tensors.insert("x", at::ones({100'000}));
  // A limit on the size of files stands in for the disk: writing beyond it fails in the same place.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(write_torch_file(folder / "x.bin", tensors), MachineError);
  EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(folder.is_empty());
}

TEST(TorchFileWriter, LeavesNothingBehindOnFailure) {
  const TemporaryFolder folder;
  TensorMap tensors;
  tensors.insert("z", at::zeros({2}, at::kComplexFloat));
  EXPECT_NE(input_error_of([&] {
              write_torch_file(folder / "x.bin", tensors);
            }).find("x.bin: z: expected a type"),
            std::string::npos);
  EXPECT_NE(input_error_of([&] {
              write_torch_file(folder / "no/x.bin", TensorMap());
            }).find("create its folder"),
            std::string::npos);
  EXPECT_TRUE(folder.is_empty());
}

}  // namespace torch_file_test
}  // namespace madx::io
