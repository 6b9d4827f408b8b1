#include "madx/data/conll.h"

#include <sstream>
#include <stdexcept>

#include "test_files.h"

namespace madx {
namespace conll_test {

using Words = std::vector<std::string>;

std::vector<TaggedSentence> read(std::string_view bytes) {
  return read_conll(write_test_file(bytes));
}

/// The message for a file of these bytes, without the file's name.
std::string error_in(std::string_view bytes) {
  const std::string path = write_test_file(bytes);
  const std::string message = input_error_of([&] { read_conll(path); });
  EXPECT_EQ(message.substr(0, path.size()), path);
  return message.substr(std::min(path.size(), message.size()));
}

TEST(Conll, ReadsSentencesBetweenBlankLines) {
  const auto sentences = read("\n\nAnna\tB-PER\nLee\tI-PER\n\n \t\nhi\tO\n\n\n");
  ASSERT_EQ(sentences.size(), 2u);
  EXPECT_EQ(sentences[0].tokens, (Words{"Anna", "Lee"}));
  EXPECT_EQ(sentences[0].tags, (Words{"B-PER", "I-PER"}));
  EXPECT_EQ(sentences[1].tokens, Words{"hi"});
  EXPECT_EQ(sentences[1].tags, Words{"O"});
}

TEST(Conll, KeepsTheTagsOfTheFile) {
  EXPECT_EQ(read("a\tI-PER\nb\tS-LOC\nc\tU-ORG\n").front().tags,
            (Words{"I-PER", "S-LOC", "U-ORG"}));
}

TEST(Conll, TakesTheFirstAndTheLastColumn) {
  EXPECT_EQ(read("EU NNP I-NP I-ORG\n").front().tokens, Words{"EU"});
  EXPECT_EQ(read("EU   NNP  I-ORG  \n").front().tags, Words{"I-ORG"});
  EXPECT_EQ(read("EU\tNNP\t\tI-ORG\t\n").front().tags, Words{"I-ORG"});
}

TEST(Conll, KeepsASpaceInATokenWhereTabsSeparate) {
  EXPECT_EQ(read("New York\tB-LOC\n").front().tokens, Words{"New York"});
}

TEST(Conll, KeepsANoBreakSpaceInAToken) {
  EXPECT_EQ(read("1\u00A0000 O\n").front().tokens, Words{"1\u00A0000"});
}

TEST(Conll, AcceptsAByteOrderMarkCrlfAndAMissingLastLineEnd) {
  const auto sentences = read("\xEF\xBB\xBF-DOCSTART- -X- O O\r\n\r\na O\r\n\r\nb B-LOC");
  ASSERT_EQ(sentences.size(), 2u);
  EXPECT_EQ(sentences[0].tokens, Words{"a"});
  EXPECT_EQ(sentences[1].tags, Words{"B-LOC"});
}

TEST(Conll, SkipsDocumentStartsWhichEndASentence) {
  const auto sentences = read("-DOCSTART-\na\tO\n-DOCSTART-\tO\nb\tO\n");
  ASSERT_EQ(sentences.size(), 2u);
  EXPECT_EQ(sentences[1].tokens, Words{"b"});
}

TEST(Conll, SkipsCommentsWhichDoNotEndASentence) {
  const auto sentences = read("# id 7 domain=en\na\tO\n# a note about O\n# \nb\tO\n");
  ASSERT_EQ(sentences.size(), 1u);
  EXPECT_EQ(sentences[0].tokens, (Words{"a", "b"}));
}

TEST(Conll, KeepsTheTokenNumberSign) {
  EXPECT_EQ(read("#\tO\n1\tO\n").front().tokens, (Words{"#", "1"}));
  EXPECT_EQ(read("# O\n1 O\n").front().tokens, (Words{"#", "1"}));
  EXPECT_EQ(read("a NN O\n# SYM I-LOC\n").front().tokens, (Words{"a", "#"}));
  EXPECT_EQ(read("# O\n").front().tokens, Words{"#"});
  EXPECT_EQ(read("a NN O\n# O\n").front().tokens, Words{"a"});
}

TEST(Conll, KeepsATokenThatBeginsLikeAComment) {
  const auto sentence = read("Anna\tB-PER\n# 1\tB-MISC\n# 2 hits\tI-MISC\n").front();
  EXPECT_EQ(sentence.tokens, (Words{"Anna", "# 1", "# 2 hits"}));
  EXPECT_EQ(sentence.tags, (Words{"B-PER", "B-MISC", "I-MISC"}));
  EXPECT_EQ(read("# 1\tB-MISC\n").front().tokens, Words{"# 1"});
  EXPECT_EQ(read("a\t_\tO\n# 1\t_\tB-X\n# id 7\tdomain=en\n# 1\tO\n").front().tokens,
            (Words{"a", "# 1"}));
  EXPECT_EQ(read("#tag O\n#1 B-MISC\n").front().tokens, (Words{"#tag", "#1"}));
}

TEST(Conll, StripsTheLanguagePrefixThatEveryTokenHas) {
  EXPECT_EQ(read("en:Anna\tB-PER\nen::\tO\n\nen:de:x\tO\n").front().tokens, (Words{"Anna", ":"}));
  EXPECT_EQ(read("zh-yue:\u9999 O\nzh-yue:: O\n").front().tokens, (Words{"\u9999", ":"}));
  EXPECT_EQ(read("en:a O\n\nde:b O\n").back().tokens, (Words{"b"}));  // files put together
  EXPECT_EQ(read("simple:a O\nsimple:b O\n").front().tokens, (Words{"a", "b"}));
}

TEST(Conll, KeepsWhatOnlyLooksLikeALanguagePrefix) {
  EXPECT_EQ(read("en:Anna O\nof O\n").front().tokens, (Words{"en:Anna", "of"}));
  EXPECT_EQ(read("EN:a O\nEN:b O\n").front().tokens, (Words{"EN:a", "EN:b"}));
  EXPECT_EQ(read("http:a O\n: O\n").front().tokens, (Words{"http:a", ":"}));
}

TEST(Conll, RefusesALineWithOneColumn) {
  EXPECT_EQ(error_in("a\tO\n\nNairobi\n"),
            ":3: expected a token and its tag, but found one column: \"Nairobi\"; separate token "
            "and tag by a tab or spaces");
  EXPECT_NE(error_in("a\tO\nb\t\n").find(":2: expected a token and its tag"), std::string::npos);
}

TEST(Conll, ShowsOnlyTheBeginningOfALongColumn) {
  EXPECT_NE(error_in(std::string(100, 'x')).find('"' + std::string(40, 'x') + "...\";"),
            std::string::npos);
}

TEST(Conll, NamesWhatCannotBeSeen) {
  EXPECT_NE(error_in("a\x1B[1m\x7F.").find("\"a<U+001B>[1m<U+007F>.\";"), std::string::npos);
  EXPECT_EQ(error_in("Nairobi\u00A0B-LOC\n"),
            ":1: expected a token and its tag, but found one column: \"Nairobi<U+00A0>B-LOC\"; "
            "separate token and tag by a tab or spaces");
  EXPECT_NE(error_in("a\tO\nb\tPER\u200BSON\n").find("found \"PER<U+200B>SON\";"),
            std::string::npos);
}

TEST(Conll, EndsLinesAtEveryFormOfLineEnd) {
  for (const std::string end : {"\n", "\r\n", "\r\r\n", "\r\r\r\n", "\r"}) {
    SCOPED_TRACE(testing::PrintToString(end));
    const auto sentences = read("Anna B-PER" + end + "Lee I-PER" + end + end + "hi O" + end);
    ASSERT_EQ(sentences.size(), 2u);
    EXPECT_EQ(sentences[0].tags, (Words{"B-PER", "I-PER"}));
    EXPECT_EQ(sentences[1].tokens, Words{"hi"});
    EXPECT_EQ(sentences[1].tags, Words{"O"});
  }
  const auto mixed = read("a O\rb B-LOC\r\n\nc O\r\r\nd O\n\re O");
  ASSERT_EQ(mixed.size(), 3u);
  EXPECT_EQ(mixed[0].tags, (Words{"O", "B-LOC"}));
  EXPECT_EQ(mixed[1].tokens, (Words{"c", "d"}));
  EXPECT_EQ(mixed[2].tokens, Words{"e"});
}

TEST(Conll, EndsNoLineAtSeparatorsOfOtherPrograms) {
  for (const std::string end : {"\u0085", "\u2028", "\u2029", "\v", "\f"}) {
    SCOPED_TRACE(testing::PrintToString(end));
    EXPECT_EQ(read("a" + end + "b O\nc B-LOC" + end + "\n").front().tokens,
              (Words{"a" + end + "b", "c"}));
    EXPECT_EQ(read("c B-LOC" + end + "\n").front().tags, Words{"B-LOC"});
    EXPECT_EQ(read("a O\n" + end + "\nb O\n").size(), 2u);
    EXPECT_NE(error_in("a O" + end + "b B-LOC\nc O\n").find(":2: expected 3 columns, as in line 1"),
              std::string::npos);
  }
}

TEST(Conll, StripsInvisibleCharactersFromTags) {
  for (const std::string odd :
       {"\u00A0", "\u200B", "\uFEFF", "\u200E", "\u200F", "\u2060", "\u00AD", "\u3000", "\u2009",
        "\u202F", "\u180E", "\uFE0F", "\u061C"}) {
    SCOPED_TRACE(testing::PrintToString(odd));
    EXPECT_EQ(read("a\tB-PER" + odd + "\nb\t" + odd + "O\nc O" + odd + odd + " \n").front().tags,
              (Words{"B-PER", "O", "O"}));
    EXPECT_EQ(read("a O " + odd + "\nb O\n").front().tags, (Words{"O", "O"}));
    EXPECT_NE(error_in("a\tB-P" + odd + "ER\n").find("expected a tag such as O or B-PER"),
              std::string::npos);
  }
  EXPECT_NE(error_in("a\tO\nb\tB-PER O\n").find("found \"B-PER O\""), std::string::npos);
}

TEST(Conll, TakesALineOfInvisibleCharactersForBlank) {
  for (const std::string blank : {"\u00A0", "\u200B", "\uFEFF", " \u3000\t", "\x1C\x1F", "\t\t"}) {
    SCOPED_TRACE(testing::PrintToString(blank));
    EXPECT_EQ(read("a\tO\n" + blank + "\nb\tO\n").size(), 2u);
  }
}

TEST(Conll, SkipsByteOrderMarksBeforeEveryLine) {
  const auto sentences =
      read("\uFEFFa O\n\n\uFEFF\uFEFF-DOCSTART- -X- O O\n\uFEFF# note\n\uFEFFb O\n\uFEFF\nc O\n");
  ASSERT_EQ(sentences.size(), 3u);
  EXPECT_EQ(sentences[0].tokens, Words{"a"});
  EXPECT_EQ(sentences[1].tokens, Words{"b"});
}

TEST(Conll, KeepsATokenThatCannotBeSeen) {
  EXPECT_EQ(read("a O\n\u200B O\n\u00A0 O\n").front().tokens, (Words{"a", "\u200B", "\u00A0"}));
  EXPECT_EQ(read("a\tO\n\uFEFF\tO\n").front().tokens, (Words{"a", "\uFEFF"}));
}

TEST(Conll, RefusesALastColumnThatIsNoTag) {
  EXPECT_EQ(error_in("a\tO\nb\tPERSON\n"),
            ":2: expected a tag such as O or B-PER in the last column, but found \"PERSON\"; use "
            "tags of IOB1, IOB2 or BIOES");
}

TEST(Conll, RefusesATokenThatIsEmptyWithoutItsPrefix) {
  EXPECT_EQ(error_in("en:a\tO\nen:\tO\n"),
            ":2: expected a token after the prefix \"en:\", as every line has one, but found none; "
            "remove the line");
}

TEST(Conll, StripsThePrefixBesideTokensWithoutText) {
  EXPECT_EQ(read("\tO\nen:a\tO\n\tO\nen:b\tO\n").front().tokens, (Words{"", "a", "", "b"}));
}

TEST(Conll, RefusesInvalidUtf8) {
  EXPECT_EQ(error_in("a\tO\n\xC3\tO\n"),
            ":2: expected UTF-8, but found byte 0xC3 at column 1; convert it, e.g. iconv -f latin1 "
            "-t utf8");
}

TEST(Conll, RefusesAFileWithoutSentences) {
  EXPECT_EQ(error_in(""),
            ": expected sentences, a token and its tag a line, but found an empty file; check that "
            "it is a CoNLL file");
  EXPECT_EQ(error_in("# only\n\n-DOCSTART- O\n"),
            ": expected sentences, a token and its tag a line, but found no such line; check that "
            "it is a CoNLL file");
}

TEST(Conll, RefusesAMissingFileAndADirectory) {
  EXPECT_EQ(input_error_of([] { read_conll("/nowhere/x.conll"); }),
            "/nowhere/x.conll: expected a text file, but found none that can be opened (No such "
            "file or directory); check the path");
  EXPECT_EQ(input_error_of([] { read_conll("/"); }),
            "/: expected a text file, but found a directory; name a file in it");
}

TEST(WriteColumns, SeparatesByTabsAndEndsWithABlankLine) {
  std::ostringstream out;
  write_columns(out, {{"Anna", "x"}, {"B-PER", "O"}, {"O", "O"}});
  EXPECT_EQ(out.str(), "Anna\tB-PER\tO\nx\tO\tO\n\n");
}

TEST(WriteColumns, WritesWhatReadConllReads) {
  std::ostringstream out;
  write_columns(out, {{"#", "New York"}, {"O", "B-LOC"}});
  const auto sentence = read(out.str()).front();
  EXPECT_EQ(sentence.tokens, (Words{"#", "New York"}));
  EXPECT_EQ(sentence.tags, (Words{"O", "B-LOC"}));
}

TEST(WriteColumns, WritesOddTokensThatReadConllReads) {
  std::ostringstream out;
  write_columns(out, {{"", "# 1", "\u200B"}, {"O", "B-LOC", "O"}, {"O", "O", "O"}});
  EXPECT_EQ(read(out.str()).front().tokens, (Words{"", "# 1", "\u200B"}));
}

TEST(WriteColumns, RefusesColumnsOfDifferentLengths) {
  std::ostringstream out;
  EXPECT_THROW(write_columns(out, {{"a", "b"}, {"O"}}), c10::Error);
  EXPECT_EQ(out.str(), "");
}

}  // namespace conll_test
}  // namespace madx
