// One kind of step on random weights, timed: the same work, lengths and dropout as the Python
// programs that benchmarks/compare runs beside it. Prints one JSON line.
//
//   build/bin/step_bench --what mlm --size base --batch 8 --length 128 --steps 5 --threads 2
//
// mlm: a training step of a language adapter with its invertible adapter, every row `length` long.
// ner-train, ner-infer: a language adapter under a task adapter, sentences of realistic lengths
// (median about 27 sub-words); ner-infer-bare: the encoder alone; ner-infer-cost: each batch with
// the adapters and without them, in turn first, for the cost of adapters. Tokens are real ones.
// With --languages N the sequences of a batch are of N languages in turn, each with adapters of its
// own. With --vocabulary text the softmax of mlm is over 30,000 of the 250,002 sub-words, from
// which the targets are drawn, as in a training with that flag.
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/command_line/command_line.h"
#include "apps/command_line/device_flags.h"
#include "apps/command_line/program.h"
#include "benchmarks/random_encoder.h"
#include "madx/core/plain_text.h"
#include "madx/madx.h"

namespace {

constexpr int64_t kFirstWord = 5, kLabels = 7;
constexpr int64_t kVocabulary = 250002, kTextVocabulary = 30000;

struct Flags {
  std::string what = "mlm", size = "base";
  int64_t batch = 8, length = 128, steps = 5, vocabulary = kVocabulary, languages = 1;
  double reduction_factor = 2;
  bool over_text = false, no_dropout = false, checkpointing = false;
  madx::apps::DeviceFlags device;
};

void set_vocabulary(const std::string& text, Flags& flags) {
  flags.over_text = text == "text";
  const bool is_word = flags.over_text || text == "full";
  const auto size = is_word ? kVocabulary : madx::parse_number(text).value_or(0);
  if (!(size >= 100 && size <= 1 << 24 && size == std::floor(size))) {
    madx::input_error("--vocabulary: expected full, text or a number from 100 to ", 1 << 24,
                      ", but found \"", text, "\"");
  }
  flags.vocabulary = static_cast<int64_t>(size);
}

Flags parse(int argc, char** argv) {
  CLI::App app("Times one kind of step on random weights");
  Flags flags;
  app.add_option("--what", flags.what, "Work of a step")
      ->check(
          madx::apps::one_of({"mlm", "ner-train", "ner-infer", "ner-infer-bare", "ner-infer-cost"}))
      ->capture_default_str();
  app.add_option("--size", flags.size, "base: 768 x 12; small: 384 x 12")
      ->check(madx::apps::one_of({"base", "small"}))
      ->capture_default_str();
  const auto positive = madx::apps::from_to(1, 1 << 20);
  app.add_option("--batch", flags.batch, "Sequences per step")
      ->check(positive)
      ->capture_default_str();
  app.add_option("--length", flags.length, "Tokens per sequence; mlm only")
      ->check(madx::apps::from_to(1, 512))
      ->capture_default_str();
  app.add_option("--steps", flags.steps, "Timed steps, after one untimed step")
      ->check(positive)
      ->capture_default_str();
  app.add_option_function<std::string>(
      "--vocabulary", [&flags](const std::string& text) { set_vocabulary(text, flags); },
      "Number of sub-words (default: 250002), or text: a softmax over 30000 of 250002; mlm only");
  app.add_option("--reduction-factor", flags.reduction_factor,
                 "Language adapters: hidden / bottleneck size")
      ->check(madx::apps::above_zero())
      ->capture_default_str();
  app.add_option("--languages", flags.languages, "Languages per batch")
      ->check(positive)
      ->capture_default_str();
  app.add_flag("--no-encoder-dropout", flags.no_dropout, "Train with the encoder's dropout off");
  app.add_flag("--gradient-checkpointing", flags.checkpointing, "Recompute layers in backward");
  flags.device.add_to(app);
  madx::apps::parse_command_line(app, argc, argv);
  if (!std::isfinite(flags.reduction_factor)) {
    madx::input_error("--reduction-factor: expected a number above 0, but found ",
                      flags.reduction_factor);
  }
  if (flags.over_text && flags.what != "mlm") {
    madx::input_error("--vocabulary text: expected --what mlm beside it, but found --what ",
                      flags.what);
  }
  return flags;
}

madx::EncoderConfig config_of(const Flags& flags) {
  madx::EncoderConfig config;
  config.vocab_size = flags.vocabulary;
  config.hidden_size = flags.size == "base" ? 768 : 384;
  config.num_hidden_layers = config.num_attention_heads = 12;
  config.intermediate_size = 4 * config.hidden_size;
  config.max_position_embeddings = 514;
  return config;
}

/// What a step does, and how many tokens it reads.
class Step {
 public:
  Step(const Flags& flags, at::Device device)
      : flags_(flags),
        device_(device),
        config_(config_of(flags)),
        encoder_(madx::bench::random_encoder(config_, flags.device.weight_form(device))),
        adapters_(config_.hidden_size, config_.num_hidden_layers),
        no_adapters_(config_.hidden_size, config_.num_hidden_layers),
        mlm_head_(madx::MlmHeadOptions(config_.hidden_size, config_.vocab_size)),
        tagging_head_(madx::TaggingHeadOptions(config_.hidden_size, labels())),
        lengths_random_(at::make_generator<at::CPUGeneratorImpl>(1)) {
    const bool mlm = flags.what == "mlm";
    for (auto& weight : mlm_head_->parameters()) weight.requires_grad_(false);
    if (flags.what != "ner-infer-bare") {
      auto language = madx::named_config("pfeiffer");
      language.inv_adapter = "nice";
      language.reduction_factor = flags.reduction_factor;
      auto task = madx::named_config("pfeiffer");
      task.reduction_factor = 16;
      for (int64_t i = 0; i < flags.languages; ++i) adapters_->add(language_name(i), language);
      if (!mlm) adapters_->add("ta", task);
      const auto lower = flags.languages > 1 ? madx::kLanguage : language_name(0);
      adapters_->activate(mlm ? madx::Stack{lower} : madx::Stack{lower, "ta"});
    }
    encoder_->to(device);
    adapters_->to(device);
    mlm_head_->to(device);
    tagging_head_->to(device);
    for (auto& weight : adapters_->parameters()) weight.requires_grad_(false);
    if (trains()) {
      for (int64_t i = 0; i < flags.languages && mlm; ++i)
        for (auto& weight : adapters_->get(language_name(i))->parameters())
          trained_.push_back(weight);
      if (!mlm) {
        trained_ = adapters_->get("ta")->parameters();
        for (auto& weight : tagging_head_->parameters()) trained_.push_back(weight);
      }
      for (auto& weight : trained_) weight.requires_grad_(true);
      optimizer_ = std::make_unique<madx::AdamW>(trained_, /*weight_decay=*/0.01);
    }
    if (mlm) vocabulary_.emplace(softmax_vocabulary());
    encoder_->use_dropout(!flags.no_dropout);
    encoder_->use_gradient_checkpointing(flags.checkpointing);
    encoder_->train(trains());
    tagging_head_->train(trains());
  }

