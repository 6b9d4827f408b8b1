#include "sentencepiece_file.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "madx/core/error.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

// sentencepiece_model.proto: the fields that decide how a text is split.
constexpr uint64_t kModelPiece = 1, kModelTrainer = 2, kModelNormalizer = 3, kModelDenormalizer = 5;
constexpr uint64_t kPieceText = 1, kPieceScore = 2, kPieceKind = 3;
constexpr uint64_t kTrainerModelType = 3, kTrainerSpaceAsSuffix = 24, kTrainerByteFallback = 35;
constexpr uint64_t kTable = 2, kAddDummyPrefix = 3, kRemoveExtraSpaces = 4, kEscapeSpaces = 5;
constexpr uint64_t kUnigram = 1;

[[noreturn]] void damaged(const std::string& path, const std::string& found) {
  input_error(path, ": expected a SentencePiece model, but found ", found,
              "; copy it again from the encoder's Hugging Face directory");
}

/// The fields of a protobuf message, one after the other.
class Message {
 public:
  Message(const std::string& path, std::string_view bytes) : path_(path), rest_(bytes) {}

  /// Goes to the next field; false at the end.
  bool next() {
    if (rest_.empty()) return false;
    const uint64_t tag = varint();
    field_ = tag >> 3;
    if (field_ == 0 || tag > UINT32_MAX) damaged(path_, "a field without a number");
    value_ = {};
    number_ = 0;
    switch (tag & 7) {
      case 0:
        number_ = varint();
        return true;
      case 1:
        value_ = take(8);
        return true;
      case 2:
        value_ = take(varint());
        return true;
      case 5:
        value_ = take(4);
        return true;
      default:
        damaged(path_, "a field of no known kind");
    }
  }

  uint64_t field() const { return field_; }
  /// The field's bytes; empty for a number of variable length.
  std::string_view value() const { return value_; }
  /// The field's number of variable length; 0 for another field.
  uint64_t number() const { return number_; }

 private:
  std::string_view take(uint64_t size) {
    if (size > rest_.size()) damaged(path_, "a field that is cut off");
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<uint64_t>(byte & 0x7f) << std::min(shift, 63);
      if (byte < 0x80) return value;
    }
    damaged(path_, "a number of more than ten bytes");
  }

  const std::string& path_;
  std::string_view rest_;
  uint64_t field_ = 0, number_ = 0;
  std::string_view value_;
};

UnigramPiece read_piece(const std::string& path, std::string_view bytes) {
  constexpr float kLargestScore = 1e9f;  // sums over a text stay finite
  Message fields(path, bytes);
  UnigramPiece piece;
  while (fields.next()) {
    const auto value = fields.value();
    if (fields.field() == kPieceText) {
      if (value.empty() || value.find('\0') != value.npos || first_invalid_utf8(value)) {
        damaged(path, "a piece that is empty, has a NUL byte or is not UTF-8");
      }
      piece.text = value;
    } else if (fields.field() == kPieceScore) {
      float score = NAN;
      if (value.size() == sizeof(score)) std::memcpy(&score, value.data(), sizeof(score));
      if (!(std::abs(score) <= kLargestScore)) damaged(path, "a piece whose score is no number");
      piece.score = score;
    } else if (fields.field() == kPieceKind) {
      const bool known =
          fields.number() >= UnigramPiece::kNormal && fields.number() <= UnigramPiece::kByte;
      if (known) piece.kind = static_cast<int>(fields.number());
    }
  }
  if (piece.text.empty()) damaged(path, "a piece without text");
  return piece;
}

void read_normalizer(const std::string& path, std::string_view bytes, SentencePieceModel& model) {
  Message fields(path, bytes);
  while (fields.next()) {
    if (fields.field() == kTable && !fields.value().empty()) {
      model.table = NormalisationTable(path, fields.value());
    } else if (fields.field() == kAddDummyPrefix) {
      model.adds_space_before = fields.number() != 0;
    } else if (fields.field() == kRemoveExtraSpaces) {
      model.removes_extra_spaces = fields.number() != 0;
    } else if (fields.field() == kEscapeSpaces && fields.number() == 0) {
      model.is_plain_unigram = false;
    }
  }
}

void read_trainer(const std::string& path, std::string_view bytes, SentencePieceModel& model) {
  Message fields(path, bytes);
  while (fields.next()) {
    const bool other = (fields.field() == kTrainerModelType && fields.number() != kUnigram) ||
                       (fields.field() == kTrainerSpaceAsSuffix && fields.number() != 0) ||
                       (fields.field() == kTrainerByteFallback && fields.number() != 0);
    if (other) model.is_plain_unigram = false;
  }
}

}  // namespace

SentencePieceModel read_sentencepiece_model(const std::string& path, std::string_view bytes) {
  SentencePieceModel model;
  SentencePieceModel denormalizer;  // checked and left: nothing here turns ids into exact text
  Message fields(path, bytes);
  while (fields.next()) {
    if (fields.field() == kModelPiece) model.pieces.push_back(read_piece(path, fields.value()));
    if (fields.field() == kModelTrainer) read_trainer(path, fields.value(), model);
    if (fields.field() == kModelNormalizer) read_normalizer(path, fields.value(), model);
    if (fields.field() == kModelDenormalizer) read_normalizer(path, fields.value(), denormalizer);
  }
  for (const auto& piece : model.pieces) {
    if (piece.kind == UnigramPiece::kUserDefined || piece.kind == UnigramPiece::kByte)
      model.is_plain_unigram = false;
  }
  return model;
}

}  // namespace madx
