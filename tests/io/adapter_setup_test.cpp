#include "madx/io/adapter_setup.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "test_files.h"

namespace madx::io {
namespace adapter_setup_test {

using nlohmann::json;

std::string setup_path(const std::string& name) { return fixture("setups/" + name); }

json single(const std::string& name) { return {{"type", "single"}, {"children", {name}}}; }

std::string error_on(const json& setup, const json& heads = nullptr) {
  const json file = {{"adapter_setup", setup}, {"head_setup", heads}};
  return input_error_of([&] { parse_adapter_setup("s.json", file.dump()); });
}

TEST(AdapterSetup, ReadsTheSetupsThatPythonSaved) {
  const std::pair<const char*, const char*> expected[] = {
      {"stack_fuse", "Stack(sw, Fuse(ner, pos))"},
      {"average", "Average(en, sw, weights=[0.25,0.75], adapterhub=true)"},
      {"batch_split", "BatchSplit(en, Stack(sw, ner), batch_sizes=[1,2])"},
      {"parallel", "Parallel(Stack(en, ner), Stack(sw, pos))"},
      {"single", "Stack(sw)"}};
  for (const auto& [name, composition] : expected) {
    EXPECT_TRUE(has_adapter_setup(setup_path(name)));
    EXPECT_EQ(read_adapter_setup(setup_path(name)).adapters, parse_composition(composition))
        << name;
  }
  EXPECT_FALSE(has_adapter_setup(fixture("adapters/sw")));
}

TEST(AdapterSetup, WritesTheBytesThatPythonWrites) {
  for (const auto* name : {"stack_fuse", "average", "batch_split", "parallel", "single"}) {
    const TemporaryFolder folder;
    write_adapter_setup(folder.path(), read_adapter_setup(setup_path(name)));
    EXPECT_EQ(read_bytes(folder / "adapter_setup.json"),
              read_bytes(setup_path(name) + "/adapter_setup.json"))
        << name;
  }
}

TEST(AdapterSetup, WritesASingleNameAsAStackAndEqualWeightsAsPythonDoes) {
  const TemporaryFolder folder;
  write_adapter_setup(folder.path(), {Composition("sw"), "null"});
  EXPECT_EQ(read_adapter_setup(folder.path()).adapters, parse_composition("Stack(sw)"));
  write_adapter_setup(folder.path(), {Average{"a", "b"}.as_adapterhub(), "null"});
  EXPECT_EQ(read_adapter_setup(folder.path()).adapters.weights, (std::vector<double>{0.5, 0.5}));
  const auto raw =
      parse_composition("Average(a, b, weights=[1,2], normalize_weights=false, adapterhub=true)");
  write_adapter_setup(folder.path(), {raw, "null"});
  EXPECT_EQ(read_adapter_setup(folder.path()).adapters, raw);
  const auto named = parse_composition("Fuse(a, b, name=x)");
  write_adapter_setup(folder.path(), {named, "null"});
  EXPECT_EQ(read_adapter_setup(folder.path()).adapters, named);
}

TEST(AdapterSetup, NamesTheDirectoriesThatItConsistsOf) {
  const auto stack = parts_of(read_adapter_setup(setup_path("stack_fuse")));
  EXPECT_EQ(stack.adapters, (std::vector<std::string>{"sw", "ner", "pos"}));
  ASSERT_EQ(stack.fusions.size(), 1u);
  EXPECT_EQ(fusion_name(stack.fusions[0]), "ner,pos");
  EXPECT_TRUE(stack.heads.empty()) << "the head lies in its adapter's directory";
  EXPECT_EQ(parts_of(read_adapter_setup(setup_path("single"))).heads,
            std::vector<std::string>{"ner"});
}

TEST(AdapterSetup, RefusesWhatIsNoSetupByFileAndKey) {
  const json fuse = {{"type", "Fuse"}, {"children", {single("a"), single("b")}}};
  const std::pair<json, const char*> cases[] = {
      {{{"type", "Split"}, {"children", {single("a")}}}, "other blocks are not supported"},
      {{{"type", "MultiTask"}, {"children", {single("a")}}}, "other blocks are not supported"},
      {{{"type", "Stack"}, {"children", {"a"}}}, "Stack: expected a JSON object"},
      {{{"type", "Stack"}, {"children", "a"}}, "\"children\" to be a list of members"},
      {{{"type", "Stack"}, {"children", json::array()}}, "\"children\" to be a list of members"},
      {{{"type", "single"}, {"children", {1}}}, "a list of one name"},
      {{{"type", "Parallel"}, {"children", {fuse}}}, "s.json: composition"},
      {{{"type", "Stack"}, {"children", {single("../../etc")}}}, "that a directory can have"},
      {{{"type", "Stack"}, {"children", {single("..")}}}, "that a directory can have"},
      {{{"type", "BatchSplit"}, {"children", {single("a")}}, {"kwargs", {{"batch_sizes", {-1}}}}},
       "\"batch_sizes\" to be a list of whole numbers"},
      {{{"type", "Average"}, {"children", {single("a")}}, {"kwargs", {{"weights", {"x"}}}}},
       "\"weights\" to be a list of numbers"},
      {{{"type", "Average"}, {"children", {single("a")}}, {"kwargs", {{"weights", {1, 2}}}}},
       "one a member, but found 2"},
      {1, "\"adapter_setup\" to be an object"},
      {nullptr, "the key \"adapter_setup\""},
  };
  for (const auto& [setup, words] : cases) {
    const auto message = error_on(setup);
    EXPECT_NE(message.find(words), std::string::npos)
        << "expected: " << words << "\nfound: " << message;
    EXPECT_EQ(message.find("s.json: "), 0u) << message;
  }
  const json stack = {{"type", "Stack"}, {"children", {single("a")}}};
  EXPECT_NE(error_on(stack, 3).find("\"head_setup\" to be null"), std::string::npos);
  EXPECT_NE(error_on(stack, {"a", 1}).find("\"head_setup\" to be null"), std::string::npos);
  EXPECT_NE(error_on(stack, "a/b").find("that a directory can have"), std::string::npos);
}

TEST(AdapterSetup, RefusesToWriteWhatAdapterHubHasNoWordsFor) {
  const TemporaryFolder folder;
  const auto error = [&](const char* text) {
    return input_error_of([&] {
      write_adapter_setup(folder.path(), {parse_composition(text), "null"});
    });
  };
  EXPECT_NE(error("Average(a, b)").find("found the mean itself (no adapterhub=true)"),
            std::string::npos);
  EXPECT_NE(error("Stack(LANGUAGE, ner)").find("name the language"), std::string::npos);
  EXPECT_TRUE(folder.is_empty());
}

}  // namespace adapter_setup_test
}  // namespace madx::io
