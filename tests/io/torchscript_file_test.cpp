// TorchScript archives as data (load_encoder's weights_only): the same weights as by LibTorch's
// loader, and nothing of an archive's program runs.
#include "io/torchscript_file.h"

#include <caffe2/serialize/inline_container.h>
#include <gmock/gmock.h>
#include <torch/script.h>

#include <nlohmann/json.hpp>

#include "../support.h"
#include "madx/io/encoder_files.h"
#include "madx/io/safetensors.h"
#include "madx/io/torch_file.h"
#include "test_files.h"

namespace madx::io {
namespace torchscript_file_test {

namespace fs = std::filesystem;
using namespace std::string_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kArchives = MADX_FIXTURES "/torchscript/";
const auto kWeightsOnly = LoadEncoderOptions().weights_only(true);

void expect_same_bits(const torch::nn::Module& a, const torch::nn::Module& b) {
  const auto ours = a.named_parameters(), theirs = b.named_parameters();
  ASSERT_EQ(ours.size(), theirs.size());
  for (const auto& item : theirs)
    EXPECT_TRUE(at::equal(ours[item.key()], item.value())) << item.key();
}

/// Loads `path` both ways and compares all that comes of it.
void expect_same_encoder(const std::string& path) {
  SCOPED_TRACE(path);
  auto data = load_encoder(path, kWeightsOnly), program = load_encoder(path);
  EXPECT_TRUE(data.archive_as_data);
  EXPECT_FALSE(data.archive_difference);
  EXPECT_FALSE(program.archive_as_data);
  EXPECT_TRUE(program.archive_difference);
  expect_same_bits(*data.encoder, *program.encoder);
  ASSERT_EQ(data.head.is_empty(), program.head.is_empty());
  if (!data.head.is_empty()) expect_same_bits(*data.head, *program.head);
  EXPECT_EQ(data.encoder->has_own_output(), program.encoder->has_own_output());
  EXPECT_EQ(data.origin->config_json, program.origin->config_json);
  EXPECT_EQ(data.origin->tokenizer.all(), program.origin->tokenizer.all());
  const at::NoGradGuard no_grad;
  const auto batch = pack({{5, 9, 11, 7}, {8, 6}});
  EXPECT_TRUE(at::equal(data.encoder->forward(batch), program.encoder->forward(batch)));
}

TEST(WeightsOnly, GivesTheBitsOfArchivesThatPythonTraced) {
  for (const std::string name : {"xlmr_mlm.pt", "xlmr_bare.pt", "xlmr_mlm_dict.pt", "bert_mlm.pt",
                                 "xlmr_bare_dict", "xlmr_bare_dict/encoder.pt"}) {
    expect_same_encoder(kArchives + name);
  }
}

TEST(WeightsOnly, GivesTheBitsOfArchivesThatExportEncoderWrote) {
  const TemporaryFolder folder;
  for (const std::string name : {"xlmr_mlm", "bert_mlm"}) {
    const auto directory = folder / name, archive = directory + ".pt";
    fs::create_directory(directory);
    const auto loaded = load_encoder(kArchives + name + ".pt");
    save_encoder(loaded.encoder, loaded.head, *loaded.origin, directory);
    export_encoder(directory, archive);
    expect_same_encoder(archive);
  }
}

TEST(WeightsOnly, GivesTheBitsOfAnArchiveInBfloat16WithAnOutputLayerOfItsOwn) {
  const TemporaryFolder folder;
  const auto loaded = load_encoder(kArchives + "xlmr_mlm.pt");
  save_encoder(loaded.encoder, loaded.head, *loaded.origin, folder.path());
  auto weights = read_safetensors(folder / "model.safetensors");
  weights.insert("lm_head.decoder.weight", at::randn_like(loaded.encoder->word_embeddings()));
  write_safetensors(folder / "untied.safetensors", weights);
  fs::rename(folder / "untied.safetensors", folder / "model.safetensors");
  auto config = nlohmann::json::parse(read_bytes(folder / "config.json"));
  config["tie_word_embeddings"] = false;
  write_bytes(folder / "config.json", config.dump());
  export_encoder(folder.path(), folder / "whole.pt");

  torch::jit::ExtraFilesMap files = {{"config.json", ""}, {"sentencepiece.bpe.model", ""}};
  auto module = torch::jit::load(folder / "whole.pt", at::kCPU, files);
  module.to(at::kBFloat16);
  module.save(folder / "x.pt", files);
  EXPECT_TRUE(load_encoder(folder / "x.pt", kWeightsOnly).encoder->has_own_output());
  expect_same_encoder(folder / "x.pt");
}

TEST(WeightsOnly, IsAcceptedWhereThereIsNoProgram) {
  const TemporaryFolder folder;
  const auto loaded = load_encoder(kArchives + "xlmr_mlm.pt");
  save_encoder(loaded.encoder, loaded.head, *loaded.origin, folder.path());
  for (const bool pickled : {false, true}) {
    if (pickled) {
      write_torch_file(folder / "pytorch_model.bin",
                       read_safetensors(folder / "model.safetensors"));
      fs::remove(folder / "model.safetensors");
    }
    const auto again = load_encoder(folder.path(), kWeightsOnly);
    EXPECT_FALSE(again.archive_as_data);
    expect_same_bits(*again.encoder, *loaded.encoder);
  }
}

/// Archives that do something, and the file that shows it.
class HostileArchive : public testing::Test {
 protected:
  /// An encoder whose program writes `written()`: when its forward runs, or when it is loaded.
  std::string with_program(bool at_load) const {
    torch::jit::ExtraFilesMap files = {{"config.json", ""}, {"sentencepiece.bpe.model", ""}};
    const auto inner = torch::jit::load(kArchives + "xlmr_bare.pt", at::kCPU, files);
    torch::jit::Module outer("Outer");
    outer.register_module("roberta", inner);
    const auto write = "torch.save(1, \"" + written() + "\")\n";
    if (at_load) {
      torch::jit::Module evil("Evil");
      evil.register_attribute("state", c10::IntType::get(), 1);
      evil.define(
          "def __getstate__(self) -> int:\n    return 1\n"
          "def __setstate__(self, state: int) -> None:\n    self.state = state\n    " +
          write);
      outer.register_module("evil", evil);
    }
    outer.define("def forward(self, input_ids: Tensor, attention_mask: Tensor):\n" +
                 (at_load ? "" : "    " + write) +
                 "    return self.roberta.forward(input_ids, attention_mask)\n");
    outer.save(folder_ / "hostile.pt", files);
    fs::remove(written());
    return folder_ / "hostile.pt";
  }
  /// An archive with this pickle and a storage 0 of four bytes.
  std::string with_pickle(const std::string& pickle) const {
    caffe2::serialize::PyTorchStreamWriter writer(folder_ / "pickle.pt");
    const std::string none = "\x80\x02).";
    writer.writeRecord("data/0", "1234", 4);
    writer.writeRecord("data.pkl", pickle.data(), pickle.size());
    writer.writeRecord("constants.pkl", none.data(), none.size());
    writer.writeEndOfFile();
    return folder_ / "pickle.pt";
  }
  std::string refusal(const std::string& pickle) const {
    const auto path = with_pickle("\x80\x02"s + pickle + ".");
    return input_error_of([&] { read_torchscript_file(path, {}); });
  }
  std::string written() const { return folder_ / "written"; }

