#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "madx/adapters/adapter_stack.h"

namespace madx::apps {

/// Flags of programs that run adapters in compositions. One place: a flag means the same in each.
struct CompositionFlags {
  std::string expression;
  std::vector<std::string> fusions;  ///< directories
  std::string stack_rule = "adapterhub";
  int64_t skip_first_layers = 0;

  /// `what` says in --help what the expression's names are.
  void add_to(CLI::App& app, const std::string& what);

  bool given() const { return !expression.empty(); }
  /// Throws InputError, naming the character, for an expression that cannot be read.
  Composition composition() const;

  /// Sets the stack rule and the layers without adapters. Throws InputError for values that the
  /// encoder or the library has not.
  void apply_to(AdapterStack& adapters) const;
};

}  // namespace madx::apps
