// Numbers in files and messages are the same in every locale.
#include <gmock/gmock.h>

#include <clocale>
#include <locale>

#include "apps/command_line/command_line.h"
#include "apps/command_line/flags.h"
#include "madx/core/plain_text.h"
#include "madx/data/text.h"
#include "madx/io/adapter_config.h"
#include "test_files.h"

namespace madx::apps {
namespace locale_test {

using testing::HasSubstr;

/// A decimal comma, and a point after every digit: what a number that follows it cannot hide.
class OddNumbers : public std::numpunct<char> {
 protected:
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\1"; }
};

/// For as long as it lives, C++ streams follow OddNumbers, and the C library a German locale where
/// the machine has one.
class OddLocale {
 public:
  OddLocale() {
    std::locale::global(std::locale(std::locale::classic(), new OddNumbers));
    if (std::setlocale(LC_NUMERIC, "de_DE.UTF-8") == nullptr) std::setlocale(LC_NUMERIC, "de_DE");
  }
  ~OddLocale() {
    std::setlocale(LC_NUMERIC, "C");
    std::locale::global(std::locale::classic());
  }
};

TEST(PlainText, WritesNumbersAsStreamsDo) {
  for (const double value : {0.0, 1.0, 0.05, 1e-5, 123456.0, 1234567.0, -2.5, 1.0 / 3, 1e300}) {
    std::ostringstream stream;
    stream << value;
    EXPECT_EQ(number_text(value), stream.str());
    EXPECT_EQ(fixed_text(value, 6), std::to_string(value));
  }
  EXPECT_EQ(fixed_text(12.345, 1), "12.3");
}

TEST(PlainText, ReadsWholeNumbersAlone) {
  EXPECT_EQ(parse_number("2.5"), 2.5);
  EXPECT_EQ(parse_number("+.5e1"), 5);
  EXPECT_EQ(parse_number("-1e-3"), -1e-3);
  for (const auto* text : {"", "+", "-", "+-1", "2,5", "2.5x", " 2", "1e999", "0x10"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(OddLocale, ChangesNoNumberInMessages) {
  const auto path = write_test_file(std::string(1233, '\n') + "x\xFFy\n");
  const OddLocale odd;
  EXPECT_THAT(input_error_of([&] { TextCorpus corpus({path}); }),
              HasSubstr(":1234: expected UTF-8, but found byte 0xFF at column 2;"));
  EXPECT_THAT(input_error_of([&] { input_error("found ", 1234.5); }), HasSubstr("found 1234.5"));
}

TEST(OddLocale, ChangesNoNumberInConfigurations) {
  const OddLocale odd;
  EXPECT_EQ(io::parse_config_string("pfeiffer[reduction_factor=2.5]").reduction_factor, 2.5);
  EXPECT_THAT(input_error_of([] { io::parse_config_string("pfeiffer[reduction_factor=2,5]"); }),
              HasSubstr("expected"));
}

TEST(OddLocale, ChangesNoSettingThatACheckpointKeeps) {
  const OddLocale odd;
  TrainingFlags flags;
  flags.steps = 12345;
  flags.lr = 2.5e-4;
  Recipe recipe;
  flags.describe(flags.trainer_options(/*epoch_batches=*/1), recipe);
  EXPECT_EQ(recipe.settings.at("--steps"), "12345");
  EXPECT_EQ(recipe.settings.at("--lr"), "0.00025");
  EXPECT_THAT(peak_memory(), testing::MatchesRegex("[0-9]+\\.[0-9][0-9] GB"));
}

}  // namespace locale_test
}  // namespace madx::apps
