#include "apps/experiment/adapter_flags.h"

#include <utility>
#include <vector>

#include "apps/experiment/experiment_rows.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"

namespace madx::apps {
namespace {

constexpr auto kInit = "--init-adapter";
constexpr auto kNear = "--stay-near-adapter";

/// What gives an adapter its shape. train_lang_adapter refuses them beside --init-adapter.
constexpr const char* kShapeFlags[] = {"--config", "--reduction-factor", "--leave-out",
                                       "--inv-reduction-factor", "--no-invertible"};

bool is_given(const FlagValues& flags, const std::string& flag) {
  const auto found = flags.find(flag);
  if (found == flags.end()) return false;
  const auto& values = found->second.values;
  return values.size() != 1 || parse_number(values[0]) != 0.0;
}

[[noreturn]] void refuse_shape(const ExperimentConfig& config, const std::string& flag,
                               const std::string& whose) {
  input_error(config.path, ": ", flag, ": expected it without ", kInit,
              " among the flags of language_adapter, for an adapter has the shape of ", whose,
              "; leave one out");
}

/// Takes the flags of a shape out of those of a target whose adapter starts from the source's,
/// which was trained with them: not where that is a ready one, or has others.
void take_shape_of_source(const ExperimentConfig& config, const std::string& row,
                          const std::string& source, FlagValues& flags) {
  const bool ready = ready_adapter(config, row, source).has_value();
  const auto of_source = config.flags_of(PieceKind::kLanguageAdapter, row, source);
  for (const auto* flag : kShapeFlags) {
    const auto found = flags.find(flag);
    if (found == flags.end()) continue;
    const auto same = of_source.find(flag);
    if (ready || same == of_source.end() || same->second.values != found->second.values)
      refuse_shape(config, flag, "the one of " + source + ", that it starts from");
    flags.erase(found);
  }
}

}  // namespace

void check_companions(const ExperimentConfig& config, const FlagValues& flags) {
  static const std::vector<std::pair<std::string, std::string>> kNeeds = {
      {"--init-weight", kInit}, {kNear, "--stay-near"}, {"--stay-near-layers", "--stay-near"}};
  for (const auto& [flag, needed] : kNeeds)
    if (flags.count(flag) > 0 && !is_given(flags, needed))
      input_error(config.path, ": ", flag, ": expected ", needed, needed == kInit ? "" : " above 0",
                  " beside it among the same flags; give one, or leave it out");
}

FlagValues adapter_flags(const ExperimentConfig& config, const std::string& row,
                         const std::string& language, const std::string& source,
                         const std::string& last_layer) {
  constexpr auto kKind = PieceKind::kLanguageAdapter;
  auto flags = config.flags_of(kKind, row, language);
  check_companions(config, flags);
  const auto drop = [&](std::initializer_list<const char*> names) {
    for (const auto* name : names) flags.erase(name);
  };
  if (language == source) {
    if (flags.count(kInit) > 0 && flags.at(kInit).of_source) drop({kInit, "--init-weight"});
    if (flags.count(kNear) > 0 && flags.at(kNear).of_source)
      drop({kNear, "--stay-near", "--stay-near-layers"});
  }
  // One that all rows start from has not the shape of a row with another.
  const bool of_another_shape = row == "madx-2.0" || row == "houlsby";
  if (of_another_shape && flags.count(kInit) > 0 && !flags.at(kInit).of_source &&
      !row_has_flag(config, kKind, row, kInit))
    drop({kInit, "--init-weight"});
  if (flags.count(kInit) == 0) {
    add_row_flags(config, kKind, row, last_layer, flags);
  } else if (flags.at(kInit).of_source) {
    take_shape_of_source(config, row, source, flags);
  } else {
    for (const auto* flag : kShapeFlags)
      if (flags.count(flag) > 0) refuse_shape(config, flag, "the one that it starts from");
  }
  return flags;
}

}  // namespace madx::apps
