#include "apps/run/recipe.h"

#include <gmock/gmock.h>

#include "../support.h"

namespace madx::apps {
namespace recipe_test {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;

class RecipeTest : public testing::Test {
 protected:
  Recipe of_file(const std::string& name) const {
    Recipe recipe;
    recipe.add_input("--text", folder_ / name);
    return recipe;
  }
  TemporaryFolder folder_;
};

TEST_F(RecipeTest, KnowsAFileByItsContent) {
  io::write_bytes(folder_ / "a.txt", "Mto ni mrefu.\n");
  io::write_bytes(folder_ / "moved.txt", "Mto ni mrefu.\n");
  io::write_bytes(folder_ / "other.txt", "Mto ni mrefu!\n");
  const auto a = of_file("a.txt");
  EXPECT_EQ(a.inputs.at("--text")[0].size, 14u);
  EXPECT_EQ(recipe_difference(a, of_file("moved.txt")), "");
  EXPECT_EQ(recipe_digest(a), recipe_digest(of_file("moved.txt")));
  EXPECT_NE(recipe_digest(a), recipe_digest(of_file("other.txt"))) << "of the same size";
  EXPECT_THAT(recipe_difference(a, of_file("other.txt")),
              MatchesRegex("--text .*a.txt \\(14 bytes, digest ........\\), but this one has "
                           ".*other.txt \\(14 bytes, digest ........\\)"));
}

TEST_F(RecipeTest, DigestsAreXxh3sOf128Bits) {
  io::write_bytes(folder_ / "empty", "");
  io::write_bytes(folder_ / "a.txt", "abc");
  // xxhsum -H2
  EXPECT_EQ(of_file("empty").inputs.at("--text")[0].digest, "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(of_file("a.txt").inputs.at("--text")[0].digest, "06b05ab6733a618578af5f94892f3950");
}

TEST_F(RecipeTest, ReadsALongFileToItsEnd) {
  std::string text(size_t{3} << 20, 'a');  // several blocks
  io::write_bytes(folder_ / "a.txt", text);
  text.back() = 'b';
  io::write_bytes(folder_ / "b.txt", text);
  const auto a = of_file("a.txt"), b = of_file("b.txt");
  EXPECT_EQ(a.inputs.at("--text")[0].size, text.size());
  EXPECT_NE(a.inputs.at("--text")[0].digest, b.inputs.at("--text")[0].digest);
  EXPECT_NE(recipe_difference(a, b), "");
  EXPECT_NE(recipe_digest(a), recipe_digest(b));
}

TEST_F(RecipeTest, TakesOfADirectoryWhatHoldsAModel) {
  fs::create_directories(folder_ / "sw/checkpoint");
  io::write_bytes(folder_ / "sw/adapter_config.json", "{}");
  io::write_bytes(folder_ / "sw/pytorch_adapter.bin", "weights");
  io::write_bytes(folder_ / "sw/README.md", "notes");
  io::write_bytes(folder_ / "sw/run.json", "{}");
  io::write_bytes(folder_ / "sw/checkpoint/state.json", "{}");
  const auto before = of_file("sw");
  ASSERT_EQ(before.inputs.at("--text").size(), 2u);
  EXPECT_THAT(before.inputs.at("--text")[0].path, EndsWith("/adapter_config.json"));
  EXPECT_THAT(before.inputs.at("--text")[1].path, EndsWith("/pytorch_adapter.bin")) << "by name";
  io::write_bytes(folder_ / "sw/README.md", "other notes");
  EXPECT_EQ(recipe_difference(before, of_file("sw")), "");
  io::write_bytes(folder_ / "sw/pytorch_adapter.bin", "WEIGHTS");
  EXPECT_THAT(recipe_difference(before, of_file("sw")), HasSubstr("pytorch_adapter.bin"));
}

TEST_F(RecipeTest, NamesWhatOnlyOneOfThemHas) {
  io::write_bytes(folder_ / "a.txt", "a");
  const auto with = of_file("a.txt");
  EXPECT_THAT(recipe_difference(with, {}), HasSubstr("but this one has nothing"));
  EXPECT_THAT(recipe_difference({}, with),
              HasSubstr("--text nothing, but this one has " + (folder_ / "a.txt")));
  auto two = with;
  two.add_input("--text", folder_ / "a.txt");
  EXPECT_NE(recipe_difference(with, two), "") << "a file more";
  Recipe adam, sgd;
  adam.settings["--lr"] = "0.1";
  EXPECT_EQ(recipe_difference(adam, sgd), "--lr 0.1, but this one has nothing");
  EXPECT_EQ(recipe_difference(sgd, adam), "--lr nothing, but this one has 0.1");
}

TEST_F(RecipeTest, SaysWhichFileCannotBeRead) {
  EXPECT_THAT(input_error_of([&] { of_file("none.txt"); }),
              HasSubstr("none.txt: expected a file that can be read, but found: No such file"));
}

}  // namespace recipe_test
}  // namespace madx::apps
