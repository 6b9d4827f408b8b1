#include "madx/train/language_draw.h"

#include <c10/util/Exception.h>
#include <gmock/gmock.h>

#include <map>

namespace madx {
namespace language_draw_test {

const std::vector<std::string> kLanguages = {"sw", "rw", "fi"};

TEST(LanguageDraw, IsAFunctionOfSeedAndBatchAndMeetsEveryLanguage) {
  std::map<std::string, int64_t> drawn;
  int64_t different = 0;
  for (int64_t index = 0; index < 300; ++index) {
    const auto& language = draw_language(kLanguages, 42, index);
    EXPECT_EQ(language, draw_language(kLanguages, 42, index));
    ++drawn[language];
    different += language != draw_language(kLanguages, 43, index);
  }
  EXPECT_EQ(drawn.size(), 3u);
  for (const auto& [language, count] : drawn) {
    EXPECT_GT(count, 70) << language;
    EXPECT_LT(count, 130) << language;
  }
  EXPECT_GT(different, 150);
}

TEST(LanguageDraw, HasNoChoiceAmongOne) {
  for (int64_t index = 0; index < 20; ++index) EXPECT_EQ(draw_language({{"sw"}}, 1, index), "sw");
  EXPECT_THROW(draw_language({}, 1, 0), c10::Error);
}

}  // namespace language_draw_test
}  // namespace madx
