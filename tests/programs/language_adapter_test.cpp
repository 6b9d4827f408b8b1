// train_lm_head and train_lang_adapter as processes: what they write, and that a seed decides it.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "madx/io/adapterhub.h"
#include "programs/tiny_files.h"

namespace madx::apps {
namespace language_adapter_test {

using nlohmann::json;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

constexpr auto kFlags = " --encoder @/encoder --lm-head @/lm_head --lr 1e-2 ";

void expect_success(const std::string& program, const std::string& command) {
  const auto result = run_command(tiny_files(), program, command);
  EXPECT_EQ(result.status, 0) << program << ": " << result;
}

std::vector<json> json_lines(const std::string& path) {
  std::vector<json> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) rows.push_back(json::parse(line));
  return rows;
}

std::vector<std::string> tensor_keys(const std::string& directory) {
  std::vector<std::string> keys;
  for (const auto& item : io::read_adapter(directory).tensors) keys.push_back(item.key());
  return keys;
}

std::string adapter_bytes(const std::string& directory) {
  return io::read_bytes(tiny_files() / directory + "/pytorch_adapter.bin");
}

TEST(TrainLmHead, WritesAHeadDirectoryWithoutTheDecoder) {
  const auto head = io::read_head(tiny_files() / "lm_head");
  EXPECT_EQ(head.head_type, "masked_lm");
  EXPECT_EQ(head.vocab_size, 252);
  EXPECT_EQ(head.model.hidden_size, 16);
  std::vector<std::string> keys;
  for (const auto& item : head.tensors) keys.push_back(item.key());
  EXPECT_THAT(keys, UnorderedElementsAre("0.weight", "0.bias", "2.weight", "2.bias", "3.bias"));
}

TEST(TrainLmHead, GivesTheSameBytesForTheSameSeed) {
  const auto train = [](const std::string& folder, const std::string& seed) {
    expect_success("train_lm_head",
                   "--encoder @/encoder --text @/en.txt @/sw.txt --steps 3 --seed " + seed +
                       " --output @/" + folder + "/head");
    return io::read_bytes(tiny_files() / folder + "/head/pytorch_model_head.bin");
  };
  const auto first = train("seeded_head", "5");
  EXPECT_EQ(first, train("seeded_head_again", "5"));
  EXPECT_NE(first, train("seeded_head_other", "6"));
}

TEST(TrainLangAdapter, WritesAnAdapterHubDirectory) {
  expect_success("train_lang_adapter",
                 "--text @/en.txt --eval-text @/sw.txt --eval-every 5 --log-every 2 --steps 12 "
                 "--output @/languages/rw" +
                     std::string(kFlags));
  const auto directory = tiny_files() / "languages/rw";
  const auto config = json::parse(io::read_bytes(directory + "/adapter_config.json"));
  EXPECT_EQ(config["name"], "rw") << "the directory's name";
  EXPECT_EQ(config["hidden_size"], 16);
  EXPECT_EQ(config["model_type"], "xlm-roberta");
  EXPECT_EQ(config["config"]["inv_adapter"], "nice");
  EXPECT_EQ(config["config"]["reduction_factor"], 2);

  const auto rows = json_lines(directory + "/metrics.jsonl");
  std::vector<int> logged, evaluated;
  for (const auto& row : rows) {
    logged.push_back(row.at("step"));
    for (const auto* key : {"loss", "lr", "tokens_per_second"}) {
      EXPECT_TRUE(row.at(key).is_number()) << row;
    }
    if (!row.contains("eval_loss")) continue;
    evaluated.push_back(row.at("step"));
    EXPECT_NEAR(std::log(row.at("perplexity").get<double>()), row.at("eval_loss"), 1e-9);
  }
  EXPECT_EQ(logged, (std::vector<int>{2, 4, 5, 6, 8, 10, 12}));
  EXPECT_EQ(evaluated, (std::vector<int>{5, 10, 12}));
  EXPECT_LT(rows.back()["lr"], rows[2]["lr"]) << "the learning rate falls to the end";

  EXPECT_THAT(io::read_bytes(directory + "/loss.svg"), HasSubstr("<svg"));
  EXPECT_FALSE(std::filesystem::exists(directory + ".partial"));
}

TEST(TrainLangAdapter, SaysHowManyTokensAndPassesItHasRead) {
  // Sequences of one length: 4 x 10 tokens a step.
  const auto output = "languages/tokens";
  const auto result = run_command(tiny_files(), "train_lang_adapter",
                                  "--text @/en.txt --steps 4 --log-every 2 --full-length "
                                  "--batch-size 4 --max-length 10 --output @/" +
                                      std::string(output) + kFlags);
  ASSERT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.out, HasSubstr(": 4 steps, 160 tokens, "));
  const auto rows = json_lines(tiny_files() / output + "/metrics.jsonl");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].at("tokens_per_step"), 40);
  EXPECT_EQ(rows[0].at("tokens_seen"), 80);
  EXPECT_EQ(rows[1].at("tokens_seen"), 160);
  EXPECT_DOUBLE_EQ(rows[1].at("passes"), 2 * rows[0].at("passes").get<double>());
}

