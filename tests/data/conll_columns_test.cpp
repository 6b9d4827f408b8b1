#include "madx/data/conll.h"
#include "test_files.h"

namespace madx {
namespace conll_columns_test {

using Words = std::vector<std::string>;

ConllFile read(std::string_view bytes, ConllColumns columns = {}) {
  return read_conll_file(write_test_file(bytes), columns);
}

/// Tokens and tags of all sentences, one line a sentence: "Anna/B-PER here/O".
std::string shown(const ConllFile& file) {
  std::string text;
  for (const auto& sentence : file.sentences) {
    for (std::size_t i = 0; i < sentence.tokens.size(); ++i)
      text += (i == 0 ? "" : " ") + sentence.tokens[i] + "/" + sentence.tags[i];
    text += "\n";
  }
  return text;
}

/// The message for a file of these bytes, without the file's name.
std::string error_in(std::string_view bytes, ConllColumns columns = {}) {
  const std::string path = write_test_file(bytes);
  const std::string message = input_error_of([&] { read_conll_file(path, columns); });
  EXPECT_EQ(message.substr(0, path.size()), path);
  return message.substr(std::min(path.size(), message.size()));
}

TEST(ConllColumns, RefusesALineWithAnotherNumberOfColumns) {
  EXPECT_EQ(error_in("Anna NNP O\n\nwalks O\n"),
            ":3: expected 3 columns, as in line 1, but found 2: \"walks O\"; give the line of each "
            "token the same columns");
  EXPECT_EQ(error_in("Anna\tB-PER\nwalks\tVBZ\tO\n"),
            ":2: expected 2 columns, as in line 1, but found 3: \"walks<U+0009>VBZ<U+0009>O\"; "
            "give the line of each token the same columns");
  EXPECT_NE(error_in("Anna\tB-PER\nwalks\t\tO\n").find(":2: expected 2 columns"),
            std::string::npos);
  EXPECT_NE(error_in("Anna\tB-PER\nwalks\tO\t\n").find(":2: expected 2 columns"),
            std::string::npos);
  EXPECT_NE(error_in("Anna  B-PER\nNew York B-LOC\n").find(":2: expected 2 columns"),
            std::string::npos);
}

// GermEval 2014 has "#", a tab and where a sentence was found.
TEST(ConllColumns, BlamesALineThatBeginsWithANumberSignBeforeTheTokens) {
  EXPECT_EQ(error_in("#\thttp://x [2009]\n1\tAnna\tB-PER\tO\n2\twalks\tO\tO\n"),
            ":1: expected 4 columns, as in line 2, but found 2: \"#<U+0009>http://x [2009]\"; give "
            "the line of each token the same columns, and begin comments with \"# \"");
  EXPECT_NE(error_in("#tag\tB-PER\nwalks\tVBZ\tO\n").find(":1: expected 3 columns"),
            std::string::npos);
  EXPECT_EQ(shown(read("#\tO\nAnna\tB-PER\n")), "#/O Anna/B-PER\n");
}

TEST(ConllColumns, TakesAnEmptyFirstColumnForATokenWithoutText) {
  EXPECT_EQ(shown(read("Anna\tNNP\tI-NP\tB-PER\n\tNN\tI-NP\tO\n")), "Anna/B-PER /O\n");
  EXPECT_EQ(shown(read("Anna NNP I-NP B-PER\n NN I-NP O\nhi UH I-NP O\n")), "Anna/B-PER /O hi/O\n");
  EXPECT_EQ(shown(read("Anna B-PER\n O\n")), "Anna/B-PER /O\n");
  EXPECT_EQ(shown(read(" O\nAnna B-PER\n")), "/O Anna/B-PER\n");
  EXPECT_EQ(shown(read("\tO\nAnna\tB-PER\n")), "/O Anna/B-PER\n");
}

TEST(ConllColumns, IgnoresSpacesBeforeALineThatHasAllColumns) {
  EXPECT_EQ(shown(read("Anna B-PER\n  hi O\n")), "Anna/B-PER hi/O\n");
  EXPECT_EQ(shown(read("  Anna B-PER\n  hi O\n")), "Anna/B-PER hi/O\n");
}

TEST(ConllColumns, TakesNumbersThatDoNotCountForNoIndexWhereColumnsAreNamed) {
  EXPECT_EQ(shown(read("0.5\tAnna\tB-PER\n1\twent\tO\n1.5\tto\tO\n", {2, 3})),
            "Anna/B-PER went/O to/O\n");
  EXPECT_EQ(shown(read("0-5\tAnna\tB-PER\n6-10\twent\tO\n", {2, 3})), "Anna/B-PER went/O\n");
  EXPECT_EQ(shown(read("1-1\t0-5\tAnna\tB-PER\n1-2\t6-9\twent\tO\n", {3, 4})),
            "Anna/B-PER went/O\n");
  EXPECT_EQ(shown(read("1-2\tdu\tO\n1\tde\tO\n2\tle\tO\n", {2, 3})), "de/O le/O\n") << "CoNLL-U";
}

TEST(ConllColumns, RefusesLineEndsOfOtherPrograms) {
  EXPECT_EQ(error_in("Anna\tB-PER\u2028went\tO\u2028\u2028Oslo\tB-LOC\u2028"),
            ":1: expected lines that end in LF, CR LF or CR, but found \"B-PER<U+2028>went\" in "
            "column 2; write the file with other line ends");
  for (const std::string end : {"\v", "\f", "\x1E", "\u0085", "\u2029"}) {
    EXPECT_NE(error_in("Anna B-PER" + end + "went O" + end).find("expected lines that end in LF"),
              std::string::npos);
  }
}

TEST(ConllColumns, RefusesAnEmptyTag) {
  EXPECT_EQ(error_in("Anna\tB-PER\nhi\t\n"),
            ":2: expected a token and its tag, but found nothing in the last column, the tag's; "
            "give each token a tag, O where it is in no entity");
  EXPECT_NE(error_in("Anna\tB-PER\nhi\t\u00A0\n").find(":2: expected a token and its tag"),
            std::string::npos);
  EXPECT_NE(error_in("1\ta\tO\t-\n2\tb\t\t-\n", {2, 3}).find("found nothing in column 3"),
            std::string::npos);
}

TEST(ConllColumns, ReadsTheSecondColumnWhereTheFirstCountsTokens) {
  const auto file = read("1\tAnna\tB-PER\n2\there\tO\n\n1\tNairobi\tB-LOC\n");
  EXPECT_EQ(shown(file), "Anna/B-PER here/O\nNairobi/B-LOC\n");
  EXPECT_EQ(file.columns.token, 2u);
  EXPECT_EQ(file.columns.tag, 3u);
  EXPECT_EQ(file.width, 3u);
  EXPECT_EQ(shown(read("0 Anna B-PER\n1 here O\n\n0 hi O\n")), "Anna/B-PER here/O\nhi/O\n");
  EXPECT_EQ(shown(read("1 Anna B-PER\n2 here O\n\n3 2 O\n4 hi O\n")),
            "Anna/B-PER here/O\n2/O hi/O\n");
}

TEST(ConllColumns, PassesOverRangesEmptyNodesAndCommentsOfConllU) {
  EXPECT_EQ(shown(read("# sent_id = 1\n# text = al bar O\n1-2\tal\t_\t_\n1\ta\tO\tx\n2\tel\tO\tx\n"
                       "2.1\t_\t_\t_\n3\tbar\tB-LOC\tx\n\n# text = b\n1\tb\tO\tx\n")),
            "a/O el/O bar/B-LOC\nb/O\n");
}

TEST(ConllColumns, EndsASentenceAtADocumentStartBehindAnIndex) {
  EXPECT_EQ(
      shown(read("0\t-DOCSTART-\tO\n\n0\tAnna\tB-PER\n1\there\tO\n0\t-DOCSTART-\tO\n0\thi\tO\n")),
      "Anna/B-PER here/O\nhi/O\n");
}

TEST(ConllColumns, TakesTheOneColumnOfTagsWhereTheLastHasNone) {
  const auto file = read("1\tAnna\tB-PER\t-\tname\n2\tO\tO\t-\tname\n");
  EXPECT_EQ(shown(file), "Anna/B-PER O/O\n");
  EXPECT_EQ(file.columns.tag, 3u);
  EXPECT_EQ(file.width, 5u);
  EXPECT_EQ(shown(read("Anna B-PER en\nhi O en\n")), "Anna/B-PER hi/O\n");
}

TEST(ConllColumns, TakesTheLastOfSeveralColumnsOfTagsWithoutAnIndex) {
  EXPECT_EQ(shown(read("Anna NNP I-NP B-PER\nwalks VBZ I-VP O\n")), "Anna/B-PER walks/O\n");
}

TEST(ConllColumns, RefusesSeveralColumnsThatMayBeTheTags) {
  EXPECT_EQ(error_in("Anna B-NP B-PER x\nwalks B-VP O x\n"),
            ": expected one column of tags, but found one in every line of the columns 2 and 3; "
            "name the columns, as in token=2,tag=3");
  EXPECT_NE(error_in("1\tAnna\tB-PER\tO\n2\there\tO\tO\n").find("of the columns 3 and 4;"),
            std::string::npos);
}

TEST(ConllColumns, RefusesATagThatIsNoneAlthoughAnotherColumnHasTags) {
  EXPECT_EQ(
      error_in("Anna I-NP B-PER\nwalks I-VP none\n"),
      ":2: expected a tag such as O or B-PER in the last column, but found \"none\"; use tags "
      "of IOB1, IOB2 or BIOES, or name the columns: token=1,tag=2");
}

TEST(ConllColumns, RefusesNumbersThatMayCountOrNot) {
  EXPECT_EQ(error_in("1\tAnna\tB-PER\n2\there\tO\n1\thi\tO\n"),
            ":3: expected tokens in the first column, or numbers that count the tokens of each "
            "sentence, but found numbers alone, out of order at \"1\"; name the columns, as in "
            "token=2,tag=3");
  EXPECT_NE(
      error_in("1\tAnna\tB-PER\n2\there\tO\nx\thi\tO\n")
          .find(":3: expected tokens in the first column, or numbers that count the tokens of "
                "each sentence, but found numbers, and \"x\"; name the columns"),
      std::string::npos);
  EXPECT_NE(
      error_in("1\tAnna\tB-PER\n\n1\tLee\tB-PER\n")
          .find(":1: expected tokens in the first column, or numbers that count the tokens of "
                "each sentence, but found numbers alone, and no sentence of two tokens;"),
      std::string::npos);
  EXPECT_NE(error_in("1\tAnna\tB-PER\n1\there\tO\n\n2\thi\tO\n").find("out of order at \"1\""),
            std::string::npos);
  for (const auto* odd : {"1. Anna B-PER\n2. here O\n", "w1 Anna B-PER\nw2 here O\n",
                          "(0) Anna B-PER\n(1) here O\n", "1-1 Anna B-PER\n1-2 here O\n"}) {
    EXPECT_NE(error_in(odd).find(":1: expected tokens in the first column"), std::string::npos)
        << odd;
  }
}

TEST(ConllColumns, RefusesAFirstColumnOfSomethingElseThanTokens) {
  EXPECT_NE(
      error_in("Sentence: 1\tAnna\tNNP\tB-PER\n\there\tRB\tO\n\t.\t.\tO\n")
          .find(":1: expected tokens in the first column, or numbers that count the tokens of "
                "each sentence, but found nothing in most lines;"),
      std::string::npos);
  EXPECT_NE(error_in("doc7 Anna B-PER\ndoc7 here O\n\ndoc7 hi O\n")
                .find("but found the same in all lines of a sentence;"),
            std::string::npos);
}

TEST(ConllColumns, SeesAnIndexBesideInvisibleCharacters) {
  EXPECT_EQ(shown(read("\u200E1\tAnna\tB-PER\n2\u00A0\there\tO\n")), "Anna/B-PER here/O\n");
}

TEST(ConllColumns, KeepsNumbersThatAreTokens) {
  EXPECT_EQ(shown(read("1 O\n2 O\n")), "1/O 2/O\n");
  EXPECT_EQ(shown(read("1 CD O\nriver NN O\n2 CD O\nAnna NNP B-PER\n")),
            "1/O river/O 2/O Anna/B-PER\n");
}

TEST(ConllColumns, ReadsTheColumnsThatAreNamed) {
  const auto bytes = "1\tAnna\tB-PER\tO\n2\there\tO\tO\n";
  EXPECT_EQ(shown(read(bytes, {2, 3})), "Anna/B-PER here/O\n");
  EXPECT_EQ(shown(read(bytes, {2, 4})), "Anna/O here/O\n");
  EXPECT_EQ(shown(read(bytes, {0, 3})), "Anna/B-PER here/O\n");
  EXPECT_EQ(shown(read("B-PER Anna\nO here\n", {2, 1})), "Anna/B-PER here/O\n");
  EXPECT_EQ(shown(read("1 a O\n2 b O\n", {1, 3})), "1/O 2/O\n");
  EXPECT_EQ(shown(read("1-2 ab _\n1 a O\n2 b O\n", {2, 3})), "a/O b/O\n");
}

TEST(ConllColumns, RefusesNamedColumnsThatAFileHasNot) {
  EXPECT_EQ(error_in("# c\nAnna O\n", {2, 3}),
            ":1: expected a column 3, which was named, but found 2 columns; count them from "
            "1");
  EXPECT_EQ(error_in("Anna O\nhi O\n", {2, 0}),
            ": expected the tag in another column than the token, but found both in column 2; name "
            "the columns, as in token=2,tag=3");
}

}  // namespace conll_columns_test
}  // namespace madx
