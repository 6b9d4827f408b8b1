#pragma once

#include <string>
#include <vector>

namespace madx::apps {

/// The words of a command as a shell takes them.
std::string shell_text(const std::vector<std::string>& words);

}  // namespace madx::apps