  /// Prepares the next batch, which is not timed; returns its tokens.
  int64_t prepare() {
    const auto lengths = flags_.what == "mlm"
                             ? at::full({flags_.batch}, flags_.length, at::kLong)
                             : (at::randn({flags_.batch}, lengths_random_) * 0.5 + 3.3)
                                   .exp()
                                   .to(at::kLong)
                                   .clamp(5, 128);
    batch_ = {};
    for (int64_t i = 0; i < flags_.batch; ++i)
      batch_.offsets.push_back(batch_.offsets.back() + lengths[i].item<int64_t>());
    for (int64_t i = 0; i < flags_.batch; ++i)
      batch_.languages.push_back(language_name(i % flags_.languages));
    batch_.input_ids = at::randint(kFirstWord, flags_.vocabulary - 2, {batch_.rows()}, at::kLong);
    if (flags_.what == "mlm") {
      const auto masked = at::rand({batch_.rows()}) < 0.15;
      batch_.read_rows = masked.nonzero().squeeze(1);
      if (batch_.read_rows.numel() == 0) {
        madx::input_error("--length: expected tokens of which one at least is masked (15 % are), ",
                          "but of ", madx::counted(batch_.rows(), "token"),
                          " none was; raise --length or --batch");
      }
      targets_ = text_ids_.defined()
                     ? text_ids_.index_select(
                           0, at::randint(text_ids_.size(0), batch_.read_rows.sizes(), at::kLong))
                     : batch_.input_ids.index_select(0, batch_.read_rows);
      batch_.input_ids.masked_fill_(masked, flags_.vocabulary - 1);
    } else {
      targets_ = at::randint(0, kLabels, {batch_.rows()}, at::kLong);
    }
    batch_ = batch_.to(device_);
    if (flags_.what != "mlm") targets_ = targets_.to(device_);
    return batch_.rows();
  }

