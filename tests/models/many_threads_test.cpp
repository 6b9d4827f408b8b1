// One encoder and one bank, many threads with plans of their own: tools/sanitize thread runs this
// under ThreadSanitizer.
#include <gmock/gmock.h>
#include <torch/utils.h>

#include <atomic>
#include <thread>

#include "../support.h"
#include "madx/models/mlm_head.h"
#include "tiny_encoder.h"

namespace madx {
namespace many_threads_test {

class ManyThreads : public testing::Test {
 protected:
  static constexpr int kThreads = 8, kRounds = 12;

  ManyThreads()
      : encoder_(tiny_encoder()),
        adapters_(tiny_config().hidden_size, tiny_config().num_hidden_layers),
        head_(MlmHeadOptions(tiny_config().hidden_size, tiny_config().vocab_size)),
        batch_(pack({{0, 7, 9, 11, 2}, {0, 30, 2}, {0, 100, 101, 102, 2}})),
        targets_(at::arange(batch_.rows())) {
    const at::NoGradGuard no_grad;
    for (const auto* name : {"en", "sw", "fi"}) adapters_->add(name, named_config("pfeiffer+inv"));
    adapters_->add("gated", [] {
      auto config = named_config("pfeiffer");
      config.use_gating = true;
      return config;
    }());
    adapters_->add("ner", named_config("pfeiffer"));
    adapters_->add_fusion(Fuse{"en", "sw"});
    for (auto& weight : adapters_->parameters()) weight.normal_(0, 0.3);
    batch_.languages = {"sw", "en", "fi"};
    encoder_->eval();
    adapters_->eval();
    for (auto& weight : head_->parameters()) weight.requires_grad_(false);
    adapters_->freeze();
    for (const Composition& composition :
         {Composition{"en", "ner"}, Composition{"sw", "ner"}, Composition{"fi"},
          Composition{kLanguage, "ner"}, Composition(Fuse{"en", "sw"}), Composition{"gated"},
          Composition(), Composition(Average{"en", "sw"})}) {
      plans_.push_back(adapters_->plan(composition));
    }
  }

  /// Last hidden states and masked-LM loss under a plan.
  std::pair<at::Tensor, at::Tensor> run(const Plan& plan) {
    const auto hidden = encoder_->forward(batch_, plan);
    return {hidden,
            head_->loss(hidden, encoder_->output_embeddings(), targets_, plan, batch_).detach()};
  }

  /// Runs `work(thread)` on all threads at once, all of which must find the same as one alone.
  template <class Work>
  static void on_threads(Work&& work) {
    std::atomic<int> waiting{kThreads};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        --waiting;
        while (waiting > 0) std::this_thread::yield();
        work(i);
      });
    }
    for (auto& thread : threads) thread.join();
  }

  Encoder encoder_;
  AdapterStack adapters_;
  MlmHead head_;
  PackedBatch batch_;
  at::Tensor targets_;
  std::vector<std::shared_ptr<const Plan>> plans_;
};

TEST_F(ManyThreads, RunPlansOfTheirOwnOnOneBankAndEncoder) {
  const at::NoGradGuard no_grad;
  std::vector<std::pair<at::Tensor, at::Tensor>> alone;
  for (const auto& plan : plans_) alone.push_back(run(*plan));
  EXPECT_FALSE(at::equal(alone[0].first, alone[1].first));
  std::atomic<int> same{0};
  on_threads([&](int thread) {
    const at::NoGradGuard guard;  // of each thread
    for (int round = 0; round < kRounds; ++round) {
      const auto i = static_cast<size_t>(thread + round) % plans_.size();
      const auto [hidden, loss] = run(*plans_[i]);
      if (at::equal(hidden, alone[i].first) && at::equal(loss, alone[i].second)) ++same;
    }
  });
  EXPECT_EQ(same.load(), kThreads * kRounds);
}

TEST_F(ManyThreads, FindTheirOwnGradients) {
  const auto gradient = [&](const Plan& plan) {
    const auto rows = at::full({1}, 0.5).requires_grad_();
    const auto hidden = encoder_->forward(batch_, plan) * rows;
    head_->loss(hidden, encoder_->output_embeddings(), targets_, plan, batch_).backward();
    return rows.grad();
  };
  std::vector<at::Tensor> alone;
  for (const auto& plan : plans_) alone.push_back(gradient(*plan));
  std::atomic<int> same{0};
  on_threads([&](int thread) {
    for (int round = 0; round < kRounds; ++round) {
      const auto i = static_cast<size_t>(thread + round) % plans_.size();
      if (at::allclose(gradient(*plans_[i]), alone[i], 1e-4, 1e-6)) ++same;
    }
  });
  EXPECT_EQ(same.load(), kThreads * kRounds);
}

}  // namespace many_threads_test
}  // namespace madx