TEST(TrainLangAdapter, LowersTheLoss) {
  expect_success(
      "train_lang_adapter",
      "--text @/en.txt --steps 120 --log-every 20 --train-lm-head --output @/languages/long" +
          std::string(kFlags));
  const auto rows = json_lines(tiny_files() / "languages/long/metrics.jsonl");
  EXPECT_LT(rows.back()["loss"].get<double>(), rows.front()["loss"].get<double>() - 0.1);
}

TEST(TrainLangAdapter, CountsEpochs) {
  // 36 lines, 8 a batch, 2 batches a step: 5 batches an epoch.
  expect_success("train_lang_adapter",
                 "--text @/en.txt --epochs 2 --gradient-accumulation 2 --log-every 1 "
                 "--output @/languages/epochs" +
                     std::string(kFlags));
  EXPECT_EQ(json_lines(tiny_files() / "languages/epochs/metrics.jsonl").back()["step"], 5);
}

TEST(TrainLangAdapter, TrainsTheConfigurationItIsAskedFor) {
  const auto train = [](const std::string& name, const std::string& flags) {
    expect_success("train_lang_adapter",
                   "--text @/en.txt --steps 1 --output @/configs/" + name + kFlags + flags);
    return tensor_keys(tiny_files() / "configs/" + name);
  };
  const auto houlsby = train("houlsby", "--config houlsby --no-invertible");
  EXPECT_THAT(houlsby, Contains(StartsWith("encoder.layer.0.attention.output.")));
  EXPECT_THAT(houlsby, Contains(StartsWith("encoder.layer.1.output.")));
  EXPECT_THAT(houlsby, Each(Not(StartsWith("invertible."))));

  const auto left_out = train("left_out", "--leave-out 1");
  EXPECT_THAT(left_out, Contains(StartsWith("encoder.layer.0.output.")));
  EXPECT_THAT(left_out, Contains(StartsWith("invertible.")));
  EXPECT_THAT(left_out, Each(Not(StartsWith("encoder.layer.1."))));

  train("parallel", "--config par_bn --reduction-factor 4 --no-invertible --name other");
  const auto parallel = io::read_adapter(tiny_files() / "configs/parallel");
  EXPECT_EQ(parallel.name, "other");
  EXPECT_TRUE(parallel.config.is_parallel);
  EXPECT_EQ(parallel.tensors["encoder.layer.0.output.adapter_down.0.bias"].numel(), 4);
}

TEST(TrainLangAdapter, UsesTheHeadOfTheEncoder) {
  expect_success("train_lang_adapter",
                 "--encoder @/encoder_with_head --text @/en.txt --steps 1 --output @/own/en");
  expect_success("train_lang_adapter",
                 "--encoder @/encoder_with_head --text @/en.txt --steps 1 --lm-head @/lm_head "
                 "--output @/given/en");
  EXPECT_NE(adapter_bytes("own/en"), adapter_bytes("given/en"));
}