  /// The batch through the encoder and the head alone.
  void run_bare() { infer(no_adapters_); }

  void run() {
    if (!trains()) return infer(adapters_);
    const auto hidden = encoder_->forward(batch_, *adapters_);
    const auto loss = flags_.what == "mlm"
                          ? mlm_head_->loss(hidden, *vocabulary_, targets_, *adapters_, batch_)
                          : tagging_head_->loss(hidden, targets_);
    loss.backward();
    optimizer_->step_and_clear(/*lr=*/1e-4);
    wait_for(trained_.front());
  }

 private:
  /// All sub-words, or some drawn once.
  madx::SoftmaxVocabulary softmax_vocabulary() {
    if (!flags_.over_text) return madx::SoftmaxVocabulary(encoder_);
    const auto drawn = at::randperm(flags_.vocabulary - 2 - kFirstWord, at::kLong);
    text_ids_ = std::get<0>(drawn.narrow(0, 0, kTextVocabulary).sort()) + kFirstWord;
    const auto* ids = text_ids_.const_data_ptr<int64_t>();
    return madx::SoftmaxVocabulary(encoder_, {ids, ids + text_ids_.numel()});
  }

  void infer(const madx::AdapterStack& adapters) {
    torch::NoGradGuard no_grad;
    wait_for(tagging_head_->forward(encoder_->forward(batch_, *adapters)));
  }

  /// A GPU is done with its work when a number of the last result is here.
  void wait_for(const at::Tensor& result) const {
    if (!device_.is_cpu()) result.flatten()[0].item();
  }

  static std::string language_name(int64_t index) { return "la" + std::to_string(index); }
  static std::vector<std::string> labels() {
    return {"O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"};
  }
  bool trains() const { return flags_.what == "mlm" || flags_.what == "ner-train"; }

  const Flags& flags_;
  at::Device device_;
  madx::EncoderConfig config_;
  madx::Encoder encoder_;
  madx::AdapterStack adapters_, no_adapters_;
  madx::MlmHead mlm_head_;
  madx::TaggingHead tagging_head_;
  at::Generator lengths_random_;
  std::vector<at::Tensor> trained_;
  std::unique_ptr<madx::AdamW> optimizer_;
  std::optional<madx::SoftmaxVocabulary> vocabulary_;  // of mlm
  at::Tensor text_ids_;                                // (30000) of --vocabulary text
  madx::PackedBatch batch_;
  at::Tensor targets_;
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class Work>
double timed(Work&& work) {
  const auto start = now();
  work();
  return now() - start;
}

void run(int argc, char** argv) {
  const auto flags = parse(argc, argv);
  const auto device = flags.device.apply();
  torch::manual_seed(0);
  Step step(flags, device);
  std::vector<double> seconds;
  double bare_seconds = 0;
  int64_t tokens = 0;
  for (int64_t i = 0; i <= flags.steps; ++i) {
    const auto rows = step.prepare();
    const bool with_bare = flags.what == "ner-infer-cost", bare_first = i % 2 == 0;
    double bare = with_bare && bare_first ? timed([&] { step.run_bare(); }) : 0;
    const auto adapted = timed([&] { step.run(); });
    if (with_bare && !bare_first) bare = timed([&] { step.run_bare(); });
    if (i == 0) continue;  // warm-up
    seconds.push_back(adapted);
    bare_seconds += bare;
    tokens += rows;
  }
  const auto total = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  std::sort(seconds.begin(), seconds.end());
  const auto median = seconds[seconds.size() / 2];
  nlohmann::ordered_json line{{"what", flags.what}, {"size", flags.size}, {"batch", flags.batch}};
  if (flags.device.dtype != "float32") line["dtype"] = flags.device.dtype;
  if (flags.languages > 1) line["languages"] = flags.languages;
  if (flags.what == "mlm") {
    if (flags.over_text) line["vocabulary"] = "text";
    line["length"] = flags.length;
    line["step_seconds"] = median;
    line["tokens_per_second"] = static_cast<double>(flags.batch * flags.length) / median;
  } else {
    line["tokens_per_second"] = static_cast<double>(tokens) / total;
  }
  if (flags.what == "ner-infer-cost") line["adapter_cost"] = total / bare_seconds - 1;
  line["peak_rss_mb"] = madx::apps::peak_memory_bytes() >> 20;
  std::cout << line.dump() << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program("step_bench", [&] { run(argc, argv); });
}
