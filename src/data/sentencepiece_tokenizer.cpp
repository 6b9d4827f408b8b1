#include "sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include "madx/core/error.h"
#include "sentencepiece_check.h"

namespace madx {
namespace {

constexpr std::string_view kWordMark = "\u2581";  // ▁, which SentencePiece puts for a space

/// SentencePiece's ids under fairseq's numbering, which XLM-R was trained with: fairseq begins with
/// <s> <pad> </s> <unk> where the model begins with <unk> <s> </s>, so that all later pieces move
/// up by one; <mask> comes after them.
class SentencePieceTokenizer final : public Tokenizer {
 public:
  SentencePieceTokenizer(std::unique_ptr<sentencepiece::SentencePieceProcessor> processor,
                         std::string path)
      : Tokenizer({/*bos=*/0, /*eos=*/2, /*pad=*/1, /*unk=*/3,
                   /*mask=*/processor->GetPieceSize() + kShift}),
        processor_(std::move(processor)),
        path_(std::move(path)) {}

  std::vector<int64_t> encode(std::string_view text) const override {
    // SentencePiece does not look for its control pieces (<s>, </s>) in text.
    std::vector<int> model_ids;
    const auto status = processor_->Encode(text, &model_ids);
    if (!status.ok()) {
      input_error(path_, ": expected a SentencePiece model that splits any text, but found: ",
                  status.message(), "; use the model that belongs to the encoder");
    }

    std::vector<int64_t> ids;
    ids.reserve(model_ids.size());
    for (const int id : model_ids) ids.push_back(id == kModelUnk ? special().unk : id + kShift);
    return ids;
  }

  std::string decode(const std::vector<int64_t>& ids) const override {
    std::string text;
    for (const int64_t id : ids) {
      if (!is_special(id)) text += piece(id);
    }
    for (size_t at = 0; (at = text.find(kWordMark, at)) != std::string::npos; ++at) {
      text.replace(at, kWordMark.size(), " ");
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text.erase(0, text.find_first_not_of(' '));
  }

  std::string piece(int64_t id) const override {
    check_id(id);
    if (id == special().bos) return "<s>";
    if (id == special().eos) return "</s>";
    if (id == special().pad) return "<pad>";
    if (id == special().unk) return "<unk>";
    if (id == special().mask) return "<mask>";
    return processor_->IdToPiece(static_cast<int>(id) - kShift);
  }

  int64_t vocab_size() const override { return special().mask + 1; }

  static constexpr int kModelUnk = 0;
  static constexpr int kModelBos = 1;
  static constexpr int kModelEos = 2;

 private:
  static constexpr int kShift = 1;

  std::unique_ptr<sentencepiece::SentencePieceProcessor> processor_;
  std::string path_;
};

}  // namespace

std::shared_ptr<const Tokenizer> make_sentencepiece_tokenizer(const TokenizerFile& file,
                                                              const std::string& where) {
  auto processor = std::make_unique<sentencepiece::SentencePieceProcessor>();
  const std::string path = where + "/" + file.name;
  check_sentencepiece_model(path, file.bytes);
  const auto status = processor->LoadFromSerializedProto(file.bytes);
  if (!status.ok()) {
    input_error(path, ": expected a SentencePiece model, but found ", file.bytes.size(),
                " bytes that are none (", status.message(),
                "); copy it again from the encoder's Hugging Face directory");
  }
  using Ours = SentencePieceTokenizer;
  if (processor->unk_id() != Ours::kModelUnk || processor->bos_id() != Ours::kModelBos ||
      processor->eos_id() != Ours::kModelEos || processor->pad_id() != -1) {
    input_error(
        path,
        ": expected XLM-R's special pieces <unk> 0, <s> 1, </s> 2 and no <pad>, but found <unk> ",
        processor->unk_id(), ", <s> ", processor->bos_id(), ", </s> ", processor->eos_id(),
        ", <pad> ", processor->pad_id(), "; use the model that belongs to the encoder");
  }
  return std::make_shared<SentencePieceTokenizer>(std::move(processor), path);
}

}  // namespace madx
