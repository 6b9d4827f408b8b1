#include "data/basic_tokenizer.h"

#include <gtest/gtest.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

namespace madx {
namespace basic_tokenizer_test {

using Words = std::vector<std::string_view>;

/// The views point into `normal`.
Words words(const std::string& normal) { return basic_split(normal); }

uint64_t digest(uint64_t value, const std::string& text) {
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return value;
}

/// Whether Unicode `version` assigns it to a character.
bool is_assigned(UChar32 c, int version) {
  UVersionInfo age;
  u_charAge(c, age);
  const auto kind = u_charType(c);
  return kind != U_UNASSIGNED && kind != U_SURROGATE && age[0] > 0 && age[0] <= version;
}

// fixtures/tokenizer/basic_tokenizer.json, by make_basic_tokenizer.py beside it.
TEST(BasicTokenizer, GivesHuggingFacesWordsOfEveryCodePoint) {
  std::ifstream in(std::string(MADX_FIXTURES) + "/tokenizer/basic_tokenizer.json");
  const auto golden = nlohmann::json::parse(in);
  const int version = golden.at("unicode");
  UVersionInfo icu;
  u_getUnicodeVersion(icu);
  if (icu[0] < version) GTEST_SKIP() << "ICU has Unicode " << int{icu[0]} << ", not " << version;
  size_t blocks = 0;
  for (const auto& mode : golden.at("modes")) {
    BasicTokenizerOptions options;
    options.lower_case = mode.at("lower_case");
    options.strip_accents = mode.at("strip_accents");
    for (const auto& [name, expected] : mode.at("blocks").items()) {
      const auto first = static_cast<UChar32>(std::stol(name, nullptr, 16));
      uint64_t value = 0xCBF29CE484222325u;
      for (UChar32 c = first; c < first + golden.at("block").get<UChar32>(); ++c) {
        if (!is_assigned(c, version)) continue;
        std::string character;
        icu::UnicodeString(c).toUTF8String(character);
        for (const auto& context : golden.at("contexts")) {
          const auto text =
              context[0].get<std::string>() + character + context[1].get<std::string>();
          const auto normal = basic_normalize(text, options);
          std::string line;
          for (const auto word : basic_split(normal)) {
            if (!line.empty()) line += ' ';
            line += word;
          }
          value = digest(value, line + "\n");
        }
      }
      char found[17];
      std::snprintf(found, sizeof(found), "%016" PRIx64, value);
      EXPECT_EQ(found, expected.get<std::string>())
          << "U+" << name << ", lower_case " << options.lower_case << ", strip_accents "
          << options.strip_accents;
      ++blocks;
    }
  }
  EXPECT_GT(blocks, 150u);
}

TEST(BasicTokenizer, LowerCasesACharacterByItself) {
  EXPECT_EQ(lower_characters("\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3"),
            "\u03bf\u03b4\u03c5\u03c3\u03c3\u03b5\u03c5\u03c3");  // no final sigma
  EXPECT_EQ(lower_characters("\u0130\u01c5\u1e9eA"), "i\u0307\u01c6\u00dfa");
}

TEST(BasicTokenizer, FollowsTheFastTokenizerWhereItIsAsked) {
  BasicTokenizerOptions slow, fast;
  fast.fast = true;
  const std::string text = "e\u0301 \u0378a \U0002B820b";  // U+0378 is not assigned
  EXPECT_EQ(words(basic_normalize(text, slow)), (Words{"\u00e9", "a", "\U0002B820", "b"}));
  EXPECT_EQ(words(basic_normalize(text, fast)), (Words{"e\u0301", "\u0378a", "\U0002B820b"}));
}

}  // namespace basic_tokenizer_test
}  // namespace madx