TEST(TrainLangAdapter, TrainsTheHeadAlong) {
  expect_success(
      "train_lang_adapter",
      "--text @/en.txt --steps 2 --train-lm-head --output @/along/en" + std::string(kFlags));
  const auto before = io::read_head(tiny_files() / "lm_head").tensors;
  const auto after = io::read_head(tiny_files() / "along/en/lm_head").tensors;
  for (const auto& item : before) {
    EXPECT_FALSE(at::equal(after[item.key()], item.value())) << item.key() << " has not learned";
  }
}

TEST(TrainLangAdapter, GivesTheSameBytesForTheSameSeed) {
  for (const std::string run : {"first --seed 7", "second --seed 7", "third --seed 8"}) {
    expect_success("train_lang_adapter",
                   "--text @/en.txt --steps 6 --name en --output @/seeds/" + run + kFlags);
  }
  EXPECT_EQ(adapter_bytes("seeds/first"), adapter_bytes("seeds/second"));
  EXPECT_NE(adapter_bytes("seeds/first"), adapter_bytes("seeds/third"));
}

TEST(TrainLangAdapter, WritesSnapshots) {
  expect_success("train_lang_adapter",
                 "--text @/en.txt --steps 5 --snapshot-every 2 --name en --output @/snap/en" +
                     std::string(kFlags));
  expect_success("train_lang_adapter",
                 "--text @/en.txt --steps 4 --snapshot-every 2 --warmup-steps 0 --name en --output "
                 "@/snap/four" +
                     std::string(kFlags));
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(tiny_files() / "snap/en/snapshots"))
    names.push_back(entry.path().filename());
  EXPECT_THAT(names, UnorderedElementsAre("2", "4"));
  EXPECT_EQ(adapter_bytes("snap/four/snapshots/4"), adapter_bytes("snap/four")) << "the last step";
  EXPECT_NE(adapter_bytes("snap/en/snapshots/2"), adapter_bytes("snap/en/snapshots/4"));
  EXPECT_EQ(io::read_adapter(tiny_files() / "snap/en/snapshots/2").name, "en");
}

TEST(TrainLangAdapter, StartsFromAnAdapter) {
  expect_success("train_lang_adapter",
                 "--text @/en.txt @/sw.txt --steps 6 --reduction-factor 4 --train-lm-head --output "
                 "@/init/base" +
                     std::string(kFlags));
  const auto start = [](const std::string& name, const std::string& flags) {
    expect_success("train_lang_adapter",
                   "--encoder @/encoder --text @/en.txt --steps 1 --lr 1e-9 --init-adapter "
                   "@/init/base --output @/init/" +
                       name + flags);
    return io::read_adapter(tiny_files() / ("init/" + name));
  };
  const auto base = io::read_adapter(tiny_files() / "init/base");
  const auto from = start("rw", "");
  EXPECT_EQ(from.name, "rw");
  EXPECT_EQ(from.config.reduction_factor, 4);
  ASSERT_EQ(from.tensors.size(), base.tensors.size());
  for (const auto& item : base.tensors) {
    EXPECT_TRUE(at::allclose(from.tensors[item.key()], item.value(), 0, 1e-7)) << item.key();
    EXPECT_FALSE(at::equal(from.tensors[item.key()], item.value())) << item.key() << " learns";
  }
  // The head that was trained along is its head.
  const auto loss = [](const std::string& name) {
    return json_lines(tiny_files() / ("init/" + name + "/metrics.jsonl")).back()["loss"];
  };
  start("given", " --lm-head @/init/base/lm_head");
  start("other", " --lm-head @/lm_head");
  EXPECT_EQ(loss("given"), loss("rw"));
  EXPECT_NE(loss("other"), loss("rw"));
}

