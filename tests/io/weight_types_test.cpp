// Adapters, fusions and heads of every type of number, in both formats.
#include <gmock/gmock.h>

#include <functional>

#include "../support.h"
#include "madx/io/adapter_files.h"
#include "madx/io/average_adapters.h"
#include "madx/io/composition_files.h"
#include "madx/io/safetensors.h"
#include "madx/io/torch_file.h"

namespace madx::io {
namespace weight_types_test {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

/// A kind of directory: the fixture, its file of weights by format, and what loading gives.
struct Kind {
  const char* directory;
  const char* bin;
  const char* safetensors;
  std::function<TensorMap(const std::string&)> load;
};

EncoderConfig config_for_heads() {
  EncoderConfig config;
  config.hidden_size = 8;
  config.vocab_size = 20;
  return config;
}

TensorMap parameters_of(const torch::nn::Module& module) {
  TensorMap map;
  for (const auto& item : module.named_parameters()) map.insert(item.key(), item.value().detach());
  return map;
}

const Kind kKinds[] = {
    {"adapters/sw", "pytorch_adapter.bin", "adapter.safetensors",
     [](const std::string& directory) {
       AdapterStack adapters(8, 2);
       return parameters_of(*adapters->get(load_adapter(adapters, directory)));
     }},
    {"fusions/dynamic", "pytorch_model_adapter_fusion.bin", "model_adapter_fusion.safetensors",
     [](const std::string& directory) {
       AdapterStack adapters(8, 2);
       for (const auto& member : read_fusion(directory).adapter_names)
         adapters->add(member, named_config("pfeiffer"));
       return parameters_of(*adapters->get_fusion(load_fusion(adapters, directory)));
     }},
    {"heads/ner", "pytorch_model_head.bin", "model_head.safetensors",
     [](const std::string& directory) { return parameters_of(*load_tagging_head(directory)); }},
    {"heads/sw", "pytorch_model_head.bin", "model_head.safetensors",
     [](const std::string& directory) {
       return parameters_of(*load_mlm_head(directory, config_for_heads()));
     }}};

class WeightTypes : public testing::TestWithParam<Kind> {
 protected:
  /// A copy of the fixture whose tensors went through `change`.
  template <class Change>
  std::string changed(bool safetensors, Change change) {
    const auto& kind = GetParam();
    const auto copy = folder_ / "copy";
    fs::remove_all(copy);
    fs::copy(fixture(kind.directory), copy);
    TensorMap tensors;
    for (const auto& item : read_torch_file(copy + "/" + kind.bin))
      tensors.insert(item.key(), change(item.key(), item.value()));
    fs::remove(copy + "/" + kind.bin);
    if (safetensors) {
      write_safetensors(copy + "/" + kind.safetensors, tensors);
    } else {
      write_torch_file(copy + "/" + kind.bin, tensors);
    }
    return copy;
  }

  TemporaryFolder folder_;
};

TEST_P(WeightTypes, OfEveryFloatingKindBecomeFloat32) {
  const at::ScalarType types[] = {at::kHalf, at::kBFloat16, at::kDouble, at::kFloat};
  for (size_t round = 0; round < 5; ++round) {  // the last has all types in one file
    size_t index = 0;
    const auto type = [&] { return types[round < 4 ? round : index++ % 4]; };
    const auto expected = GetParam().load(changed(false, [&](const auto&, const auto& tensor) {
      return (tensor + 0.3).to(type()).to(at::kFloat);
    }));
    for (const bool safetensors : {false, true}) {
      index = 0;
      const auto loaded = GetParam().load(changed(
          safetensors, [&](const auto&, const auto& tensor) { return (tensor + 0.3).to(type()); }));
      ASSERT_EQ(loaded.keys(), expected.keys());
      for (const auto& item : loaded) {
        EXPECT_EQ(item.value().scalar_type(), at::kFloat) << item.key();
        EXPECT_TRUE(at::equal(item.value(), expected[item.key()])) << item.key();
      }
    }
  }
}

TEST_P(WeightTypes, OfWholeNumbersAreRefusedByName) {
  for (const auto& [type, name] : {std::pair<at::ScalarType, const char*>{at::kLong, "int64"},
                                   {at::kChar, "int8"},
                                   {at::kBool, "bool"}}) {
    for (const bool safetensors : {false, true}) {
      std::string key;
      const auto of = type;
      const auto directory = changed(safetensors, [&](const auto& name, const auto& tensor) {
        const bool first = key.empty();
        if (first) key = name;
        return first ? tensor.to(of) : tensor.clone();
      });
      EXPECT_THAT(input_error_of([&] { GetParam().load(directory); }),
                  AllOf(HasSubstr(": " + key + ": expected a weight in float32, float16, bfloat16"),
                        HasSubstr("but found one in " + std::string(name))));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Directories, WeightTypes, testing::ValuesIn(kKinds), [](const auto& info) {
  const std::string name = info.param.directory;
  return std::string(name.substr(0, name.find('/'))) + name.substr(name.find('/') + 1);
});

/// The adapter of the fixtures with this file of weights instead of its own.
std::string error_with(const std::string& weights) {
  const TemporaryFolder folder;
  const auto directory = folder / "sw";
  fs::copy(fixture("adapters/sw"), directory);
  fs::copy(fixture("files/" + weights), directory + "/pytorch_adapter.bin",
           fs::copy_options::overwrite_existing);
  return input_error_of([&] { read_adapter(directory); });
}

TEST(WeightsOfOtherTypes, AreRefusedByTheirType) {
  EXPECT_THAT(error_with("complex.bin"), HasSubstr("pytorch_adapter.bin: w: expected a weight in "
                                                   "float32, float16, bfloat16 or float64, but "
                                                   "found one in complex64"));
  EXPECT_THAT(error_with("float8.bin"),
              HasSubstr("a tensor of a newer type (float8, uint16, ...)"));
  EXPECT_THAT(
      input_error_of([] { read_safetensors(fixture("files/float8.safetensors")); }),
      AllOf(HasSubstr("float8.safetensors: w: expected \"dtype\" to be F64, F32, F16, BF16"),
            HasSubstr("but found \"F8_E4M3\"")));
}

TEST(AveragedAdapters, HaveTheFinestOfTheirTypes) {
  auto one = read_adapter(fixture("adapters/sw")), other = one;
  TensorMap coarse;
  for (const auto& item : one.tensors) coarse.insert(item.key(), item.value().to(at::kBFloat16));
  one.tensors = coarse;
  for (const auto& item : average_adapters({one, other}).tensors)
    EXPECT_EQ(item.value().scalar_type(), at::kFloat) << item.key();
}

}  // namespace weight_types_test
}  // namespace madx::io
