// An adapter of another type of encoder fits in shape: each program that loads one says so.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "programs/tiny_files.h"

namespace madx::apps {
namespace other_type_test {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

TEST(AdapterOfAnotherType, IsSaid) {
  const auto& files = tiny_files();
  const auto adapter = files / "of_bert";
  fs::copy(files / "adapters/sw", adapter);
  auto config = nlohmann::json::parse(io::read_bytes(adapter + "/adapter_config.json"));
  config["model_type"] = "bert";
  io::write_bytes(adapter + "/adapter_config.json", config.dump());

  const std::string ner =
      "--encoder @/encoder --source en --train @/train.conll --test en=@/en.conll --steps 1 ";
  const std::pair<const char*, std::string> commands[] = {
      {"hidden_states",
       "--encoder @/encoder --text @/en.txt --output @/of_bert.st --adapter x=@/of_bert "
       "--adapter @/adapters/sw"},
      {"mlm_loss", "--encoder @/encoder --lm-head @/lm_head --text @/en.txt --adapter @/of_bert"},
      {"train_lang_adapter",
       "--encoder @/encoder --lm-head @/lm_head --text @/en.txt --steps 1 --output @/from_bert "
       "--init-adapter @/of_bert"},
      {"zero_shot_ner", ner + "--language en=@/of_bert --output @/ner_of_bert"}};
  for (const auto& [program, command] : commands) {
    const auto result = run_command(files, program, command);
    EXPECT_EQ(result.status, 0) << result;
    EXPECT_THAT(result.err,
                HasSubstr(files.expand("note: @/of_bert: an adapter of \"bert\", but the encoder "
                                       "is \"xlm-roberta\"")));
    EXPECT_THAT(result.err, Not(HasSubstr("adapters/sw: an adapter of")));
  }
  const auto unused =
      run_command(files, "zero_shot_ner",
                  ner + "--setup no-lang --language en=@/of_bert --output @/ner_without_bert");
  EXPECT_THAT(unused.err, Not(HasSubstr("an adapter of")));
}

}  // namespace other_type_test
}  // namespace madx::apps
