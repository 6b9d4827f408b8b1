#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>

namespace madx {

/// What a training run says of itself at one logged step. NaN means "not measured" and is written
/// as null.
struct MetricsRow {
  int64_t step = 0;                                                     ///< steps done
  double loss = std::numeric_limits<double>::quiet_NaN();               ///< mean since the last row
  double lr = std::numeric_limits<double>::quiet_NaN();                 ///< of the last step
  double tokens_per_second = std::numeric_limits<double>::quiet_NaN();  ///< since the last row
  std::optional<double> eval_loss;   ///< where held-out text was evaluated
  std::optional<double> perplexity;  ///< exp(eval_loss)
  std::map<std::string, double>
      extra{};  ///< further figures by key, such as "dev_f1" or "gradient_norm"
  std::map<std::string, std::string>
      labels{};  ///< what the figures are of, by key: "vocabulary" is "text" where losses are of a
                 ///< softmax over a text's sub-words alone
};

}  // namespace madx
