// convert_adapter as a process: formats, names, layers, averages, whole setups, and what it
// refuses.
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>

#include "madx/io/adapter_setup.h"
#include "madx/io/adapterhub.h"
#include "programs/bad_input.h"

namespace madx::apps {
namespace convert_adapter_test {

namespace fs = std::filesystem;
using io::fixture;
using testing::HasSubstr;

class ConvertAdapter : public testing::Test {
 protected:
  std::string convert(const std::string& from, const std::string& flags = "") {
    const auto to = folder_ / ("out" + std::to_string(++count_));
    const auto result = run_command(tiny_files(), "convert_adapter",
                                    "--from " + from + " --to " + to + " " + flags);
    EXPECT_EQ(result.status, 0) << result;
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(result.out, HasSubstr("wrote " + to));
    return to;
  }
  static std::set<std::string> files_in(const std::string& directory) {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      if (entry.is_regular_file()) names.insert(fs::relative(entry.path(), directory).string());
    }
    return names;
  }
  static void expect_same_files(const std::string& ours, const std::string& theirs) {
    ASSERT_EQ(files_in(ours), files_in(theirs));
    for (const auto& name : files_in(ours)) {
      if (fs::path(name).extension() != ".json") continue;  // torch.save's bytes are its own
      EXPECT_EQ(io::read_bytes(ours + "/" + name), io::read_bytes(theirs + "/" + name)) << name;
    }
  }
  static void expect_same_tensors(const TensorMap& ours, const TensorMap& theirs) {
    ASSERT_EQ(ours.size(), theirs.size());
    for (const auto& item : theirs) {
      EXPECT_TRUE(at::equal(ours[item.key()], item.value())) << item.key();
    }
  }

