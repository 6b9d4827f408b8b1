#include "madx/io/composition_files.h"

#include <gmock/gmock.h>
#include <torch/utils.h>

#include "io/test_files.h"
#include "madx/io/adapter_files.h"

namespace madx::io {
namespace composition_files_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

AdapterStack stack() { return AdapterStack(/*hidden_size=*/8, /*num_layers=*/2); }

TEST(CompositionFiles, LoadASetupThatPythonSaved) {
  auto adapters = stack();
  const auto composition = load_adapter_setup(adapters, fixture("setups/stack_fuse"));
  EXPECT_EQ(composition, parse_composition("Stack(sw, Fuse(ner, pos))"));
  EXPECT_EQ(adapters->names(), (std::vector<std::string>{"ner", "pos", "sw"}));
  EXPECT_EQ(adapters->fusion_names(), std::vector<std::string>{"ner,pos"});
  const auto file = read_fusion(fixture("setups/stack_fuse/ner,pos"));
  for (const auto& [key, tensor] : adapters->get_fusion("ner,pos")->named_tensors()) {
    EXPECT_TRUE(at::equal(tensor, file.tensors[key])) << key;
  }
  adapters->activate(composition);
}

TEST(CompositionFiles, LeaveOutLayersOfEveryAdapter) {
  auto adapters = stack();
  load_adapter_setup(adapters, fixture("setups/stack_fuse"), {0});
  for (const auto& name : adapters->names()) {
    EXPECT_EQ(adapters->get(name)->at(0, Site::kOutput), nullptr) << name;
    EXPECT_NE(adapters->get(name)->at(1, Site::kOutput), nullptr) << name;
  }
  EXPECT_NE(adapters->get("sw")->invertible(), nullptr);
}

TEST(CompositionFiles, SaveTheFilesThatPythonSaves) {
  auto adapters = stack();
  const auto composition = load_adapter_setup(adapters, fixture("setups/stack_fuse"));
  const TemporaryFolder folder;
  const auto model = read_fusion(fixture("setups/stack_fuse/ner,pos")).model;
  save_adapter_setup(adapters, composition, model, folder.path(), "ner");
  for (const auto* name : {"adapter_setup.json", "sw/adapter_config.json",
                           "ner/adapter_config.json", "ner,pos/adapter_fusion_config.json"}) {
    EXPECT_EQ(read_bytes(folder / name), read_bytes(fixture("setups/stack_fuse/") + name)) << name;
  }
  EXPECT_TRUE(fs::exists(folder / "ner,pos/pytorch_model_adapter_fusion.bin"));
}

TEST(CompositionFiles, RefuseAFusionWithoutItsAdaptersOrOfAnotherSize) {
  auto adapters = stack();
  EXPECT_THAT(input_error_of([&] { load_fusion(adapters, fixture("fusions/dynamic")); }),
              HasSubstr("expected the fused adapter \"a\" in the bank, but found none"));
  AdapterStack wide(16, 2);
  EXPECT_THAT(input_error_of([&] { load_fusion(wide, fixture("fusions/dynamic")); }),
              HasSubstr("expected a fusion of hidden size 16, the encoder's, but found 8"));
  AdapterStack deep(8, 3);
  for (const auto* name : {"a", "b"}) deep->add(name, named_config("pfeiffer"));
  EXPECT_THAT(
      input_error_of([&] { load_fusion(deep, fixture("fusions/dynamic")); }),
      HasSubstr("expected a tensor \"encoder.layer.2.output.query.weight\" of shape [8, 8]"));
  EXPECT_TRUE(deep->fusion_names().empty());
}

TEST(CompositionFiles, RefuseASetupWithoutItsDirectories) {
  auto adapters = stack();
  EXPECT_THAT(input_error_of([&] { load_adapter_setup(adapters, fixture("setups/average")); }),
              HasSubstr("setups/average/en: expected a directory of AdapterHub"));
}

TEST(CompositionFiles, LeaveNothingBehindWhereAPartFails) {
  const TemporaryFolder folder;
  fs::copy(fixture("setups/stack_fuse"), folder / "setup", fs::copy_options::recursive);
  fs::remove_all(folder / "setup/ner,pos");
  auto adapters = stack();
  EXPECT_THROW(load_adapter_setup(adapters, folder / "setup"), InputError);
  EXPECT_TRUE(adapters->names().empty()) << "the adapters before it";

  const auto composition = load_adapter_setup(adapters, fixture("setups/stack_fuse"));
  const auto model = read_fusion(fixture("setups/stack_fuse/ner,pos")).model;
  const auto refused = [&](const Composition& what, const std::string& head = "") {
    const TemporaryFolder empty;
    EXPECT_ANY_THROW(save_adapter_setup(adapters, what, model, empty.path(), head));
    EXPECT_TRUE(fs::is_empty(empty.path())) << to_string(what);
  };
  refused(parse_composition("Stack(sw, other)"));
  refused(Stack{"sw", Fuse{"ner", "pos"}.named("x/y")});
  refused(Average{"ner", "pos"});
  refused(composition, "../head");
}

}  // namespace composition_files_test
}  // namespace madx::io
