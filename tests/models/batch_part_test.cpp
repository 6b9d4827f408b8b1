// Parts of a batch, as ranks run them: together they are the batch, and each of their sequences
// gets what it gets there, dropout included.
#include "madx/models/batch_part.h"

#include <gmock/gmock.h>

#include "../support.h"
#include "madx/models/tagging_head.h"
#include "madx/ops/sequences.h"
#include "tiny_encoder.h"

namespace madx {
namespace batch_part_test {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::vector<int64_t>> kSequences = {
    {0, 17, 200, 9, 2}, {0, 2}, {0, 31, 32, 33, 34, 35, 36, 2}, {0, 9, 9, 9, 2}, {0, 44, 45, 2}};

TEST(ShareOut, GivesTheLongestToThePartWithTheFewestRows) {
  const auto offsets = pack(kSequences).offsets;  // lengths 5, 2, 8, 5, 4
  EXPECT_THAT(share_out(offsets, 1), ElementsAre(ElementsAre(0, 1, 2, 3, 4)));
  EXPECT_THAT(share_out(offsets, 2), ElementsAre(ElementsAre(2, 4), ElementsAre(0, 1, 3)));
}

TEST(ShareOut, LeavesPartsEmptyWhereThereAreFewerSequences) {
  EXPECT_THAT(share_out({0, 3, 5}, 3), ElementsAre(ElementsAre(0), ElementsAre(1), IsEmpty()));
  EXPECT_THAT(share_out({0}, 2), ElementsAre(IsEmpty(), IsEmpty()));
}

TEST(TakePart, KeepsTheRowsThatAreRead) {
  auto batch = pack(kSequences);
  batch.read_rows = at::tensor({1, 3, 8, 19, 23}, at::kLong);
  batch.languages = {"a", "b", "c", "d", "e"};
  const auto part = take_part(batch, {2, 4});
  EXPECT_TRUE(at::equal(part.batch.input_ids,
                        at::tensor({0, 31, 32, 33, 34, 35, 36, 2, 0, 44, 45, 2}, at::kLong)));
  EXPECT_THAT(part.batch.offsets, ElementsAre(0, 8, 12));
  EXPECT_TRUE(at::equal(part.batch.read_rows, at::tensor({1, 11}, at::kLong)));
  EXPECT_TRUE(at::equal(part.read, at::tensor({2, 4}, at::kLong)));
  EXPECT_THAT(part.batch.languages, ElementsAre("c", "e"));
}

TEST(StochasticDepth, DrawsForThePartsOfABatchApart) {
  // Two parts of 64 sequences of two rows each, which their processes draw from the same state.
  std::vector<at::Tensor> kept;
  RowOffsets offsets;
  for (int64_t s = 0; s <= 64; ++s) offsets.push_back(2 * s);
  for (const int64_t first : {0, 128}) {
    torch::manual_seed(3);
    const ops::PartRows rows{at::arange(first, first + 128), 256};
    const ops::PartScope scope(&rows);
    kept.push_back(ops::stochastic_depth(at::ones({128, 1}), offsets, 0.5));
  }
  for (const auto& part : kept)
    EXPECT_TRUE(at::equal(part.view({64, 2}).select(1, 0), part.view({64, 2}).select(1, 1)));
  const auto same = kept[0].eq(kept[1]).sum().item<int64_t>() / 2;
  EXPECT_GT(same, 10);
  EXPECT_LT(same, 54);
}

class PartsOfABatch : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(31);
    for (const std::string name : {"en", "sw", "rw"}) add(name, "pfeiffer+inv");
    add("fi", "houlsby");
    add("ner", "pfeiffer");
    batch_.languages = {"sw", "en", "sw", "rw", "en"};
    encoder_->train();
    adapters_->train();
  }

  void add(const std::string& name, const std::string& config) {
    const at::NoGradGuard no_grad;
    for (auto& weight : adapters_->add(name, named_config(config))->parameters())
      weight.normal_(0, 0.3);
  }

  at::Tensor forward(const PackedBatch& batch) {
    torch::manual_seed(5);
    return encoder_->forward(batch, *adapters_);
  }

  /// What parts give, in the batch's order, where dropout is active.
  void expect_parts_give_the_whole(size_t parts) {
    const auto whole = forward(batch_);
    auto together = at::full_like(whole, NAN);
    for (const auto& share : share_out(batch_.offsets, parts)) {
      const auto part = take_part(batch_, share);
      const auto where = batch_.read_rows.defined() ? part.read : rows_of(share);
      together.index_copy_(0, where, forward(part.batch).detach());
    }
    expect_close(together, whole.detach(), 1e-5);
    encoder_->eval();
    EXPECT_GT((forward(batch_) - whole).abs().max().item<double>(), 1e-2) << "no dropout";
    encoder_->train();
  }

  at::Tensor rows_of(const std::vector<size_t>& share) const {
    return detail::take_rows(batch_.offsets, share).first;
  }

  Encoder encoder_ = tiny_encoder();
  AdapterStack adapters_{/*hidden_size=*/12, /*num_layers=*/2};
  PackedBatch batch_ = pack(kSequences);
};

TEST_F(PartsOfABatch, GetItsDropoutUnderOneStack) {
  adapters_->activate({"en", "ner"});
  for (const size_t parts : {2, 4, 7}) expect_parts_give_the_whole(parts);
  batch_.read_rows = at::tensor({1, 3, 8, 19, 23}, at::kLong);
  for (const size_t parts : {2, 4, 7}) expect_parts_give_the_whole(parts);
}

TEST_F(PartsOfABatch, GetItUnderAdaptersOfAnotherPlacement) {
  adapters_->activate({"fi"});  // LibTorch's dropout
  expect_parts_give_the_whole(2);
}

TEST_F(PartsOfABatch, GetItWhereItsSequencesGoSeveralWays) {
  adapters_->activate({kLanguage, "ner"});
  for (const size_t parts : {2, 4}) expect_parts_give_the_whole(parts);
  batch_.read_rows = at::tensor({1, 3, 8, 19, 23}, at::kLong);
  expect_parts_give_the_whole(3);
  adapters_->activate(BatchSplit({"en", "sw"}, {2, 3}));
  expect_parts_give_the_whole(2);
}

TEST_F(PartsOfABatch, GetItWithGradientCheckpointing) {
  adapters_->activate({"en"});
  const auto gradient = [&](const PackedBatch& batch) {
    auto weight = adapters_->get("en")->parameters().front();
    weight.mutable_grad() = at::Tensor();
    forward(batch).square().sum().backward();
    return weight.grad().clone();
  };
  const auto whole = gradient(batch_);
  encoder_->use_gradient_checkpointing(true);
  const auto shares = share_out(batch_.offsets, 2);
  expect_close(
      gradient(take_part(batch_, shares[0]).batch) + gradient(take_part(batch_, shares[1]).batch),
      whole, 1e-4);
}

}  // namespace batch_part_test
}  // namespace madx
