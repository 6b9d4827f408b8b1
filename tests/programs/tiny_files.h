#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "io/test_files.h"
#include "madx/io/safetensors.h"
#include "models/tiny_encoder.h"
#include "programs/run_program.h"

namespace madx::apps {

/// An XLM-R of hidden size 16 with the tokenizer of tests/fixtures/tokenizer/xlmr.
inline EncoderConfig program_test_config() {
  auto config = tiny_config();
  config.hidden_size = 16;
  config.num_attention_heads = 4;
  config.max_position_embeddings = 132;  // 130 tokens: the programs' default --max-length fits
  return config;
}

inline std::string config_json(const EncoderConfig& config) {
  const auto entry = [](const char* key, int64_t value) {
    return std::string(", \"") + key + "\": " + std::to_string(value);
  };
  return "{\"model_type\": \"xlm-roberta\"" + entry("vocab_size", config.vocab_size) +
         entry("hidden_size", config.hidden_size) +
         entry("num_hidden_layers", config.num_hidden_layers) +
         entry("num_attention_heads", config.num_attention_heads) +
         entry("intermediate_size", config.intermediate_size) +
         entry("max_position_embeddings", config.max_position_embeddings) +
         entry("type_vocab_size", config.type_vocab_size) + ", \"layer_norm_eps\": 1e-5}\n";
}

/// Writes a Hugging Face directory. `with_head`: a masked-LM head goes along.
inline void write_encoder(const std::string& directory, bool with_head,
                          const EncoderConfig& config = program_test_config()) {
  std::filesystem::create_directories(directory);
  auto weights = random_weights(config);
  if (with_head) {
    const auto hidden = config.hidden_size;
    weights.insert("lm_head.dense.weight", at::randn({hidden, hidden}) * 0.3);
    weights.insert("lm_head.dense.bias", at::zeros({hidden}));
    weights.insert("lm_head.layer_norm.weight", at::ones({hidden}));
    weights.insert("lm_head.layer_norm.bias", at::zeros({hidden}));
    weights.insert("lm_head.bias", at::zeros({config.vocab_size}));
  }
  io::write_safetensors(directory + "/model.safetensors", weights);
  io::write_bytes(directory + "/config.json", config_json(config));
  const std::string tokenizer = "/sentencepiece.bpe.model";
  std::filesystem::copy_file(std::string(MADX_FIXTURES) + "/tokenizer/xlmr" + tokenizer,
                             directory + tokenizer);
}

/// Every sentence of one word from each list.
inline std::string sentences(const std::vector<std::vector<std::string>>& parts) {
  std::vector<std::string> lines = {""};
  for (const auto& words : parts) {
    std::vector<std::string> longer;
    for (const auto& line : lines) {
      for (const auto& word : words) longer.push_back(line + (line.empty() ? "" : " ") + word);
    }
    lines = longer;
  }
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

/// The sentences of `NAME VERB New PLACE .` as CoNLL: the name a person, the two last words a
/// place.
inline std::string tagged_sentences(const std::vector<std::string>& names, const std::string& verb,
                                    const std::vector<std::string>& places) {
  std::string text;
  for (const auto& name : names) {
    for (const auto& place : places) {
      text += name + "\tB-PER\n" + verb + "\tO\nNew\tB-LOC\n" + place + "\tI-LOC\n.\tO\n\n";
    }
  }
  return text;
}

/// What the programs read, made once for all tests of this folder.
class TinyFiles {
 public:
  TinyFiles() {
    write_encoder(folder_ / "encoder", /*with_head=*/false);
    write_encoder(folder_ / "encoder_with_head", /*with_head=*/true);
    io::write_bytes(folder_ / "en.txt", sentences({{"The river", "A boat", "Maria", "The teacher"},
                                                   {"is near", "sees", "walks to"},
                                                   {"the school.", "New Nairobi.", "the water."}}));
    io::write_bytes(folder_ / "sw.txt", sentences({{"Mto", "Mashua", "Maria", "Mwalimu"},
                                                   {"anaona", "anatembea kwenda"},
                                                   {"shule.", "New Nairobi.", "maji mengi."}}));
    io::write_bytes(folder_ / "train.conll",
                    tagged_sentences({"Maria", "Anna", "John"}, "sees", {"Nairobi", "York"}));
    io::write_bytes(folder_ / "dev.conll", tagged_sentences({"Maria", "John"}, "sees", {"York"}));
    io::write_bytes(folder_ / "en.conll",
                    "-DOCSTART- -X- O\n\n# a comment\n" +
                        tagged_sentences({"Anna", "John"}, "walks", {"Nairobi"}));
    io::write_bytes(folder_ / "sw.conll", "sw:Maria B-PER\nsw:anaona O\nsw:Nairobi B-LOC\n\n");
  }

  /// Path of a file or directory in here.
  std::string operator/(const std::string& name) const { return folder_ / name; }

  /// `text` with every "@" replaced by the folder's path.
  std::string expand(std::string text) const {
    for (auto at = text.find('@'); at != std::string::npos; at = text.find('@', at)) {
      text.replace(at, 1, folder_.path());
    }
    return text;
  }

 private:
  io::TemporaryFolder folder_;
};

/// Runs `program` with the words of `command`, in which "@" is the folder of `files`. One thread:
/// tests run beside others, and one thread adds in one order.
inline ProgramResult run_command(const TinyFiles& files, const std::string& program,
                                 const std::string& command, const ProgramOptions& options = {}) {
  std::vector<std::string> arguments;
  std::istringstream words(files.expand(command));
  for (std::string word; words >> word;) arguments.push_back(word == "''" ? "" : word);
  const bool computes = program != "export_encoder" && program != "convert_adapter" &&
                        program != "madx_experiment";  // which sets its children's
  if (computes && command.find("--threads ") == std::string::npos)
    arguments.insert(arguments.end(), {"--threads", "1"});
  return run_binary(program, arguments, options);
}

/// The same files with what the training programs make of them: lm_head/, adapters/en, adapters/sw
/// and ner/, a finished run of zero_shot_ner. Made at the first call.
inline const TinyFiles& tiny_files() {
  static const TinyFiles files;
  static const bool made = [] {
    const std::string flags = " --encoder @/encoder --lr 1e-2 --steps ";
    const std::pair<const char*, std::string> runs[] = {
        {"train_lm_head", "--text @/en.txt @/sw.txt --output @/lm_head" + flags + "20"},
        {"train_lang_adapter",
         "--text @/en.txt --lm-head @/lm_head --output @/adapters/en" + flags + "5"},
        {"train_lang_adapter",
         "--text @/sw.txt --lm-head @/lm_head --output @/adapters/sw" + flags + "5"},
        {"zero_shot_ner",
         "--source en --language en=@/adapters/en --language sw=@/adapters/sw "
         "--train @/train.conll --dev @/dev.conll --test en=@/en.conll --test sw=@/sw.conll "
         "--output @/ner --reduction-factor 2 --encoder @/encoder --lr 3e-2 --steps 40"}};
    for (const auto& [program, command] : runs) {
      const auto result = run_command(files, program, command);
      EXPECT_EQ(result.status, 0) << program << ": " << result;
    }
    return true;
  }();
  static_cast<void>(made);
  return files;
}

}  // namespace madx::apps
