// A directory of something else than was asked for: the message says what it is.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "madx/io/adapter_setup.h"
#include "madx/io/adapterhub.h"
#include "madx/io/encoder_files.h"
#include "test_files.h"

namespace madx::io {
namespace wrong_directory_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class WrongDirectory : public testing::Test {
 protected:
  WrongDirectory() {
    fs::create_directories(folder_ / "peft");
    write_bytes(folder_ / "peft/adapter_config.json",
                R"({"peft_type": "LORA", "r": 8, "base_model_name_or_path": "some-encoder"})");
    write_bytes(folder_ / "peft/adapter_model.safetensors", "weights");
    fs::create_directories(folder_ / "model");
    write_bytes(folder_ / "model/config.json", R"({"model_type": "xlm-roberta"})");
    fs::create_directories(folder_ / "empty");
    directories_ = {
        {"adapter", fixture("adapters/sw"), "an adapter of AdapterHub (adapter_config.json)"},
        {"head", fixture("heads/ner"), "a head of AdapterHub (head_config.json)"},
        {"fusion", fixture("fusions/dynamic"), "an AdapterFusion (adapter_fusion_config.json)"},
        {"setup", fixture("setups/stack_fuse"), "a setup of AdapterHub (adapter_setup.json)"},
        {"peft", folder_ / "peft",
         "an adapter of Hugging Face's PEFT (adapter_config.json with \"peft_type\")"},
        {"model", folder_ / "model", "a whole model (config.json)"},
        {"empty", folder_ / "empty", "nothing of AdapterHub"}};
  }

  struct Directory {
    std::string kind, path, description;
  };
  TemporaryFolder folder_;
  std::vector<Directory> directories_;
};

TEST_F(WrongDirectory, IsCalledByWhatItHolds) {
  struct Reader {
    std::string kind, config;
    std::function<void(const std::string&)> read;
  };
  const Reader readers[] = {
      {"adapter", "adapter_config.json", [](const auto& path) { read_adapter(path); }},
      {"head", "head_config.json", [](const auto& path) { read_head(path); }},
      {"fusion", "adapter_fusion_config.json", [](const auto& path) { read_fusion(path); }},
      {"setup", "adapter_setup.json", [](const auto& path) { read_adapter_setup(path); }}};
  for (const auto& reader : readers) {
    for (const auto& directory : directories_) {
      SCOPED_TRACE(reader.kind + " from " + directory.kind);
      const auto error = input_error_of([&] { reader.read(directory.path); });
      if (reader.kind == directory.kind) {
        EXPECT_EQ(error, "");
      } else if (reader.kind == "adapter" && directory.kind == "peft") {
        EXPECT_THAT(error, AllOf(StartsWith(directory.path + "/adapter_config.json: expected "
                                                             "\"peft_type\" to be left out"),
                                 HasSubstr("but found \"LORA\""),
                                 HasSubstr("an adapter of Hugging Face's PEFT")));
      } else {
        EXPECT_THAT(error, AllOf(StartsWith(directory.path + "/" + reader.config +
                                            ": expected a file that describes "),
                                 HasSubstr("the directory holds " + directory.description)));
      }
    }
  }
}

TEST_F(WrongDirectory, IsNoEncoder) {
  for (const auto& directory : directories_) {
    if (directory.kind == "model" || directory.kind == "empty") continue;
    EXPECT_THAT(input_error_of([&] { load_encoder(directory.path); }),
                AllOf(StartsWith(directory.path + ": expected encoder.pt (TorchScript)"),
                      HasSubstr("but found " + directory.description)));
  }
}

TEST_F(WrongDirectory, IsRefusedByTheMethodOfItsAdapter) {
  const auto error_of = [&](const json& config) {
    const auto copy = folder_ / "copy";
    fs::remove_all(copy);
    fs::copy(fixture("adapters/sw"), copy);
    auto file = json::parse(read_bytes(copy + "/adapter_config.json"));
    file["config"] = config;
    write_bytes(copy + "/adapter_config.json", file.dump());
    return input_error_of([&] { read_adapter(copy); });
  };
  for (const auto* const method :
       {"lora", "prefix_tuning", "prompt_tuning", "reft", "union", "invertible"}) {
    EXPECT_THAT(error_of({{"architecture", method}}),
                AllOf(HasSubstr("copy/adapter_config.json"),
                      HasSubstr("but found \"" + std::string(method) + "\"")));
  }
  for (const std::string name : {"lora", "ia3", "prefix_tuning", "prompt_tuning", "loreft"}) {
    EXPECT_THAT(error_of(name), AllOf(HasSubstr("copy/adapter_config.json: "),
                                      HasSubstr("\"" + name + "\": expected a bottleneck adapter"),
                                      HasSubstr("another method, which is not supported")));
  }
  EXPECT_THAT(error_of("mam|lora"), HasSubstr("copy/adapter_config.json: "));
}

}  // namespace wrong_directory_test
}  // namespace madx::io
