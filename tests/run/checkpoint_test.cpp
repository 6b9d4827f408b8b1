#include <gmock/gmock.h>
#include <torch/utils.h>

#include <nlohmann/json.hpp>

#include "../support.h"
#include "apps/run/checkpoint_files.h"

namespace madx::apps {
namespace checkpoint_test {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

const Recipe kRecipe = {{{"--lr", "0.001"}, {"--steps", "100"}},
                        {{"--text", {{"sw.txt", 120, "0123456789abcdef"}}}}};

NamedTensors random_tensors() {
  return {{"b.weight", at::randn({3, 2})}, {"a.bias", at::randn({3})}, {"scalar", at::randn({})}};
}

void expect_equal(const NamedTensors& found, const NamedTensors& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(found[i].first, expected[i].first) << "in order";
    EXPECT_TRUE(at::equal(found[i].second, expected[i].second)) << expected[i].first;
  }
}

class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(14);
    checkpoint_.step = 40;
    checkpoint_.tensors = random_tensors();
    checkpoint_.first_moments = random_tensors();
    checkpoint_.second_moments = random_tensors();
    checkpoint_.best_score = -1.0 / 3;
    checkpoint_.best_figures.emplace();
    checkpoint_.best_figures->step = 30;
    checkpoint_.best_figures->extra["dev_f1"] = 1.0 / 3;
    checkpoint_.tensor_steps = {{"b.weight", at::full({}, 40.0)}, {"a.bias", at::full({}, 7.0)}};
    checkpoint_.best_tensors = random_tensors();
    checkpoint_.tensor_sums = {{"b.weight", at::randn({3, 2}, at::kDouble)}};
    checkpoint_.averaged = 4;
    checkpoint_.seconds = 12.5;
    checkpoint_.loss = 2.0 / 3;
    checkpoint_.unlogged_loss = 7.0 / 3;
    checkpoint_.unlogged_steps = 3;
    checkpoint_.unlogged_tokens = 300;
    checkpoint_.tokens = 4000;
    write_checkpoint(directory_, checkpoint_, kRecipe);
  }

  std::string read_error() const {
    return input_error_of([&] { read_checkpoint(directory_, kRecipe); });
  }

  TemporaryFolder folder_;
  std::string directory_ = folder_ / "checkpoint";
  Checkpoint checkpoint_;
};

TEST_F(CheckpointTest, ComesBackBitForBit) {
  EXPECT_TRUE(has_checkpoint(directory_));
  const auto found = read_checkpoint(directory_, kRecipe);
  EXPECT_EQ(found.step, 40);
  EXPECT_EQ(found.best_score, checkpoint_.best_score);
  EXPECT_EQ(found.best_figures->step, 30);
  EXPECT_EQ(found.best_figures->extra.at("dev_f1"), 1.0 / 3);
  expect_equal(found.tensor_steps, checkpoint_.tensor_steps);
  EXPECT_EQ(found.seconds, 12.5);
  EXPECT_EQ(found.loss, checkpoint_.loss);
  EXPECT_EQ(found.unlogged_loss, checkpoint_.unlogged_loss);
  EXPECT_EQ(found.unlogged_steps, 3);
  EXPECT_EQ(found.unlogged_tokens, 300);
  EXPECT_EQ(found.tokens, 4000);
  expect_equal(found.tensors, checkpoint_.tensors);
  expect_equal(found.first_moments, checkpoint_.first_moments);
  expect_equal(found.second_moments, checkpoint_.second_moments);
  expect_equal(found.best_tensors, checkpoint_.best_tensors);
  EXPECT_EQ(found.averaged, 4);
  expect_equal(found.tensor_sums, checkpoint_.tensor_sums);
}

TEST_F(CheckpointTest, TakesTheOldOnesPlaceWhole) {
  const auto old = read_checkpoint(directory_, kRecipe);
  auto next = checkpoint_;
  next.step = 50;
  next.tensors = random_tensors();
  next.best_score.reset();
  next.averaged = 0;
  write_checkpoint(directory_, next, kRecipe);
  const auto found = read_checkpoint(directory_, kRecipe);
  EXPECT_EQ(found.step, 50);
  EXPECT_FALSE(found.best_score);
  expect_equal(found.tensors, next.tensors);
  EXPECT_FALSE(fs::exists(directory_ + "/best.safetensors"));
  EXPECT_FALSE(fs::exists(directory_ + "/sums.safetensors"));
  expect_equal(old.tensors, checkpoint_.tensors);  // not views of the files that are gone
  const fs::directory_iterator left(folder_.path());
  EXPECT_EQ(std::distance(begin(left), end(left)), 1) << "nothing temporary is left";
}

TEST_F(CheckpointTest, NamesTheSettingThatDiffers) {
  auto other = kRecipe;
  other.settings["--lr"] = "0.01";
  EXPECT_EQ(input_error_of([&] { read_checkpoint(directory_, other); }),
            directory_ +
                "/state.json: the interrupted run had --lr 0.001, but this one has 0.01; "
                "resume with the same flags, or start anew with another --output");
  other = kRecipe;
  other.inputs["--text"][0] = {"rw.txt", 80, "fedcba9876543210"};
  EXPECT_THAT(input_error_of([&] { read_checkpoint(directory_, other); }),
              HasSubstr("had --text sw.txt (120 bytes, digest 01234567), but this one has rw.txt "
                        "(80 bytes, digest fedcba98); resume"));
}

TEST_F(CheckpointTest, SaysWhichFileIsMissingOrCutShort) {
  for (const std::string name : {"state.json", "tensors.safetensors", "first_moments.safetensors",
                                 "second_moments.safetensors", "tensor_steps.safetensors",
                                 "best.safetensors", "sums.safetensors"}) {
    const auto path = directory_ + "/" + name;
    const auto bytes = io::read_bytes(path);
    for (const auto size : {size_t{0}, bytes.size() / 2, bytes.size() - 2}) {
      io::write_bytes(path, bytes.substr(0, size));
      EXPECT_THAT(read_error(), StartsWith(path + ": ")) << size;
    }
    fs::remove(path);
    EXPECT_THAT(read_error(), StartsWith(path + ": "));
    io::write_bytes(path, bytes);
  }
  EXPECT_EQ(read_error(), "");
  EXPECT_FALSE(has_checkpoint(folder_ / "none"));
}

TEST_F(CheckpointTest, RefusesAStateOfOtherTypes) {
  const auto path = directory_ + "/state.json";
  const auto state = nlohmann::json::parse(io::read_bytes(path));
  for (const auto& change :
       {R"({"step": "forty"})", R"({"step": -5})", R"({"step": 1e30})",
        R"({"step": 9223372036854775808})", R"({"unlogged_steps": -10})", R"({"recipe": 3})",
        R"({"recipe": {"settings": {"--lr": 1}, "inputs": {}}})", R"({"seconds": []})",
        R"({"best_score": "high"})", R"({"best_figures": {}})"}) {
    auto changed = state;
    changed.update(nlohmann::json::parse(change));
    io::write_bytes(path, changed.dump());
    EXPECT_THAT(read_error(), StartsWith(path + ": expected the state of a checkpoint")) << change;
  }
}

}  // namespace checkpoint_test
}  // namespace madx::apps