  io::TemporaryFolder folder_;
  int count_ = 0;
};

TEST_F(ConvertAdapter, GoesToSafetensorsAndBack) {
  for (const std::string name : {"sw", "ner", "norms", "bert_qu"}) {
    const auto original = fixture("adapters/" + name);
    const auto safetensors = convert(original, "--format safetensors");
    EXPECT_EQ(files_in(safetensors),
              (std::set<std::string>{"adapter.safetensors", "adapter_config.json"}));
    const auto back = convert(safetensors);
    expect_same_files(back, original);
    expect_same_tensors(io::read_adapter(back).tensors, io::read_adapter(original).tensors);
  }
}

TEST_F(ConvertAdapter, BringsTheFirstVersionsUpToDate) {
  const auto language = convert(fixture("adapters/legacy_lang"));
  expect_same_tensors(io::read_adapter(language).tensors,
                      io::read_adapter(fixture("adapters/bert_qu")).tensors);
  const auto config = io::read_bytes(language + "/adapter_config.json");
  EXPECT_THAT(config, HasSubstr("\"version\": \"adapters.1.3.0\""));
  EXPECT_THAT(config, HasSubstr("\"model_class\": \"BertAdapterModel\""));
  EXPECT_THAT(config, HasSubstr("\"non_linearity\": \"gelu_new\""));
  EXPECT_THAT(io::read_bytes(convert(fixture("adapters/legacy_task")) + "/adapter_config.json"),
              HasSubstr("\"inv_adapter\": null"));
}

TEST_F(ConvertAdapter, RenamesAnAdapterWithItsHead) {
  const auto renamed = convert("@/ner/task_adapter", "--name entities");
  EXPECT_EQ(io::read_adapter(renamed).name, "entities");
  EXPECT_EQ(io::read_head(renamed).name, "entities");
  const auto original = tiny_files() / "ner/task_adapter";
  expect_same_tensors(io::read_adapter(renamed).tensors, io::read_adapter(original).tensors);
  expect_same_tensors(io::read_head(renamed).tensors, io::read_head(original).tensors);
}

TEST_F(ConvertAdapter, MakesHuggingFacesOwnHeadAFlexibleOne) {
  const auto head = io::read_head(convert(fixture("heads/static_ner"), "--name ner"));
  EXPECT_EQ(head.name, "ner");
  EXPECT_EQ(head.model.model_class, "XLMRobertaAdapterModel");
  EXPECT_EQ(head.labels.size(), 5u);
  const auto masked = convert(fixture("heads/sw"), "--format safetensors");
  EXPECT_EQ(files_in(masked),
            (std::set<std::string>{"head_config.json", "model_head.safetensors"}));
}

TEST_F(ConvertAdapter, LeavesOutLayers) {
  const auto left = io::read_adapter(convert(fixture("adapters/sw"), "--leave-out 1"));
  EXPECT_EQ(left.config.leave_out, std::vector<int64_t>{1});
  EXPECT_EQ(left.tensors.size(), 12u);
}

TEST_F(ConvertAdapter, AveragesAdapters) {
  const auto average =
      io::read_adapter(convert("@/adapters/en @/adapters/sw", "--weight 1 3 --name mean"));
  EXPECT_EQ(average.name, "mean");
  const auto en = io::read_adapter(tiny_files() / "adapters/en");
  const auto sw = io::read_adapter(tiny_files() / "adapters/sw");
  for (const auto& item : en.tensors) {
    const auto expected = 0.25 * item.value() + 0.75 * sw.tensors[item.key()];
    EXPECT_TRUE(at::allclose(average.tensors[item.key()], expected, 1e-5, 1e-7)) << item.key();
  }
}

TEST_F(ConvertAdapter, ConvertsFusionsAndWholeSetups) {
  const auto fusion = convert(fixture("fusions/dynamic"), "--format safetensors");
  EXPECT_TRUE(fs::exists(fusion + "/model_adapter_fusion.safetensors"));
  expect_same_files(convert(fusion), fixture("fusions/dynamic"));
  EXPECT_EQ(io::read_fusion(convert(fusion, "--name mix")).name, "mix");

  const auto original = fixture("setups/stack_fuse");
  const auto setup = convert(original, "--format safetensors");
  EXPECT_EQ(files_in(setup).count("ner,pos/model_adapter_fusion.safetensors"), 1u);
  EXPECT_EQ(files_in(setup).count("ner/model_head.safetensors"), 1u);
  expect_same_files(convert(setup), original);
  const auto left = convert(original, "--leave-out 0");
  EXPECT_EQ(io::read_adapter(left + "/sw").config.leave_out, std::vector<int64_t>{0});
  EXPECT_EQ(io::read_fusion(left + "/ner,pos").tensors.size(), 10u) << "as in AdapterHub";
}

const BadInput kConversions[] = {
    {kConvert, "!--from", "--from is required"},
    {kConvert, "!--to", "--to is required"},
    {kConvert, "--to", "--to: expected a value, but found none (see --help)"},
    {kConvert, "--format pickle", "--format: expected bin or safetensors, but found \"pickle\""},
    {kConvert, "--from @/none", "@/none: expected a directory with adapter_config.json"},
    {kConvert, "--from @/encoder", "@/encoder: expected a directory with adapter_config.json"},
    {kConvert, "--name sw.v2", "name \"sw.v2\": expected a name without dots"},
    {kConvert, "--weight 1", "--weight: expected several adapters in --from, but found one"},
    {kConvert, "--raw-weights",
     "--raw-weights: expected several adapters in --from, but found one; leave --raw-weights out"},
    {kConvert, "--from @/adapters/sw @/adapters/en --raw-weights",
     "--raw-weights: expected --weight beside it"},
    {kConvert, "--from @/adapters/sw @/adapters/en --weight 1", "expected 2 weights"},
    {kConvert, "--from @/adapters/sw @/ner/task_adapter", "average: expected \"ner\" to have"},
    {kConvert, "--from @/adapters/sw @/lm_head", "@/lm_head/adapter_config.json"},
    {kConvert, "--from @/lm_head --leave-out 1", "--leave-out: expected an adapter or setup"},
    {kConvert, "--leave-out 99", "--leave-out: expected layers in which \""},
    {kConvert, "--leave-out last", "--leave-out: expected layers from 0 on"},
    {kConvert, "--to @/encoder", "@/encoder: expected a new or empty directory"},
};

TEST_F(ConvertAdapter, RefusesBadInputWithOneLineAndNothingWritten) {
  expect_all_refused(tiny_files(), "conversions", kConversions);
}

TEST_F(ConvertAdapter, RefusesToNameASetupOrToLeaveAHeadWithoutName) {
  const auto error = [&](const std::string& flags) {
    const auto result =
        run_command(tiny_files(), "convert_adapter", flags + " --to " + (folder_ / "none"));
    EXPECT_EQ(result.status, 2) << result;
    EXPECT_FALSE(fs::exists(folder_ / "none"));
    return result.err;
  };
  EXPECT_THAT(error("--name x --from " + fixture("setups/stack_fuse")),
              HasSubstr("but found a setup"));
  EXPECT_THAT(error("--from " + fixture("heads/static_ner")), HasSubstr("give it one by --name"));
  EXPECT_THAT(error("--from " + fixture("setups/average")),
              HasSubstr("average/en: expected a dir"));
}

}  // namespace convert_adapter_test
}  // namespace madx::apps
