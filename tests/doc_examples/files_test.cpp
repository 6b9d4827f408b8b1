// Files: encoders, adapters, heads, fusions and setups of AdapterHub, and how they are written.
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <filesystem>

#include "madx/core/mapped_range.h"
#include "madx/io/mapped_file.h"
#include "madx/io/new_directory.h"
#include "madx/madx.h"
#include "models/tiny_encoder.h"
#include "support.h"

namespace madx {
namespace files_examples {

using namespace madx::io;

TEST(FilesExample, AnEncoderIsLoadedAndSaved) {
  const TemporaryFolder folder;
  const auto path = std::string(MADX_FIXTURES) + "/torchscript/xlmr_mlm.pt";
  const auto changed = folder / "changed";
  std::filesystem::create_directory(changed);
  //! [encoder]
  const LoadedEncoder loaded = load_encoder(path);  // encoder, tokenizer, perhaps a head
  const EncoderOrigin& origin = *loaded.origin;
  save_encoder(loaded.encoder, origin, changed);                        // a Hugging Face directory
  const MlmHeadNames names = mlm_head_names(loaded.encoder->config());  // Hugging Face's
  //! [encoder]
  EXPECT_TRUE(at::equal(load_encoder(changed).encoder->word_embeddings(),
                        loaded.encoder->word_embeddings()));
  EXPECT_EQ(names.dense, "lm_head.dense");
}

TEST(FilesExample, AnArchiveIsReadAsData) {
  const auto path = std::string(MADX_FIXTURES) + "/torchscript/xlmr_mlm.pt";
  //! [weights only]
  const auto options = LoadEncoderOptions(WeightForm::kFloat32).weights_only(true);
  const auto loaded = load_encoder(path, options);  // no program of the archive is run
  //! [weights only]
  EXPECT_TRUE(
      at::equal(loaded.encoder->word_embeddings(), load_encoder(path).encoder->word_embeddings()));
}

TEST(FilesExample, MappedMemoryHasAName) {
  const TemporaryFolder folder;
  const auto path = folder / "sw.txt";
  write_file(path, "Habari");
  const void* gone = nullptr;
  //! [mapped range]
  {
    const MappedRange file(path, MappedRange::Pages::kShared, "a text file", "check the path");
    EXPECT_EQ(file.bytes(), "Habari");
    EXPECT_EQ(mapped_path(file.data() + 3), path);
    gone = file.data();
  }
  EXPECT_EQ(mapped_path(gone), nullptr);
  //! [mapped range]
}

TEST(FilesExample, AdaptersAreDirectories) {
  const TemporaryFolder folder;
  AdapterStack adapters(/*hidden_size=*/12, /*num_layers=*/2);
  adapters->add("sw", named_config("pfeiffer+inv"));
  const auto written = folder / "sw";
  //! [adapter directory]
  const ModelInfo model = model_info(tiny_config());
  NewDirectory output(written, ExistingDirectory::kRefuse);  // whole or not at all
  save_adapter(adapters, "sw", model, output.path(), TensorFormat::kTorch);
  output.commit();

  const AdapterDirectory adapter = read_adapter(written);  // tensors by key
  const AdapterConfigFile config = read_adapter_config(written + "/adapter_config.json");
  AdapterStack others(/*hidden_size=*/12, /*num_layers=*/2);
  load_adapter(others, written, "swahili");
  //! [adapter directory]
  EXPECT_EQ(adapter.name, "sw");
  EXPECT_EQ(config.config.inv_adapter, "nice");
  EXPECT_EQ(others->names(), std::vector<std::string>({"swahili"}));
}

TEST(FilesExample, AveragesAreMadeOfDirectories) {
  //! [average]
  AverageOptions options;
  options.weights = {3, 1};
  AdapterDirectory one;
  one.name = "a";
  one.config = named_config("pfeiffer");
  one.model = model_info(tiny_config());
  one.tensors.insert("encoder.layer.0.output.adapter_up.bias", at::ones({12}));
  auto other = one;
  other.tensors["encoder.layer.0.output.adapter_up.bias"] = at::zeros({12});
  const auto mean = average_adapters({one, other}, options);
  //! [average]
  EXPECT_TRUE(
      at::allclose(mean.tensors["encoder.layer.0.output.adapter_up.bias"], at::full({12}, 0.75)));
}

TEST(FilesExample, HeadsAndFusionsAreDirectories) {
  const TemporaryFolder folder;
  const auto model = model_info(tiny_config());
  //! [head directory]
  TaggingHead head(TaggingHeadOptions(/*hidden_size=*/12, {"O", "B-PER", "I-PER"}));
  save_tagging_head(head, "ner", model, folder.path());
  const HeadDirectory read = read_head(folder.path());
  //! [head directory]
  EXPECT_EQ(read.labels, head->options.labels());

  AdapterStack adapters(/*hidden_size=*/12, /*num_layers=*/2);
  adapters->add("a", named_config("pfeiffer"));
  adapters->add("b", named_config("pfeiffer"));
  adapters->add_fusion(Fuse{"a", "b"});
  //! [fusion directory]
  save_fusion(adapters, "a,b", model, folder.path());
  const FusionDirectory fusion = read_fusion(folder.path());
  //! [fusion directory]
  EXPECT_EQ(fusion.adapter_names, std::vector<std::string>({"a", "b"}));
}

TEST(FilesExample, ASetupSaysWhatActs) {
  const TemporaryFolder folder;
  //! [setup]
  const AdapterSetup setup{Stack{"sw", Fuse{"ner", "pos"}}};
  write_adapter_setup(folder.path(), setup);
  const AdapterSetupParts parts = parts_of(read_adapter_setup(folder.path()));
  //! [setup]
  EXPECT_EQ(parts.adapters, std::vector<std::string>({"sw", "ner", "pos"}));
  EXPECT_EQ(parts.fusions.size(), 1u);
}

TEST(FilesExample, FilesAreMemory) {
  const TemporaryFolder folder;
  const auto path = folder / "tensors.safetensors";
  //! [tensors]
  TensorMap tensors;
  tensors.insert("x", at::arange(4, at::kFloat));
  write_safetensors(path, tensors);
  const auto x = read_safetensors(path)["x"];  // mapped, not copied
  //! [tensors]
  EXPECT_TRUE(at::equal(x, tensors["x"]));
  //! [mapped file]
  const MappedFile file(path);
  const SharedBytes bytes = map_file(path);  // which tensors keep alive
  //! [mapped file]
  EXPECT_EQ(file.bytes(), bytes.view());
}

}  // namespace files_examples
}  // namespace madx
