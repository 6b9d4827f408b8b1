#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "madx/data/tokenizer.h"

/// Comparison with what Hugging Face's tokenizers gave: fixtures/tokenizer/golden.json, by
/// make_tokenizer.py beside it.
namespace madx {

inline nlohmann::json golden_tokenizer(const std::string& name) {
  std::ifstream in(std::string(MADX_FIXTURES) + "/tokenizer/golden.json");
  return nlohmann::json::parse(in).at(name);
}

inline void expect_golden_special_tokens(const Tokenizer& tokenizer, const std::string& name) {
  const auto golden = golden_tokenizer(name);
  const auto& special = tokenizer.special();
  EXPECT_EQ(tokenizer.vocab_size(), golden.at("vocab_size").get<int64_t>());
  EXPECT_EQ(special.bos, golden.at("special").at("bos").get<int64_t>());
  EXPECT_EQ(special.eos, golden.at("special").at("eos").get<int64_t>());
  EXPECT_EQ(special.pad, golden.at("special").at("pad").get<int64_t>());
  EXPECT_EQ(special.unk, golden.at("special").at("unk").get<int64_t>());
  EXPECT_EQ(special.mask, golden.at("special").at("mask").get<int64_t>());
  for (const int64_t id : golden.at("special")) EXPECT_TRUE(tokenizer.is_special(id)) << id;
}

inline void expect_golden_texts(const Tokenizer& tokenizer, const std::string& name) {
  const auto golden = golden_tokenizer(name);
  ASSERT_FALSE(golden.at("texts").empty());
  for (const auto& entry : golden.at("texts")) {
    const auto text = entry.at("text").get<std::string>();
    const auto ids = entry.at("ids").get<std::vector<int64_t>>();
    EXPECT_EQ(tokenizer.encode(text), ids) << text;
    EXPECT_EQ(tokenizer.decode(ids), entry.at("decoded").get<std::string>()) << text;
  }
}

/// Hugging Face gives a word that vanishes no id at all; here it gets unk.
inline void expect_golden_words(const Tokenizer& tokenizer, const std::string& name) {
  const auto golden = golden_tokenizer(name);
  ASSERT_FALSE(golden.at("words").empty());
  for (const auto& entry : golden.at("words")) {
    auto ids = entry.at("ids").get<std::vector<std::vector<int64_t>>>();
    for (auto& word : ids) {
      if (word.empty()) word.push_back(tokenizer.special().unk);
    }
    EXPECT_EQ(tokenizer.encode_words(entry.at("words").get<std::vector<std::string>>()), ids)
        << entry.at("words").dump();
  }
}

inline void expect_golden_pieces(const Tokenizer& tokenizer, const std::string& name) {
  const auto pieces = golden_tokenizer(name).at("pieces").get<std::vector<std::string>>();
  for (size_t id = 0; id < pieces.size(); ++id) {
    EXPECT_EQ(tokenizer.piece(static_cast<int64_t>(id)), pieces[id]);
  }
}

}  // namespace madx