  TemporaryFolder folder_;
};

TEST_F(HostileArchive, DoesNothingByItsForward) {
  const auto path = with_program(/*at_load=*/false);
  const auto data = load_encoder(path, kWeightsOnly);
  EXPECT_FALSE(fs::exists(written()));
  const auto program = load_encoder(path);
  EXPECT_TRUE(fs::exists(written())) << "the archive that this test is about does nothing";
  expect_same_bits(*data.encoder, *program.encoder);
}

TEST_F(HostileArchive, DoesNothingByASetstate) {
  const auto path = with_program(/*at_load=*/true);
  const auto data = load_encoder(path, kWeightsOnly);
  EXPECT_FALSE(fs::exists(written()));
  const auto program = load_encoder(path);
  EXPECT_TRUE(fs::exists(written())) << "the archive that this test is about does nothing";
  expect_same_bits(*data.encoder, *program.encoder);
}

TEST_F(HostileArchive, IsExportedWithoutItsProgram) {
  const auto directory = folder_ / "directory";
  fs::create_directory(directory);
  fs::rename(with_program(/*at_load=*/true), directory + "/encoder.pt");
  export_encoder(directory, folder_ / "clean.pt", /*weights_only=*/true);
  EXPECT_FALSE(fs::exists(written()));
  expect_same_encoder(folder_ / "clean.pt");
  EXPECT_FALSE(fs::exists(written()));
}

TEST_F(HostileArchive, IsRefusedByTheNameOfWhatItCalls) {
  const auto argument = "X\x07\0\0\0touch x"s;
  const auto call = [&](const std::string& function) {
    return refusal("c" + function + "\n(" + argument + "tR");
  };
  EXPECT_THAT(call("posix\nsystem"),
              AllOf(HasSubstr("/pickle.pt: expected modules, tensors and plain containers as "
                              "TorchScript writes them, but found a call of the Python object "
                              "posix.system before byte "),
                    HasSubstr("; copy the file again, or get the encoder as model.safetensors")));
  EXPECT_THAT(call("builtins\neval"), HasSubstr("a call of the Python object builtins.eval"));
  EXPECT_THAT(call("__torch__.a.b\nModule"),
              HasSubstr("a call of the Python object __torch__.a.b.Module"));
  EXPECT_THAT(refusal("cposix\nsystem\n(" + argument + "t\x81"),
              HasSubstr("an object made of the Python object posix.system"));
  EXPECT_THAT(refusal("cos\nsystem\n"),
              HasSubstr("expected a module in the archive (data.pkl), but "
                        "found the Python object os.system"));
  EXPECT_THAT(refusal("(" + argument + "iposix\nsystem\n"),
              HasSubstr("pickle opcode 105"));  // INST
}

const std::string kModule = "c__torch__\nM\n)\x81";

TEST_F(HostileArchive, IsRefusedWhereModulesAreEndless) {
  const auto x = "X\1\0\0\0x"s, y = "X\1\0\0\0y"s;
  EXPECT_THAT(refusal(kModule + "q\0}("s + x + "h\0ub"s), HasSubstr("modules more than 64 deep"));
  // Each has the next one twice: 2 to the 40th names.
  auto doubled = kModule + "}b";
  for (int i = 1; i <= 40; ++i) {
    const auto slot = "q"s + static_cast<char>(i), get = "h"s + static_cast<char>(i);
    doubled += slot + kModule + "}(" + x + get + y + get + "ub";
  }
  EXPECT_THAT(refusal(doubled), HasSubstr("more than 100000 attributes"));
}

TEST_F(HostileArchive, IsRefusedWhereNamesAreTwiceOrNoneAtAll) {
  const auto storage =
      "(X\7\0\0\0storagectorch\nByteStorage\nX\1\0\0\0"
      "0X\3\0\0\0cpuK\4tQ"s;
  const auto tensor =
      "ctorch._utils\n_rebuild_tensor_v2\n("s + storage + "K\0K\4\x85K\1\x85\x89NtR"s;
  const auto x = "X\1\0\0\0x"s;
  EXPECT_EQ(refusal(kModule + "}(" + x + tensor + "ub"), "");
  EXPECT_THAT(refusal(kModule + "}(" + x + tensor + x + tensor + "ub"),
              HasSubstr("but found x twice"));
  EXPECT_THAT(refusal(kModule + "}(K\1K\2ub"), HasSubstr("the number 1 as an attribute's name"));
  EXPECT_THAT(refusal("}"),
              HasSubstr("expected a module in the archive (data.pkl), but found a dict"));
}

TEST_F(HostileArchive, EndsInAnInputErrorHoweverItIsDamaged) {
  torch::jit::Module module("M");
  module.register_parameter("weight", at::ones({2, 2}), /*is_buffer=*/false);
  module.save(folder_ / "small.pt");
  const auto read = read_torchscript_file(folder_ / "small.pt", {});
  EXPECT_THAT(read.tensors.keys(), ElementsAre("weight"));
  const auto bytes = read_bytes(folder_ / "small.pt");
  for (size_t size = 0; size < bytes.size(); size += 7) {
    write_bytes(folder_ / "cut.pt", bytes.substr(0, size));
    EXPECT_NE(input_error_of([&] { read_torchscript_file(folder_ / "cut.pt", {}); }), "") << size;
  }
}

TEST_F(HostileArchive, IsToldFromOtherFiles) {
  TensorMap tensors;
  tensors.insert("w", at::ones({1}));
  write_torch_file(folder_ / "saved.pt", tensors);
  EXPECT_THAT(input_error_of([&] { read_torchscript_file(folder_ / "saved.pt", {}); }),
              HasSubstr("(data.pkl and constants.pkl), but found what torch.save wrote"));
  write_bytes(folder_ / "text.pt", "text");
  EXPECT_THAT(input_error_of([&] { load_encoder(folder_ / "text.pt", kWeightsOnly); }),
              HasSubstr("text.pt: expected a TorchScript archive, but found something else"));
}

TEST_F(HostileArchive, SaysThatAFrozenOneHasNoWeights) {
  auto module = torch::jit::load(kArchives + "xlmr_bare.pt");
  module.eval();
  torch::jit::freeze(module).save(folder_ / "frozen.pt");
  EXPECT_THAT(input_error_of([&] { load_encoder(folder_ / "frozen.pt", kWeightsOnly); }),
              HasSubstr("expected an archive with weights, but found none"));
}

}  // namespace torchscript_file_test
}  // namespace madx::io
