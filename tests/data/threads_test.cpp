// Batches made ahead by another thread, as MlmTask makes them: for tools/sanitize thread.
#include <gtest/gtest.h>

#include <future>

#include "io/test_files.h"
#include "madx/data/mlm_batches.h"

namespace madx {
namespace threads_test {

TEST(BatchesAhead, AreThoseThatOneThreadMakes) {
  const io::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 400; ++i) text += "Mwalimu anatembea " + std::to_string(i) + "\n";
  io::write_bytes(folder / "sw.txt", text);
  const auto tokenizer = load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr");
  for (const auto sequences : {Sequences::kLines, Sequences::kFullLength}) {
    MlmBatchesOptions options;
    options.max_length = 16;
    options.sequences = sequences;
    MlmBatches alone(TextCorpus({folder / "sw.txt"}), tokenizer, options);
    MlmBatches shared(TextCorpus({folder / "sw.txt"}), tokenizer, options);
    const auto make = [&](int64_t index) {
      return std::async(std::launch::async, [&shared, index] { return shared.train(index); });
    };
    auto ahead = make(0);
    for (int64_t index = 0; index < 200; ++index) {
      const auto batch = ahead.get();
      ahead = make(index + 1);
      const auto expected = alone.train(index);  // meanwhile, with the same tokenizer
      ASSERT_TRUE(at::equal(batch.targets, expected.targets)) << "batch " << index;
      ASSERT_TRUE(at::equal(batch.batch.input_ids, expected.batch.input_ids)) << "batch " << index;
    }
    ahead.get();
  }
}

}  // namespace threads_test
}  // namespace madx
