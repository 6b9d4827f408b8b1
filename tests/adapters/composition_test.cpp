#include "madx/adapters/composition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../io/test_files.h"

namespace madx {
namespace composition_test {

using testing::ElementsAre;
using testing::HasSubstr;

using io::input_error_of;

std::string parse_error(const std::string& text) {
  return input_error_of([&] { parse_composition(text); });
}

TEST(Composition, ReadsWhatItPrints) {
  for (const std::string text :
       {"sw", "Stack(sw, ner)", "Stack(sw, Fuse(ner, pos))",
        "BatchSplit(Stack(en, ner), Stack(sw, ner), batch_sizes=[1,2])",
        "Average(a, b, weights=[0.3,0.7])",
        "Average(a, b, weights=[2,0.5], normalize_weights=false, adapterhub=true)",
        "Stack(sw, Parallel(ner, Stack(x, pos)))", "Fuse(a, Stack(b, c), name=\"a,c, again\")",
        "Parallel(BatchSplit(a, b, batch_sizes=[3,4]), Average(c, d))", "Stack(LANGUAGE, ner)",
        "Stack(wiki/sw@ukp, a-b_c.d)", "Stack(\"with space\", 'with \"quote\"')"}) {
    EXPECT_EQ(to_string(parse_composition(text)), text);
    EXPECT_EQ(parse_composition(to_string(parse_composition(text))), parse_composition(text));
  }
}

TEST(Composition, ReadsOtherSpellingsOfTheSame) {
  EXPECT_EQ(to_string(parse_composition("sw,ner")), "Stack(sw, ner)");
  EXPECT_EQ(to_string(parse_composition("  Stack( sw ,ner )  ")), "Stack(sw, ner)");
  EXPECT_EQ(to_string(parse_composition("Stack[sw, Fuse[ner, pos]]")), "Stack(sw, Fuse(ner, pos))")
      << "as Python prints it";
  EXPECT_EQ(to_string(parse_composition("BatchSplit('a', \"b\", batch_sizes=2)")),
            "BatchSplit(a, b, batch_sizes=[2,2])");
  EXPECT_EQ(to_string(parse_composition("Average(a, b, weights=[1, 3], normalize_weights=True)")),
            "Average(a, b, weights=[1,3])");
}

TEST(Composition, IsBuiltInCode) {
  EXPECT_EQ((Stack{"sw", Fuse{"ner", "pos"}}), parse_composition("Stack(sw, Fuse(ner, pos))"));
  EXPECT_EQ((Stack{"sw"}), parse_composition("Stack(sw)"));
  EXPECT_EQ(Composition(std::vector<std::string>{"sw", "ner"}), parse_composition("sw,ner"));
  EXPECT_EQ((Composition{"sw", "ner"}), (Stack{"sw", "ner"}));
  EXPECT_EQ((BatchSplit({Stack{"en", "ner"}, "sw"}, {1, 2})),
            parse_composition("BatchSplit(Stack(en, ner), sw, batch_sizes=[1,2])"));
  EXPECT_EQ((Fuse{"a", "b"}.named("x")), parse_composition("Fuse(a, b, name=x)"));
  EXPECT_EQ(Average({"a", "b"}).as_adapterhub(),
            parse_composition("Average(a, b, adapterhub=true)"));
  EXPECT_EQ((Average({"a", "b"}, {0.3, 0.7})),
            parse_composition("Average(a, b, weights=[0.3,0.7])"));
  EXPECT_EQ((Parallel{"a", "b"}), parse_composition("Parallel(a, b)"));
  EXPECT_EQ((Stack{kLanguage, "ner"}), parse_composition("Stack(LANGUAGE, ner)"));
  EXPECT_NE((Stack{"a", "b"}), (Stack{"b", "a"}));
  EXPECT_TRUE(Composition().empty());
  EXPECT_NO_THROW(check_composition(Composition()));
}

TEST(Composition, NamesItsAdapters) {
  const auto c = parse_composition("Stack(en, Fuse(Stack(a, b), c, a))");
  EXPECT_THAT(adapter_names(c), ElementsAre("en", "a", "b", "c"));
  EXPECT_EQ(first_adapter(c), "en");
  EXPECT_EQ(last_adapter(c), "a");
  EXPECT_EQ(fusion_name(c.children[1]), "b,c,a") << "of each member the last adapter";
  EXPECT_EQ(fusion_name(parse_composition("Fuse(a, b, name=x)")), "x");
}

TEST(Composition, NormalisesWeights) {
  EXPECT_THAT(average_weights(Average({"a", "b"})), ElementsAre(0.5, 0.5));
  EXPECT_THAT(average_weights(Average({"a", "b"}, {1, 3})), ElementsAre(0.25, 0.75));
  EXPECT_THAT(
      average_weights(parse_composition("Average(a, b, weights=[1,3], normalize_weights=false)")),
      ElementsAre(1, 3));
}

TEST(Composition, NamesTheCharacterOfAMistake) {
  EXPECT_EQ(parse_error("Stack(sw, Fuse(ner pos))"),
            "composition \"Stack(sw, Fuse(ner pos))\": expected ',' or ')' at character 20, but "
            "found \"pos))\"; write it as in Stack(sw, Fuse(ner, pos))");
  EXPECT_THAT(parse_error("Stack(sw, Fuse(ner"), HasSubstr("at character 19, but found the end"));
  EXPECT_THAT(parse_error(""), HasSubstr("expected an adapter's name or a block (Stack, Fuse, "
                                         "...) at character 1, but found the end"));
  EXPECT_THAT(parse_error("Stack()"), HasSubstr("at character 7, but found \")\""));
  EXPECT_THAT(parse_error("Stack(a)) b"), HasSubstr("expected ',' or the end at character 9"));
  EXPECT_THAT(parse_error("Stuck(a)"), HasSubstr("expected Stack, Fuse, Average, BatchSplit or "
                                                 "Parallel at character 1, but found \"Stuck(a)"));
  EXPECT_THAT(parse_error("Stack(a]"), HasSubstr("expected ',' or ')' at character 8"));
  EXPECT_THAT(parse_error("Stack('a)"), HasSubstr("expected a closing quote for this one"));
  EXPECT_THAT(parse_error("Stack(a, weights=[1])"), HasSubstr("expected members alone"));
  EXPECT_THAT(parse_error("Average(a, b, weight=[1])"),
              HasSubstr("expected weights=, normalize_weights= or adapterhub= at character 15"));
  EXPECT_THAT(parse_error("Average(a, b, weights=[1,x])"),
              HasSubstr("expected a number at character 26"));
  EXPECT_THAT(parse_error("Average(a, b, adapterhub=maybe)"),
              HasSubstr("expected true or false at character 26"));
  EXPECT_THAT(parse_error("BatchSplit(a, b, batch_sizes=[1.5,1])"), HasSubstr("a whole number"));
  EXPECT_THAT(parse_error(std::string(100, '(')), HasSubstr("at character 1"));
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "Stack(";
  EXPECT_THAT(parse_error(deep), HasSubstr("expected fewer blocks inside blocks"));
}

TEST(Composition, RefusesSplitByName) {
  EXPECT_THAT(parse_error("Stack(a, Split(b, c, splits=[1,1]))"),
              HasSubstr("Split cuts sequences at token positions"));
}

TEST(Composition, FollowsAdapterHubsTable) {
  EXPECT_THAT(parse_error("Fuse(Fuse(a, b), c)"),
              HasSubstr("expected a name or Stack inside Fuse, but found Fuse(a, b)"));
  EXPECT_THAT(parse_error("Stack(Stack(a, b), c)"),
              HasSubstr("inside Stack, but found Stack(a, b)"));
  EXPECT_THAT(parse_error("Average(Average(a, b), c)"),
              HasSubstr("expected a name, Stack or BatchSplit inside Average"));
  EXPECT_THAT(parse_error("Parallel(Parallel(a, b), c)"), HasSubstr("inside Parallel"));
  EXPECT_THAT(parse_error("Parallel(Fuse(a, b), c)"), HasSubstr("inside Parallel"));
  EXPECT_THAT(parse_error("BatchSplit(Fuse(a, b), c, batch_sizes=1)"),
              HasSubstr("inside BatchSplit"));
  EXPECT_THAT(parse_error("BatchSplit(Stack(en, Fuse(a, b)), c, batch_sizes=1)"),
              HasSubstr("there it is too deep"));
  EXPECT_EQ(parse_error("Stack(a, BatchSplit(Stack(b, c), d, batch_sizes=1))"), "");
}

TEST(Composition, WantsSizesAndWeightsForEachMember) {
  EXPECT_THAT(parse_error("BatchSplit(a, b)"),
              HasSubstr("expected 2 batch_sizes, one a member, but found 0"));
  EXPECT_THAT(parse_error("BatchSplit(a, b, batch_sizes=[1,2,3])"), HasSubstr("but found 3"));
  EXPECT_THAT(parse_error("BatchSplit(a, b, batch_sizes=[1,-2])"),
              HasSubstr("expected batch_sizes of 0 or more, but found -2"));
  EXPECT_THAT(parse_error("Average(a, b, weights=[1])"), HasSubstr("expected 2 weights"));
  EXPECT_THAT(parse_error("Average(a, b, weights=[1,-1])"), HasSubstr("whose sum is not 0"));
  EXPECT_EQ(parse_error("Average(a, b, weights=[1,-1], normalize_weights=false)"), "");
}

}  // namespace composition_test
}  // namespace madx
