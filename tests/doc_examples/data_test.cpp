// Text in, batches out: raw text for masked LM, CoNLL for tagging, scores.
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <algorithm>
#include <sstream>

#include "madx/data/line_order.h"
#include "madx/data/tagging_examples.h"
#include "madx/data/token_stream.h"
#include "madx/madx.h"
#include "support.h"

namespace madx {
namespace data_examples {

const std::string kTokenizer = std::string(MADX_FIXTURES) + "/tokenizer/xlmr";

/// A file of raw text, a sentence a line.
class DataExample : public testing::Test {
 protected:
  DataExample() { io::write_file(text_, "Mwalimu anasoma kitabu.\nWatoto wanacheza shuleni.\n"); }
  TemporaryFolder folder_;
  std::string text_ = folder_ / "sw.txt";
};

TEST_F(DataExample, ATokenizerComesFromItsFile) {
  //! [tokenizer]
  const TokenizerFile file = read_tokenizer_file(kTokenizer);
  const std::shared_ptr<const Tokenizer> tokenizer = make_tokenizer(file, kTokenizer);
  const auto ids = tokenizer->encode("Mwalimu anasoma");
  const auto sequence = tokenizer->with_ends(ids);  // = encode_sequence("Mwalimu anasoma")
  const SpecialTokens& special = tokenizer->special();
  //! [tokenizer]
  EXPECT_FALSE(ids.empty());
  EXPECT_EQ(sequence, tokenizer->encode_sequence("Mwalimu anasoma"));
  EXPECT_EQ(sequence.front(), special.bos);
  EXPECT_TRUE(tokenizer->is_special(sequence.front()) && tokenizer->is_special(sequence.back()));
}

TEST_F(DataExample, RawTextBecomesMaskedBatches) {
  const auto tokenizer = load_tokenizer(kTokenizer);
  //! [mlm batches]
  SubWordSet sub_words(*tokenizer);  // those that the text has, for a smaller softmax
  MlmBatchesOptions options;
  options.batch_size = 2;
  options.max_length = 16;
  options.mixing = Mixing::kByLines;
  options.sequences = Sequences::kLines;
  MlmBatches batches(TextCorpus({text_}), tokenizer, options, &sub_words);
  const MlmBatch batch = batches.train(/*index=*/0);  // a function of options and index
  //! [mlm batches]
  EXPECT_EQ(batch.batch.sequences(), 2);
  EXPECT_EQ(batch.batch.read_rows.numel(), batch.targets.numel());
  EXPECT_LT(sub_words.ids().size(), static_cast<size_t>(tokenizer->vocab_size()));
}

TEST_F(DataExample, LinesHaveARandomOrder) {
  //! [line order]
  const LineOrder order(/*size=*/5, {/*seed=*/1, /*epoch=*/0});
  std::vector<size_t> lines;
  for (size_t i = 0; i < 5; ++i) lines.push_back(order[i]);
  //! [line order]
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (std::vector<size_t>{0, 1, 2, 3, 4}));
}

TEST_F(DataExample, LinesAreOneStreamOfTokens) {
  const auto tokenizer = load_tokenizer(kTokenizer);
  //! [token stream]
  const auto corpus = std::make_shared<const TextCorpus>(TextCorpus({text_}));
  const auto counted = std::make_shared<const CountedText>(corpus, tokenizer);
  const TokenStream stream(counted, /*first=*/0, corpus->size());
  const auto tokens = stream.tokens(0, stream.size());  // each line, then </s>
  //! [token stream]
  EXPECT_EQ(static_cast<int64_t>(tokens.size()), counted->length(0) + counted->length(1));
  EXPECT_EQ(tokens.back(), tokenizer->special().eos);
}

TEST_F(DataExample, MasksAreDrawnFromAStream) {
  const auto tokenizer = load_tokenizer(kTokenizer);
  //! [masking]
  auto ids = tokenizer->encode("Mwalimu anasoma kitabu");
  const auto before = ids;
  RandomStream random(/*seed=*/42);
  const MaskedTokens masked = mask_tokens(ids, *tokenizer, /*probability=*/1.0, random);
  //! [masking]
  EXPECT_EQ(masked.targets, before);
  EXPECT_NE(ids, before);
}

TEST_F(DataExample, TaggedSentencesBecomeExamples) {
  const auto conll = folder_ / "train.conll";
  io::write_file(conll, "Amina\tB-PER\nanaishi\tO\nMombasa\tB-LOC\n\n");
  const auto tokenizer = load_tokenizer(kTokenizer);
  //! [conll]
  const ConllFile file = read_conll_file(conll, ConllColumns{/*token=*/1, /*tag=*/2});
  const TaggedSentence& first = file.sentences.front();
  const std::vector<Span> entities = spans_of(first.tags);

  const auto labels = iob2_labels(file.sentences);
  const TaggingExamples examples(file.sentences, *tokenizer, labels, /*max_length=*/32,
                                 UnknownTags::kRefused, TagScheme::kSpans);
  const TaggingBatch batch = examples.batch({0});
  //! [conll]
  EXPECT_EQ(entities, std::vector<Span>({{"PER", 0, 1}, {"LOC", 2, 3}}));
  EXPECT_EQ(labels, std::vector<std::string>({"O", "B-LOC", "I-LOC", "B-PER", "I-PER"}));
  EXPECT_TRUE(at::equal(batch.targets, at::tensor({3, 0, 1}, at::kLong)));
}

TEST_F(DataExample, LongSentencesAreWindows) {
  //! [windows]
  const std::vector<Window> windows = make_windows(/*subword_counts=*/{2, 2, 2, 2}, /*limit=*/4);
  //! [windows]
  EXPECT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows.front().keep_begin, 0u);
  EXPECT_EQ(windows.back().keep_end, 4u);
}

TEST_F(DataExample, ScoresAreThoseOfSpans) {
  //! [scores]
  const std::vector<std::vector<std::string>> gold = {{"B-PER", "O", "B-LOC"}},
                                              predicted = {{"B-PER", "O", "O"}};
  const NerScores scores = span_f1(gold, predicted);
  const SpanScores& locations = scores.per_type.at("LOC");
  //! [scores]
  EXPECT_DOUBLE_EQ(scores.micro.recall, 50);
  EXPECT_EQ(locations.correct, 0);
}

TEST_F(DataExample, TextToTagIsSplitIntoWords) {
  //! [raw text]
  const RawText raw = read_raw_text(text_);
  LineScanner lines("one\r\ntwo\n");
  while (lines.next()) EXPECT_EQ(lines.line().size(), 3u);
  //! [raw text]
  EXPECT_EQ(raw.sentences.front(), std::vector<std::string>({"Mwalimu", "anasoma", "kitabu", "."}));
}

TEST_F(DataExample, MistakesAreOneLine) {
  //! [errors]
  try {
    read_conll(folder_ / "missing.conll");
    FAIL();
  } catch (const InputError& error) {  // the user's: programs exit with 2
    EXPECT_NE(std::string(error.what()).find("missing.conll"), std::string::npos);
  } catch (const MachineError&) {  // a full disk: programs exit with 1
    FAIL();
  } catch (const Error&) {  // both are one
    FAIL();
  }
  //! [errors]
  EXPECT_THROW(input_error("a.conll:3: expected a tag"), Error);
}

}  // namespace data_examples
}  // namespace madx
