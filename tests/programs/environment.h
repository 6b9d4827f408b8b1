#pragma once

#include <cstdlib>
#include <string>

namespace madx::apps {

/// Sets a variable of the environment for programs that run while this lives.
class WithVariable {
 public:
  WithVariable(const char* name, const std::string& value) : name_(name) {
    const char* const before = std::getenv(name);
    was_set_ = before != nullptr;
    if (was_set_) before_ = before;
    ::setenv(name, value.c_str(), /*overwrite=*/1);
  }
  ~WithVariable() {
    if (was_set_) {
      ::setenv(name_, before_.c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  WithVariable(const WithVariable&) = delete;
  WithVariable& operator=(const WithVariable&) = delete;

 private:
  const char* name_;
  bool was_set_ = false;
  std::string before_;
};

/// Takes a variable out of it.
class WithoutVariable {
 public:
  explicit WithoutVariable(const char* name) : variable_(name, "") { ::unsetenv(name); }

 private:
  WithVariable variable_;
};

}  // namespace madx::apps