TEST(TrainLangAdapter, WritesItsAverageWithTheAdapterThatItStartedFrom) {
  // Its norm has two names in the files.
  expect_success("train_lang_adapter",
                 "--text @/en.txt --steps 6 --output @/average/base --config "
                 "seq_bn[ln_before=True]" +
                     std::string(kFlags));
  const auto train = [](const std::string& name, const std::string& flags) {
    expect_success("train_lang_adapter",
                   "--text @/sw.txt --snapshot-every 3 --init-adapter @/average/base "
                   "--output @/average/" +
                       name + flags + std::string(kFlags));
  };
  const auto read = [](const std::string& name) {
    return io::read_adapter(tiny_files() / ("average/" + name));
  };
  train("learned", " --steps 6");
  train("quarter", " --steps 6 --init-weight 0.25");
  const auto base = read("base");
  for (const std::string at : {"", "/snapshots/3"}) {
    const auto learned = read("learned" + at), quarter = read("quarter" + at);
    EXPECT_EQ(quarter.tensors.size(), base.tensors.size());
    for (const auto& item : quarter.tensors) {
      const auto expected = 0.25 * base.tensors[item.key()] + 0.75 * learned.tensors[item.key()];
      EXPECT_TRUE(at::allclose(item.value(), expected, 1e-5, 1e-7)) << at << item.key();
    }
  }
  // What the last line names is the loss of what was written.
  const auto result =
      run_command(tiny_files(), "train_lang_adapter",
                  "--text @/sw.txt --eval-text @/en.txt --steps 6 --init-adapter @/average/base "
                  "--init-weight 0.25 --output @/average/evaluated" +
                      std::string(kFlags));
  ASSERT_EQ(result.status, 0) << result;
  const auto measured = run_command(tiny_files(), "mlm_loss",
                                    "--encoder @/encoder --lm-head @/lm_head --text @/en.txt "
                                    "--adapter @/average/evaluated");
  ASSERT_EQ(measured.status, 0) << measured;
  std::smatch loss;
  ASSERT_TRUE(
      std::regex_search(result.out, loss, std::regex(R"(, (\S+) for the weighted average)")))
      << result;
  EXPECT_THAT(measured.out, HasSubstr("loss " + loss[1].str())) << result;
}

TEST(TrainLangAdapter, LeavesNoSnapshotsOfARunThatFailed) {
  const auto run = [](const std::string& rate) {
    return run_command(tiny_files(), "train_lang_adapter",
                       "--encoder @/encoder --lm-head @/lm_head --text @/en.txt --steps 6 "
                       "--snapshot-every 1 --warmup-steps 0 --output @/failed/en --lr " +
                           rate);
  };
  const auto failed = run("1e30");
  EXPECT_EQ(failed.status, 2) << failed;
  EXPECT_FALSE(std::filesystem::exists(tiny_files() / "failed/en.partial"));
  const auto again = run("1e-3");
  EXPECT_EQ(again.status, 0) << again;
}

TEST(TrainLangAdapter, StaysNearAnotherAdapter) {
  const auto adapter = [](const std::string& name, const std::string& flags) {
    expect_success("train_lang_adapter",
                   "--encoder @/encoder --lm-head @/lm_head --text @/en.txt --no-encoder-dropout "
                   "--output @/near/" +
                       name + " " + flags);
    const auto rows = json_lines(tiny_files() / ("near/" + name + "/metrics.jsonl"));
    return rows.back()["loss"].get<double>();
  };
  adapter("base", "--lr 1e-2 --steps 6");
  adapter("far", "--lr 1 --steps 6");
  // The first step's loss of one that starts from base: the masked-LM loss, and how far it is.
  const std::string starts = "--lr 1e-2 --steps 1 --init-adapter @/near/base ";
  const auto plain = adapter("plain", starts);
  const auto base = adapter("of_base", starts + "--stay-near 5 --stay-near-adapter @/near/base");
  const auto far = adapter("of_far", starts + "--stay-near 5 --stay-near-adapter @/near/far");
  EXPECT_GT(base, plain) << "what is masked changes the states of its neighbours";
  EXPECT_GT(far, base + 0.01);
  const auto all = adapter(
      "in_all", starts + "--stay-near 5 --stay-near-adapter @/near/far --stay-near-layers all");
  EXPECT_GT(std::abs(all - far), 1e-3);
  EXPECT_GT(all, plain);
}

}  // namespace language_adapter_test
}  // namespace madx::apps
