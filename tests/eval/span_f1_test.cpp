#include "madx/eval/span_f1.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "madx/core/error.h"

namespace madx {
namespace span_f1_test {

using Json = nlohmann::json;
using Tags = std::vector<std::string>;

Tags split(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

std::vector<Tags> split_all(const Json& sentences) {
  std::vector<Tags> tags;
  for (const auto& sentence : sentences) tags.push_back(split(sentence));
  return tags;
}

/// As the fixture writes entities, with the last token inside.
std::string written(const std::vector<Span>& spans) {
  std::ostringstream out;
  for (const Span& span : spans) {
    out << (out.tellp() > 0 ? " " : "") << span.type << ':' << span.begin << ':' << span.end - 1;
  }
  return out.str();
}

void expect_scores(const SpanScores& ours, const Json& theirs) {
  EXPECT_NEAR(ours.precision, 100 * theirs[0].get<double>(), 1e-9);
  EXPECT_NEAR(ours.recall, 100 * theirs[1].get<double>(), 1e-9);
  EXPECT_NEAR(ours.f1, 100 * theirs[2].get<double>(), 1e-9);
  EXPECT_EQ(ours.entities, theirs[3].get<std::int64_t>());
}

class SpanF1 : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(MADX_FIXTURES "/seqeval/seqeval.json");
    cases_ = Json::parse(file);
    ASSERT_GT(cases_.size(), 30u);
  }

  /// Calls `visit(tags, entities)` for every sentence, gold and predicted.
  template <class Visit>
  void for_each_sentence(Visit visit) const {
    for (const auto& one : cases_) {
      SCOPED_TRACE(one["name"].get<std::string>());
      for (const std::string which : {"gold", "predicted"}) {
        for (std::size_t i = 0; i < one[which].size(); ++i) {
          SCOPED_TRACE(one[which][i].get<std::string>());
          visit(split(one[which][i]), one[which + "_entities"][i].get<std::string>());
        }
      }
    }
  }

  Json cases_;
};

TEST_F(SpanF1, EqualsSeqevalsScores) {
  for (const auto& one : cases_) {
    SCOPED_TRACE(one["name"].get<std::string>());
    const auto scores = span_f1(split_all(one["gold"]), split_all(one["predicted"]));
    EXPECT_EQ(scores.sentences, static_cast<std::int64_t>(one["gold"].size()));
    expect_scores(scores.micro, one["micro"]);
    ASSERT_EQ(scores.per_type.size(), one["per_type"].size());
    for (const auto& [type, of_type] : scores.per_type) {
      SCOPED_TRACE(type);
      expect_scores(of_type, one["per_type"].at(type));
    }
  }
}

TEST_F(SpanF1, FindsTheEntitiesThatSeqevalFinds) {
  for_each_sentence([](const Tags& tags, const std::string& entities) {
    EXPECT_EQ(written(spans_of(tags)), entities);
  });
}

TEST_F(SpanF1, KeepsTheEntitiesInIob2) {
  for_each_sentence([](const Tags& tags, const std::string& entities) {
    EXPECT_EQ(written(spans_of(to_iob2(tags))), entities);
  });
}

TEST_F(SpanF1, ReadsBiluoAsBioes) {
  for_each_sentence([](Tags tags, const std::string& entities) {
    for (std::string& tag : tags) {
      if (tag[0] == 'E') tag[0] = 'L';
      if (tag[0] == 'S') tag[0] = 'U';
    }
    EXPECT_EQ(written(spans_of(tags)), entities);
  });
}

TEST(SpanF1Counts, AreOfEntities) {
  const auto scores = span_f1({{"B-PER", "I-PER", "O", "B-LOC"}, {"O"}},
                              {{"B-PER", "I-PER", "O", "B-ORG"}, {"B-ORG"}});
  EXPECT_EQ(scores.sentences, 2);
  EXPECT_EQ(scores.micro.entities, 2);
  EXPECT_EQ(scores.micro.predicted, 3);
  EXPECT_EQ(scores.micro.correct, 1);
  EXPECT_EQ(scores.per_type.at("ORG").entities, 0);
  EXPECT_EQ(scores.per_type.at("ORG").predicted, 2);
}

TEST(SpanF1Counts, ScoreNoSentencesAsZero) {
  const auto scores = span_f1({}, {});
  EXPECT_EQ(scores.sentences, 0);
  EXPECT_EQ(scores.micro.f1, 0);
  EXPECT_TRUE(scores.per_type.empty());
}

std::string error_of(const std::vector<Tags>& gold, const std::vector<Tags>& predicted) {
  try {
    span_f1(gold, predicted);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(SpanF1Errors, NameTheSentenceWhoseLengthDiffers) {
  EXPECT_EQ(error_of({{"O"}, {"O", "O"}}, {{"O"}, {"O"}}),
            "sentence 2: expected 2 predicted tags, but found 1; predict every token of the "
            "sentence");
}

TEST(SpanF1Errors, NameTheNumberOfSentences) {
  EXPECT_EQ(error_of({{"O"}, {"O"}}, {{"O"}}),
            "expected predicted tags for 2 sentences, but found 1; predict every sentence of the "
            "gold file");
}

TEST(SpanF1Errors, NameTheSentenceAndTokenWhoseTagIsNone) {
  EXPECT_EQ(error_of({{"O"}}, {{"LABEL_0"}}),
            "sentence 1, predicted, token 1: expected a tag such as O or B-PER, but found "
            "\"LABEL_0\"; use labels of IOB1, IOB2 or BIOES");
}

}  // namespace span_f1_test
}  // namespace madx
