#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "madx/data/tokenizer.h"
#include "madx/io/encoder_files.h"
#include "madx/io/safetensors.h"

namespace madx::tools {

using namespace io;
namespace demo_encoder_test {

/// The sum over i of (i + 1) * word_i mod 2^64, as make_demo_encoder_golden.py takes it.
std::string fingerprint(const at::Tensor& tensor) {
  const auto* words = static_cast<const uint32_t*>(tensor.const_data_ptr());
  uint64_t sum = 0;
  for (int64_t i = 0; i < tensor.numel(); ++i) sum += static_cast<uint64_t>(i + 1) * words[i];
  std::ostringstream hex;
  hex << std::hex << std::setfill('0') << std::setw(16) << sum;
  return hex.str();
}

/// The encoder that tools/test obtains and converts.
class DemoEncoder : public ::testing::Test {
 public:
  static nlohmann::json fixture(const std::string& name) {
    return nlohmann::json::parse(std::ifstream(std::string(MADX_FIXTURES) + "/" + name));
  }

 protected:
  void SetUp() override {
    const char* directory = std::getenv("MADX_DEMO_ENCODER");
    if (directory == nullptr ||
        !std::filesystem::exists(std::filesystem::path(directory) / "model.safetensors")) {
      GTEST_SKIP() << "no demo encoder at MADX_DEMO_ENCODER; tools/test obtains it where there is "
                      "network access";
    }
    directory_ = directory;
  }
  std::string directory_;
};

TEST_F(DemoEncoder, HasTheTensorsOfThePythonConversionBitForBit) {
  const TensorMap tensors = read_safetensors(directory_ + "/model.safetensors");
  const nlohmann::json expected = fixture("demo_encoder_tensors.json");
  EXPECT_EQ(tensors.size(), expected.size());
  for (const auto& [name, value] : expected.items()) {
    ASSERT_TRUE(tensors.contains(name)) << name;
    EXPECT_EQ(fingerprint(tensors[name]), value.get<std::string>()) << name;
  }
}

TEST_F(DemoEncoder, GivesTheTokenIdsOfPython) {
  const auto tokenizer = load_tokenizer(directory_);
  for (const nlohmann::json& golden : fixture("demo_encoder_golden.json")) {
    EXPECT_EQ(tokenizer->encode_sequence(golden["text"].get<std::string>()),
              golden["input_ids"].get<std::vector<int64_t>>())
        << golden["text"];
  }
}

/// Rounded to five decimals in the fixture (the norm to four): half a unit of the last, and what
/// fp32 rounds.
void expect_golden_hidden_states(const std::string& path) {
  torch::NoGradGuard no_grad;
  const auto loaded = load_encoder(path);
  const auto expect_near = [&](const at::Tensor& ours, const nlohmann::json& theirs,
                               const std::string& what) {
    for (size_t i = 0; i < theirs.size(); ++i) {
      EXPECT_NEAR(ours[static_cast<int64_t>(i)].item<float>(), theirs[i].get<float>(), 2e-5)
          << path << ": " << what << " " << i;
    }
  };
  for (const auto& golden : DemoEncoder::fixture("demo_encoder_golden.json")) {
    const auto ids = golden["input_ids"].get<std::vector<int64_t>>();
    const auto hidden = loaded.encoder->forward(pack({ids}));  // (tokens, hidden)
    const auto text = golden["text"].get<std::string>();
    expect_near(hidden[0], golden["hidden_first8"], text + ", first token, channel");
    expect_near(hidden.mean(/*dim=*/0), golden["hidden_mean8"], text + ", mean, channel");
    EXPECT_NEAR(hidden.norm().item<float>(), golden["hidden_norm"].get<float>(), 1e-3) << text;
  }
}

TEST_F(DemoEncoder, GivesTheHiddenStatesOfPython) { expect_golden_hidden_states(directory_); }

TEST_F(DemoEncoder, GivesTheHiddenStatesOfPythonAsTorchScript) {
  if (!std::filesystem::exists(directory_ + ".pt")) {
    GTEST_SKIP() << "no " << directory_ << ".pt; tools/test exports it";
  }
  expect_golden_hidden_states(directory_ + ".pt");
}

}  // namespace demo_encoder_test
}  // namespace madx::tools
