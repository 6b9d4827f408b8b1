// Paths that lead nowhere, and files that are not what their flag takes.
#include <cmath>

#include "madx/io/adapterhub.h"
#include "programs/bad_input.h"

namespace madx::apps {
namespace bad_files_test {

namespace fs = std::filesystem;

/// The tiny files with what is wrong with files: made once.
const TinyFiles& bad_files() {
  const auto& files = tiny_files();
  static const bool made = [&] {
    const auto write = [&](const std::string& name, const std::string& bytes) {
      io::write_bytes(files / name, bytes);
    };
    const auto encoder = [&](const std::string& name, const std::string& key,
                             const std::string& value) {
      fs::copy(files / "encoder", files / name);
      auto config = io::read_bytes(files / "encoder/config.json");
      const auto at = config.find(key);
      config.replace(at, config.find_first_of(",}", at) - at, key + "\": " + value);
      write(name + "/config.json", config);
    };
    fs::create_directories(files / "a_directory");
    write("a_file", "not empty\n");
    write("empty.txt", "");
    write("blank.txt", "\n  \n");
    write("latin1.txt", "plain\ncaf\xE9\n");
    write("one_column.conll", "Maria\tB-PER\nNairobi\n");
    write("no_tag.conll", "Maria\tB-PER\nNairobi\tplace\n");
    write("empty.conll", "");
    encoder("wide", "hidden_size", "32");
    encoder("deep", "num_hidden_layers", "3");
    encoder("shallow", "num_hidden_layers", "1");
    encoder("words", "vocab_size", "100");
    encoder("gpt", "model_type", "\"gpt2\"");
    encoder("no_json", "model_type", "{");
    encoder("no_tokenizer", "hidden_size", "16");
    fs::remove(files / "no_tokenizer/sentencepiece.bpe.model");
    encoder("no_weights", "hidden_size", "16");
    fs::remove(files / "no_weights/model.safetensors");
    encoder("pointer", "hidden_size", "16");
    write("pointer/sentencepiece.bpe.model",
          "version https://git-lfs.github.com/spec/v1\noid sha256:cfc8\nsize 5069051\n");
    encoder("cut", "hidden_size", "16");
    fs::resize_file(files / "cut/model.safetensors", 20000);

    EXPECT_EQ(run_command(files, "export_encoder", "--from @/encoder --to @/whole.pt").status, 0);
    write("cut.pt", io::read_bytes(files / "whole.pt").substr(0, 20000));

    auto narrow = program_test_config();
    narrow.hidden_size = 8;
    write_encoder(files / "narrow", /*with_head=*/true, narrow);
    const auto trained =
        run_command(files, "train_lang_adapter",
                    "--encoder @/narrow --text @/en.txt --steps 1 --output @/narrow_adapter");
    EXPECT_EQ(trained.status, 0) << trained;

    fs::create_directories(files / "peft");
    write("peft/adapter_config.json", R"({"peft_type": "LORA", "r": 8})");
    write("peft/adapter_model.safetensors", "weights");

    fs::copy(files / "adapters/en", files / "cut_adapter");
    fs::resize_file(files / "cut_adapter/pytorch_adapter.bin", 2000);

    encoder("nan_states", "hidden_size", "16");
    const auto weights = files / "nan_states/model.safetensors";
    auto tensors = io::read_safetensors(weights);
    for (auto& item : tensors) item.value() = at::full_like(item.value(), NAN);
    io::write_safetensors(weights, tensors);

    auto diverged = io::read_adapter(files / "adapters/en");
    diverged.tensors["invertible.F.0.bias"] = at::full({4}, NAN);
    fs::create_directories(files / "nan_adapter");
    io::write_adapter(files / "nan_adapter", diverged);
    return true;
  }();
  static_cast<void>(made);
  return files;
}

const BadInput kPaths[] = {
    {kLang, "--encoder @/none", "@/none: expected an encoder's directory or .pt file"},
    {kExport, "--from @/none", "@/none: expected an encoder's directory or .pt file"},
    {kLang, "--encoder @/a_directory", "@/a_directory: expected encoder.pt"},
    {kLang, "--text @/none", "@/none: expected a text file"},
    {kLang, "--text @/en.txt @/a_directory", "@/a_directory: expected a text file"},
    {kLang, "--eval-text @/none", "@/none: expected a text file"},
    {kLang, "--lm-head @/none", "@/none: expected a directory of AdapterHub"},
    {kLang, "--lm-head @/a_file", "@/a_file: expected a directory of AdapterHub"},
    {kLang, "!--lm-head", "@/encoder: expected a masked-LM head in the encoder or by --lm-head"},
    {kLang, "--lm-head @/adapters/en", "@/adapters/en/head_config.json"},
    {kLang, "--lm-head @/ner/task_adapter", "expected a head of type \"masked_lm\""},
    {kNer, "--language en=@/none", "@/none: expected a directory of AdapterHub"},
    {kNer, "--language en=@/encoder", "@/encoder/adapter_config.json: expected a file"},
    {kNer, "--train @/none", "@/none: expected a text file"},
    {kNer, "--dev @/a_directory", "@/a_directory: expected a text file"},
    {kNer, "--test sw=@/none", "@/none: expected a text file"},
    {kNer, "--text sw=@/none", "@/none: expected a text file"},
    {kNer, "!--train --task-adapter @/none", "@/none: expected a directory of AdapterHub"},
    {kNer, "!--train --task-adapter @/adapters/sw", "@/adapters/sw/head_config.json"},
    {kLang, "--output @/a_file", "@/a_file: expected a new output directory, but it exists"},
    {kLang, "--output @/a_file/x", "@/a_file/x.partial: expected a directory that can be written"},
    {kNer, "--output @/ner", "@/ner: expected a new output directory, but it exists"},
    {kExport, "--to @/none/x.pt", "@/none/x.pt: expected a "},
    {kExport, "--to @/a_directory", "@/a_directory"},
    {kHidden, "--adapter @/peft", "adapter of Hugging Face's PEFT"},
    {kHidden, "--adapter @/lm_head", "the directory holds a head of AdapterHub"},
    {kHidden, "--setup @/peft", "the directory holds an adapter of Hugging Face's PEFT"},
    {kHidden, "--fusion @/peft", "the directory holds an adapter of Hugging Face's PEFT"},
    {kNer, "--language en=@/peft", "adapter of Hugging Face's PEFT"},
    {kNer, "!--train --task-adapter @/peft", "adapter of Hugging Face's PEFT"},
    {kLang, "--lm-head @/peft", "the directory holds an adapter of Hugging Face's PEFT"},
    {kLang, "--lm-head @/encoder", "the directory holds a whole model (config.json)"},
    {kLang, "--encoder @/peft", "but found an adapter of Hugging Face's PEFT"},
    {kConvert, "--from @/peft", "adapter of Hugging Face's PEFT"},
    {kConvert, "--from @/encoder", "but found a whole model (config.json)"},
    {kHidden, "--output @/none/x", "@/none/x: expected a path that can be written"},
    {kHidden, "--output @/a_directory", "@/a_directory: expected a path for a file"},
};

const BadInput kFiles[] = {
    {kLang, "--text @/empty.txt", "@/empty.txt: expected a text file, but found an empty file"},
    {kLang, "--text @/blank.txt", "@/blank.txt: expected a text file, but found only blank lines"},
    {kLang, "--text @/latin1.txt", "@/latin1.txt:2: expected UTF-8, but found byte 0xE9"},
    {kNer, "--text sw=@/latin1.txt", "@/latin1.txt:2: "},
    {kNer, "--train @/one_column.conll", "@/one_column.conll:2: expected a token and its tag"},
    {kNer, "--test sw=@/one_column.conll", "@/one_column.conll:2: expected a token and its tag"},
    {kNer, "--test sw=@/no_tag.conll", "@/no_tag.conll:2: expected a tag such as O or B-PER"},
    {kNer, "--test sw=@/empty.conll", "@/empty.conll: expected sentences"},
    {kLang, "--encoder @/cut.pt", "@/cut.pt: expected a TorchScript archive"},
    {kHidden, "--encoder @/a_file", "@/a_file: expected a TorchScript archive"},
    {kLang, "--encoder @/cut", "@/cut/model.safetensors: expected"},
    {kLang, "--encoder @/wide", "@/wide/model.safetensors: expected \"embeddings.word_"},
    {kLang, "--encoder @/deep", "@/deep/model.safetensors: expected a weight \"encoder.layer.2."},
    {kLang, "--encoder @/shallow", "@/shallow/model.safetensors: expected 1 layers by config"},
    {kLang, "--encoder @/words", "@/words: expected a tokenizer of at most 100 ids"},
    {kLang, "--encoder @/gpt", "@/gpt/config.json: expected \"model_type\" to be"},
    {kLang, "--encoder @/no_json", "@/no_json/config.json: expected JSON"},
    {kLang, "--encoder @/no_tokenizer", "@/no_tokenizer: expected one of sentencepiece.bpe.model"},
    {kLang, "--encoder @/no_weights", "@/no_weights: expected encoder.pt (TorchScript) or model"},
    {kLang, "--encoder @/no_weights", "but found config.json without weights"},
    {kLang, "--encoder @/pointer",
     "@/pointer/sentencepiece.bpe.model: expected the file's content, but found a Git LFS pointer"},
    {kNer, "--language en=@/narrow_adapter", "@/narrow_adapter: expected an adapter of hidden "},
    {kHidden, "--adapter @/narrow_adapter", "hidden size 16, the encoder's, but found 8"},
    {kNer, "--language en=@/nan_adapter", "@/nan_adapter: expected finite numbers, but found NaN"},
    {kHidden, "--encoder @/nan_states", "@/nan_states: expected finite hidden states"},
    {kHidden, "--adapter @/nan_adapter", "infinite ones in \"invertible.F.0.bias\"; the file is"},
    {kNer, "--language en=@/cut_adapter", "@/cut_adapter/pytorch_adapter.bin: expected"},
};

TEST(BadPaths, EndWithOneLineAndNothingWritten) {
  expect_all_refused(bad_files(), "paths", kPaths);
}

TEST(BadFiles, EndWithOneLineAndNothingWritten) {
  expect_all_refused(bad_files(), "files", kFiles);
}

}  // namespace bad_files_test
}  // namespace madx::apps
