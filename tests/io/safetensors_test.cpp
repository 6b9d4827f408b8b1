#include "madx/io/safetensors.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "test_files.h"

namespace madx::io {
namespace safetensors_test {

// A file with this header, padded to `header_size` bytes, and `data_size` bytes of zeros.
std::string safetensors_bytes(std::string header, size_t data_size, size_t header_size = 0) {
  if (header.size() < header_size) header.append(header_size - header.size(), ' ');
  std::string size(8, '\0');
  for (size_t i = 0; i < 8; ++i) size[i] = static_cast<char>(header.size() >> (8 * i));
  return size + header + std::string(data_size, '\0');
}

std::string error_on(const std::string& bytes) {
  const TemporaryFolder folder;
  write_bytes(folder / "x.safetensors", bytes);
  return input_error_of([&] { read_safetensors(folder / "x.safetensors"); });
}

TEST(Safetensors, ReadsEveryTypeThatPythonWrites) {
  const auto tensors = read_safetensors(fixture("files/dtypes.safetensors"));
  const std::pair<const char*, at::ScalarType> types[] = {
      {"double", at::kDouble},     {"float", at::kFloat}, {"half", at::kHalf},
      {"bfloat16", at::kBFloat16}, {"long", at::kLong},   {"int", at::kInt},
      {"short", at::kShort},       {"char", at::kChar},   {"byte", at::kByte},
      {"bool", at::kBool}};
  int64_t t = 0;
  for (const auto& [key, type] : types) {
    EXPECT_EQ(tensors[key].scalar_type(), type);
    EXPECT_TRUE(at::equal(tensors[key], known_values(t++, {2, 3}, type))) << key;
  }
  EXPECT_TRUE(at::equal(tensors["scalar"], known_values(t, {})));
  EXPECT_EQ(tensors["empty"].sizes(), at::IntArrayRef({0, 3}));
  EXPECT_EQ(tensors.size(), 12u);
}

TEST(Safetensors, GivesTensorsThatOutliveTheMapAndNeverChangeTheFile) {
  const TemporaryFolder folder;
  const auto path = folder / "x.safetensors";
  write_bytes(
      path, safetensors_bytes(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8, 64));
  const auto before = read_bytes(path);
  auto x = read_safetensors(path)["x"];
  x.add_(1);
  EXPECT_TRUE(at::equal(x, at::ones({2})));
  EXPECT_EQ(read_bytes(path), before);
}

TEST(Safetensors, ReadsTensorsThatAreMisalignedForTheirType) {
  const TemporaryFolder folder;
  const auto path = folder / "x.safetensors";
  auto bytes =
      safetensors_bytes(R"({"x":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}})", 0, 61);
  write_bytes(path, bytes + std::string("\1\0\0\0\2\0\0\0", 8));
  const auto x = read_safetensors(path)["x"];
  EXPECT_TRUE(at::equal(x, at::arange(1, 3, at::kInt)));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 4, 0u);
}

TEST(Safetensors, WritesAnAlignedHeaderWithKeysInTheirOrder) {
  const TemporaryFolder folder;
  TensorMap tensors;
  tensors.insert("b", at::arange(3, at::kByte));
  tensors.insert("a", known_values(0, {2, 3}).t());
  write_safetensors(folder / "x", tensors);
  const auto bytes = read_bytes(folder / "x");
  const auto header_size = static_cast<unsigned char>(bytes[0]);
  EXPECT_EQ(header_size % 8, 0);
  const auto header = bytes.substr(8, header_size);
  EXPECT_EQ(header.substr(0, header.find_last_not_of(' ') + 1),
            R"({"b":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
            R"("a":{"dtype":"F32","shape":[3,2],"data_offsets":[3,27]}})");
  const auto read = read_safetensors(folder / "x");
  EXPECT_EQ(read.keys(), tensors.keys());
  EXPECT_TRUE(at::equal(read["a"], tensors["a"]));
  EXPECT_TRUE(at::equal(read["b"], tensors["b"]));
}

TEST(Safetensors, WritesWhatItReadsAgainByteForByte) {
  const TemporaryFolder folder;
  write_safetensors(folder / "once", read_safetensors(fixture("files/dtypes.safetensors")),
                    {{"format", "pt"}});
  write_safetensors(folder / "twice", read_safetensors(folder / "once"), {{"format", "pt"}});
  EXPECT_EQ(read_bytes(folder / "once"), read_bytes(folder / "twice"));
  EXPECT_NE(read_bytes(folder / "once").find(R"("__metadata__":{"format":"pt"})"),
            std::string::npos);
}

TEST(Safetensors, ReplacesTheFileThatItsTensorsAreViewsOf) {
  const TemporaryFolder folder;
  TensorMap tensors;
  tensors.insert("x", known_values(3, {50}));
  write_safetensors(folder / "x", tensors);
  write_safetensors(folder / "x", read_safetensors(folder / "x"));
  EXPECT_TRUE(at::equal(read_safetensors(folder / "x")["x"], tensors["x"]));
}

TEST(Safetensors, RefusesAHeaderThatDisagreesWithTheFile) {
  const auto entry = [](const char* text) { return safetensors_bytes(text, 8); };
  std::string many_ones;
  for (int i = 0; i < 64; ++i) many_ones += "1,";
  const std::pair<std::string, const char*> cases[] = {
      {"", "an empty file"},
      {"1234567", "7 bytes"},
      {std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10),
       "18446744073709551615 in its first 8"},
      {entry("[]"), "expected a JSON object"},
      {entry("{"), "parse error at line 1"},
      {entry(
           R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
       "\"x\" twice"},
      {entry(R"({"x":{"dtype":"F8","shape":[8],"data_offsets":[0,8]}})"), "x: expected \"dtype\""},
      {entry(R"({"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})"),
       "shape [3], but found 8"},
      {entry(R"({"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})"), "none negative"},
      {entry(R"({"x":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})"), "whole numbers"},
      {entry(R"({"x":{"dtype":"F32","shape":{},"data_offsets":[0,8]}})"), "list of whole numbers"},
      {entry(R"({"x":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})"), "list of whole numbers"},
      {entry(R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})"),
       "shape"},
      {entry(R"({"x":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})"),
       "shape"},
      {entry(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})"), "data_offsets"},
      {entry((R"({"x":{"dtype":"F32","shape":[)" + many_ones + R"(2],"data_offsets":[0,8]}})")
                 .c_str()),
       "at most 64 sizes"},
      {entry((std::string(R"({"x":)") + std::string(100'000, '[')).c_str()), "at most 64 brackets"},
      {entry(R"({"x":{"dtype":"F32","shape":[2]}})"), "the key \"data_offsets\""},
      {entry(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})"),
       "4 bytes of tensors, but found 8"},
      {entry(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"), "start at 0"},
      {entry(
           R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"y":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
       "start at"},
      {entry(R"({"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})"), "but found 8"},
      {entry(R"({"x":1,"y":2})"), "x: expected a JSON object"},
      {safetensors_bytes(R"({"x":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", 0) + "\x02",
       "booleans"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"},
  };
  for (const auto& [bytes, words] : cases) {
    const auto message = error_on(bytes);
    EXPECT_NE(message.find(words), std::string::npos)
        << "expected: " << words << "\nfound: " << message;
    EXPECT_NE(message.find("x.safetensors"), std::string::npos) << message;
  }
}

TEST(Safetensors, NamesAPathThatIsNoFile) {
  const TemporaryFolder folder;
  EXPECT_NE(input_error_of([&] { read_safetensors(folder / "none"); }).find("No such file"),
            std::string::npos);
  EXPECT_NE(input_error_of([&] { read_safetensors(folder.path()); }).find("directory"),
            std::string::npos);
  EXPECT_NE(input_error_of([&] {
              write_safetensors(folder / "no/x", TensorMap());
            }).find("create its folder"),
            std::string::npos);
  EXPECT_NE(
      input_error_of([&] { write_safetensors(folder.path(), TensorMap()); }).find("directory"),
      std::string::npos);
  EXPECT_TRUE(folder.is_empty());
}

TEST(Safetensors, LeavesNothingBehindForATypeItCannotWrite) {
  const TemporaryFolder folder;
  TensorMap tensors;
  tensors.insert("z", at::ones({2}, at::kComplexFloat));
  EXPECT_NE(input_error_of([&] { write_safetensors(folder / "x", tensors); }).find("ComplexFloat"),
            std::string::npos);
  EXPECT_TRUE(folder.is_empty());
}

TEST(Safetensors, SurvivesEveryCutAndEveryChangedByte) {
  expect_no_crash_on_damage(fixture("files/dtypes.safetensors"),
                            [](const std::string& path) { read_safetensors(path); });
}

}  // namespace safetensors_test
}  // namespace madx::io
