#include "apps/run/same_recipe.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "apps/run/host_name.h"
#include "apps/run/recipe_json.h"
#include "madx/core/error.h"

namespace madx::apps {
namespace {

std::string first_ranks(const std::string& text, RankGroup& ranks) {
  const auto size = at::tensor({static_cast<int64_t>(text.size())}, at::kLong);
  ranks.broadcast(size);
  const auto bytes = at::empty(size.item<int64_t>(), at::kByte);
  if (ranks.is_first()) std::copy(text.begin(), text.end(), bytes.data_ptr<uint8_t>());
  ranks.broadcast(bytes);
  const auto* const first = bytes.const_data_ptr<uint8_t>();
  return {first, first + bytes.numel()};
}

}  // namespace

void require_same_recipe(const RunState& state, RankGroup& ranks) {
  if (ranks.count() == 1) return;
  const auto text = nlohmann::json{state.training, state.scoring}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto theirs = nlohmann::json::parse(first_ranks(text, ranks));
  auto difference = recipe_difference(theirs[0].get<Recipe>(), state.training);
  if (difference.empty()) difference = recipe_difference(theirs[1].get<Recipe>(), state.scoring);
  if (!difference.empty()) {
    input_error("rank ", ranks.rank(), " on ", host_name(), ": rank 0 has ", difference,
                "; give every rank the same flags and files");
  }
  ranks.largest(0);  // not one goes on before all have looked
}

}  // namespace madx::apps
