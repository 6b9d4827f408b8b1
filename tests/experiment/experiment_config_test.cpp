// The configuration of an experiment: what it says, and how what is wrong is refused.
#include "apps/experiment/experiment_config.h"

#include <gmock/gmock.h>

#include "io/test_files.h"

namespace madx::apps {
namespace experiment_config_test {

using testing::ElementsAre;
using testing::HasSubstr;

class ExperimentConfigTest : public testing::Test {
 protected:
  ExperimentConfigTest() {
    io::write_bytes(folder_ / "encoder.pt", "");
    io::write_bytes(folder_ / "en.txt", "");
    io::write_bytes(folder_ / "en.conll", "");
  }

  ExperimentConfig read(const std::string& json) const {
    io::write_bytes(folder_ / "experiment.json", json);
    return read_experiment_config(folder_ / "experiment.json");
  }
  /// What is said of these keys beside those that have to be there.
  std::string error(const std::string& keys) const {
    return io::input_error_of(
        [&] { read(R"({"output": "out", "encoder": "encoder.pt", )" + keys + "}"); });
  }

  io::TemporaryFolder folder_;
};

TEST_F(ExperimentConfigTest, HasThePapersRowsAndLanguagesByDefault) {
  const auto config = read(R"({"output": "out", "encoder": "encoder.pt"})");
  EXPECT_EQ(config.rows.size(), 15u);
  EXPECT_EQ(config.languages.size(), 16u);
  EXPECT_THAT(config.sources, ElementsAre("en"));
  EXPECT_THAT(config.seeds, ElementsAre(1));
  EXPECT_EQ(config.output, folder_ / "out") << "beside the configuration";
}

TEST_F(ExperimentConfigTest, FlagsOfARowOverrideThoseOfAll) {
  const auto config = read(R"({
    "output": "out", "encoder": "encoder.pt",
    "flags": {"language_adapter": {"--steps": 100, "--lr": 0.001, "--full-length": true}},
    "row_flags": {"houlsby": {"language_adapter": {"--steps": 50, "--full-length": false}}},
    "language_flags": {"sw": {"--steps": 7}}})");
  const auto steps = [&](const std::string& row, const std::string& language) {
    return config.flags_of(PieceKind::kLanguageAdapter, row, language).at("--steps").values;
  };
  EXPECT_THAT(steps("madx", "en"), ElementsAre("100"));
  EXPECT_THAT(steps("houlsby", "en"), ElementsAre("50"));
  EXPECT_THAT(steps("houlsby", "sw"), ElementsAre("7")) << "the language's own come first";
  const auto houlsby = config.flags_of(PieceKind::kLanguageAdapter, "houlsby", "en");
  EXPECT_EQ(houlsby.count("--full-length"), 0u) << "false takes it back";
  EXPECT_THAT(houlsby.at("--lr").values, ElementsAre("0.001"));
}

TEST_F(ExperimentConfigTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(error(R"("outputs": 1)"), HasSubstr("experiment.json: top level: expected keys of"));
  EXPECT_THAT(error(R"("outputs": 1)"), HasSubstr("but found \"outputs\""));
  EXPECT_THAT(error(R"("rows": ["madx", "mad"])"), HasSubstr("rows: expected rows of xlm-r"));
  EXPECT_THAT(error(R"("row_flags": {"mad": {}})"), HasSubstr("row_flags: expected rows of"));
  EXPECT_THAT(error(R"("flags": {"adapter": {}})"), HasSubstr("flags: expected keys of"));
  EXPECT_THAT(error(R"("ner": {"en": {"trian": "en.conll"}})"),
              HasSubstr("ner.en: expected keys of train, dev, test, but found \"trian\""));
}

TEST_F(ExperimentConfigTest, RefusesValuesOfAnotherKind) {
  EXPECT_THAT(error(R"("seeds": [])"), HasSubstr("seeds: expected a list of whole numbers"));
  EXPECT_THAT(error(R"("seeds": [-1])"), HasSubstr("seeds: expected a list of whole numbers"));
  EXPECT_THAT(error(R"("languages": "sw")"), HasSubstr("languages: expected a list of strings"));
  EXPECT_THAT(error(R"("languages": ["s/w"])"), HasSubstr("languages of letters, digits and _"));
  EXPECT_THAT(error(R"("curve": 1.5)"), HasSubstr("curve: expected a whole number"));
  EXPECT_THAT(error(R"("text": ["en.txt"])"), HasSubstr("text: expected an object"));
  EXPECT_THAT(error(R"("flags": {"scoring": {"--dtype": {}}})"),
              HasSubstr("flags.scoring.--dtype: expected a number, a string"));
}

TEST_F(ExperimentConfigTest, RefusesEmptyValuesAndThoseThatAProgramWouldCut) {
  EXPECT_THAT(io::input_error_of([&] { read(R"({"output": "", "encoder": "encoder.pt"})"); }),
              HasSubstr("output: expected a string that is not empty, but found \"\""));
  EXPECT_THAT(error(R"("ner": {"en": {"test": ""}})"), HasSubstr("ner.en.test: expected a string"));
  EXPECT_THAT(error(R"("unseen": [""])"), HasSubstr("unseen: expected a list of strings"));
  EXPECT_THAT(error(R"("rows": [])"), HasSubstr("rows: expected one row at least"));
  EXPECT_THAT(error(R"("text": {"en": []})"), HasSubstr("text.en: expected one file at least"));
  EXPECT_THAT(error(R"("flags": {"scoring": {"--threads-of": ""}})"),
              HasSubstr("--threads-of: expected a number, a string that is not empty"));
  EXPECT_THAT(error(R"("flags": {"lm_head": {"--steps": []}})"),
              HasSubstr("flags.lm_head.--steps: expected one value at least, or false"));
  EXPECT_THAT(error(R"("flags": {"lm_head": {"--steps": "2\u0000"}})"),
              HasSubstr("flags.lm_head.--steps: expected a number, a string"));
}

TEST_F(ExperimentConfigTest, RefusesFlagsOfAFileWithoutOne) {
  for (const std::string value : {"true", R"(["a", "b"])", R"("absent")"}) {
    EXPECT_THAT(error(R"("flags": {"language_adapter": {"--lm-head": )" + value + "}}"),
                HasSubstr("flags.language_adapter.--lm-head: expected"));
  }
}

TEST_F(ExperimentConfigTest, RefusesWhatIsNoNameOfAFlag) {
  for (const std::string flag : {"--seed=7", "--", "--help", "-s", "--Steps", "--two words"}) {
    EXPECT_THAT(error(R"("flags": {"scoring": {")" + flag + R"(": true}})"),
                HasSubstr("expected flags such as \"--steps\", but found \"" + flag + "\""));
  }
}

TEST_F(ExperimentConfigTest, RefusesLanguagesThatTheExperimentDoesNotHave) {
  EXPECT_THAT(error(R"("unseen": ["zz"])"), HasSubstr("unseen: expected languages of ar, cdo, en"));
  EXPECT_THAT(error(R"("language_flags": {"zz": {}})"),
              HasSubstr("language_flags: expected languages of ar, cdo, en"));
  EXPECT_NO_THROW(read(R"({"output": "out", "encoder": "encoder.pt", "languages": ["sw"],
      "language_flags": {"en": {"--steps": 7}}})"))
      << "en is the source";
}

TEST_F(ExperimentConfigTest, RefusesJsonThatOtherReadersRefuse) {
  EXPECT_THAT(error(R"("output": "other")"), HasSubstr("expected every JSON key once"));
  EXPECT_THAT(error(R"("rows": )" + std::string(100000, '[') + std::string(100000, ']')),
              HasSubstr("expected JSON of at most 64 brackets inside each other"));
  EXPECT_THAT(io::input_error_of([&] { read_experiment_config(folder_ / ""); }),
              HasSubstr("expected"));
  EXPECT_NO_THROW(read("{\"output\": \"out\", // where\n \"encoder\": \"encoder.pt\"}"));
}

TEST_F(ExperimentConfigTest, RefusesFlagsThatItSetsItself) {
  EXPECT_THAT(error(R"("flags": {"scoring": {"--output": "x"}})"),
              HasSubstr("flags.scoring: expected no --output, which the experiment itself sets"));
  EXPECT_THAT(error(R"("flags": {"scoring": {"steps": 1}})"),
              HasSubstr("expected flags such as \"--steps\", but found \"steps\""));
}

TEST_F(ExperimentConfigTest, RefusesFlagsOfARowThatNothingReads) {
  EXPECT_THAT(error(R"("row_flags": {"keep-source": {"task_adapter": {"--steps": 5}}})"),
              HasSubstr("row_flags.keep-source: expected keys of scoring, but found "
                        "\"task_adapter\""));
  EXPECT_THAT(error(R"("row_flags": {"xlm-r": {"task_adapter": {"--steps": 5}}})"),
              HasSubstr("row_flags.xlm-r: expected keys of fine_tuning, scoring, but found"));
  EXPECT_THAT(error(R"("row_flags": {"mlm-src": {"adapted_encoder": {"--steps": 5}}})"),
              HasSubstr("row_flags.mlm-src: expected keys of fine_tuning, scoring, but found"));
}

TEST_F(ExperimentConfigTest, RefusesWhatComesTwice) {
  EXPECT_THAT(error(R"("rows": ["madx", "xlm-r", "madx"])"), HasSubstr("rows: expected each once"));
}

TEST_F(ExperimentConfigTest, SourceIsAWordOfFlagsThatTakeAnAdapter) {
  const auto flags = [&](const std::string& more) {
    return read(R"({"output": "out", "encoder": "encoder.pt", "flags": {"language_adapter": {)" +
                more + "}}}")
        .flags.at(PieceKind::kLanguageAdapter);
  };
  for (const std::string flag : {"--init-adapter", "--stay-near-adapter"}) {
    EXPECT_TRUE(flags("\"" + flag + "\": \"source\"").at(flag).of_source);
    EXPECT_TRUE(flags("\"" + flag + "\": \"source\"").at(flag).values.empty());
    EXPECT_FALSE(flags("\"" + flag + "\": false").at(flag).of_source);
  }
  for (const std::string kind : {"adapted_encoder", "task_adapter"}) {
    EXPECT_THAT(error("\"flags\": {\"" + kind + "\": {\"--init-adapter\": \"source\"}}"),
                HasSubstr("flags." + kind +
                          ".--init-adapter: expected \"source\" among the flags "
                          "of language_adapter alone"));
  }
  EXPECT_THAT(error(R"("flags": {"language_adapter": {"--lm-head": "source"}})"),
              HasSubstr("--lm-head: expected a file or directory, but there is none at"));
}

TEST_F(ExperimentConfigTest, RefusesFilesThatAreNotThere) {
  EXPECT_THAT(error(R"("text": {"en": "no.txt"})"),
              HasSubstr("text.en: expected a file or directory, but there is none at"));
  EXPECT_THAT(error(R"("text": {"en": ["en.txt", "no.txt"]})"), HasSubstr("no.txt"));
  EXPECT_THAT(error(R"("flags": {"language_adapter": {"--init-adapter": "none"}})"),
              HasSubstr("flags.language_adapter.--init-adapter: expected a file or directory"));
  EXPECT_THAT(io::input_error_of([&] { read("{"); }), HasSubstr("expected JSON"));
  EXPECT_THAT(io::input_error_of([&] { read_experiment_config(folder_ / "none.json"); }),
              HasSubstr("none.json: expected a file that can be read"));
  EXPECT_THAT(io::input_error_of([&] { read(R"({"output": "out"})"); }),
              HasSubstr("encoder: expected a string that is not empty, but found nothing"));
}

}  // namespace experiment_config_test
}  // namespace madx::apps
