#include "madx/data/raw_text.h"

#include "test_files.h"

namespace madx {
namespace raw_text_test {

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " | ") + word;
  return line;
}

std::string split(std::string_view sentence) { return joined(split_words(sentence)); }

TEST(SplitWords, SeparatesAtWhiteSpaceOfEveryKind) {
  EXPECT_EQ(split(" a\tb\u00A0c\u3000d\u2009e \r\n"), "a | b | c | d | e");
  EXPECT_EQ(split(""), "");
  EXPECT_EQ(split(" \t "), "");
}

TEST(SplitWords, KeepsWhatStandsBehindASignThatIsNotSeen) {
  EXPECT_EQ(split("x \u06dd12 \u0600345 \u06011990"), "x | 12 | 345 | 1990");
  EXPECT_EQ(split("\u06dd\u0661\u0662 \u070fabc"), "\u0661\u0662 | abc");
  EXPECT_EQ(split("x\u06dd12"), "x | 12");
  EXPECT_EQ(split("a \u0301b \r\n"), "a | \u0301b");
}

TEST(SplitWords, PeelsPunctuationOffBothEnds) {
  EXPECT_EQ(split("Hello, (dear) \"world\"!"), "Hello | , | ( | dear | ) | \" | world | \" | !");
  EXPECT_EQ(split("«Paris», „Köln“ ‘a’ ¿qué?"),
            "« | Paris | » | , | „ | Köln | “ | ‘ | a | ’ | ¿ | qué | ?");
  EXPECT_EQ(split("مرحبا، نعم؟"), "مرحبا | ، | نعم | ؟");
  EXPECT_EQ(split("नमस्ते।"), "नमस्ते | ।");
}

TEST(SplitWords, KeepsRunsOfOneMarkTogether) {
  EXPECT_EQ(split("``so'' ** == ((a))"), "`` | so | '' | ** | == | ( | ( | a | ) | )");
  EXPECT_EQ(split("Well... yes -- no?!"), "Well | ... | yes | -- | no | ? | !");
}

TEST(SplitWords, SplitsAtMarksInsideThatSeparate) {
  EXPECT_EQ(split("one,two;three"), "one | , | two | ; | three");
  EXPECT_EQ(split("a—b word(s) Kigali–Butare"),
            "a | — | b | word | ( | s | ) | Kigali | – | Butare");
}

TEST(SplitWords, KeepsMarksInsideThatJoin) {
  EXPECT_EQ(split("ng'ombe l’eau Jean-Paul AT&T and/or EU:n snake_case"),
            "ng'ombe | l’eau | Jean-Paul | AT&T | and/or | EU:n | snake_case");
  EXPECT_EQ(split("U.S.-based Dr.-Ing Meier"), "U.S.-based | Dr.-Ing | Meier");
}

TEST(SplitWords, KeepsNumbersWhole) {
  EXPECT_EQ(split("3.5, 1,000,000.25 10:30 2/3 1990–2000."),
            "3.5 | , | 1,000,000.25 | 10:30 | 2/3 | 1990–2000 | .");
  EXPECT_EQ(split("-5 +250 $5.50 50% 20€ 20°C"), "-5 | +250 | $ | 5.50 | 50 | % | 20 | € | 20°C");
  EXPECT_EQ(split("٣٫٥ in 2019."), "٣٫٥ | in | 2019 | .");
}

TEST(SplitWords, KeepsAddressesWhole) {
  EXPECT_EQ(split("See https://x.org/a?b=1&c=(d), www.y.com/z/."),
            "See | https://x.org/a?b=1&c=(d | ) | , | www.y.com/z/ | .");
  EXPECT_EQ(split("(HTTP://X.ORG) a.b+c@mail.example.com!"),
            "( | HTTP://X.ORG | ) | a.b+c@mail.example.com | !");
  EXPECT_EQ(split("@user: #tag"), "@user | : | #tag");
}

TEST(SplitWords, KeepsTheFullStopOfInitialsAndTitles) {
  EXPECT_EQ(split("The U.S. and J. R. Smith met Dr. Who, e.g. here."),
            "The | U.S. | and | J. | R. | Smith | met | Dr. | Who | , | e.g. | here | .");
  EXPECT_EQ(split("in the U.S."), "in | the | U.S.");
}

TEST(SplitWords, TakesTheFullStopOffAtTheEndOfTheSentence) {
  EXPECT_EQ(split("It is plan B."), "It | is | plan | B | .");
  EXPECT_EQ(split("He works for Foo Inc.\""), "He | works | for | Foo | Inc | . | \"");
  EXPECT_EQ(split("in b. here"), "in | b | . | here");
}

TEST(SplitWords, KeepsMarksThatEndNames) { EXPECT_EQ(split("C++, C# 5+"), "C++ | , | C# | 5 | +"); }

TEST(SplitWords, MakesEachIdeographAWord) {
  EXPECT_EQ(split("我在北京。2020年"), "我 | 在 | 北 | 京 | 。 | 2020 | 年");
  EXPECT_EQ(split("東京にABC社"), "東 | 京 | に | ABC | 社");
  EXPECT_EQ(split("서울 시청"), "서울 | 시청");
}

TEST(SplitWords, KeepsCombiningMarksWithTheirLetter) {
  EXPECT_EQ(split("cafe\u0301, e\u0301."), "cafe\u0301 | , | e\u0301 | .");
  EXPECT_EQ(split("می\u200Cخواهم"), "می\u200Cخواهم");
  EXPECT_EQ(split("hi👩‍👩‍👧👍🏽"), "hi | 👩‍👩‍👧 | 👍🏽");
}

TEST(SplitWords, DropsInvisibleCharacters) {
  EXPECT_EQ(split("\uFEFF\u200Eabc\u200F \x01 d\u200Be"), "abc | d | e");
}

TEST(SplitWords, SurvivesInvalidBytes) { EXPECT_EQ(split("a\xFF\xC3 b"), "a | \xFF | \xC3 | b"); }

TEST(RawSentences, ReadsASentenceALineAndLeavesBlankLinesOut) {
  const auto path = write_test_file("\uFEFFHabari za leo?\r\n\r\n \t\nNzuri.");
  const auto sentences = read_raw_sentences(path);
  ASSERT_EQ(sentences.size(), 2u);
  EXPECT_EQ(joined(sentences[0]), "Habari | za | leo | ?");
  EXPECT_EQ(joined(sentences[1]), "Nzuri | .");
}

TEST(RawSentences, RefusesAFileWithoutWords) {
  for (const char* text : {"", "\n \n"}) {
    const auto path = write_test_file(text);
    EXPECT_EQ(input_error_of([&] { read_raw_sentences(path); }),
              path + ": expected text, a sentence a line, but found no words; check the file");
  }
}

TEST(RawSentences, NamesTheLineThatIsNotUtf8) {
  const auto path = write_test_file("abc\nab\xFFz\n");
  EXPECT_EQ(input_error_of([&] { read_raw_sentences(path); }),
            path +
                ":2: expected UTF-8, but found byte 0xFF at column 3; convert it, e.g. iconv -f "
                "latin1 -t utf8");
}

}  // namespace raw_text_test
}  // namespace madx
