#include "apps/run/shell_text.h"

#include <gtest/gtest.h>

namespace madx::apps {
namespace shell_text_test {

TEST(ShellText, QuotesWhatAShellWouldReadOtherwise) {
  EXPECT_EQ(shell_text({"zero_shot_ner", "--config", "seq_bn[leave_out=[11]]", "a b", "", "it's"}),
            "zero_shot_ner --config 'seq_bn[leave_out=[11]]' 'a b' '' 'it'\\''s'");
  EXPECT_EQ(shell_text({"--language", "sw=runs/sw_1,2:3.x+y"}), "--language sw=runs/sw_1,2:3.x+y");
}

}  // namespace shell_text_test
}  // namespace madx::apps
