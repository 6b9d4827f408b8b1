#include "apps/command_line/composition_flags.h"

#include "madx/core/error.h"

namespace madx::apps {

void CompositionFlags::add_to(CLI::App& app, const std::string& what) {
  app.add_option(
      "--composition", expression,
      "Active adapters: \"Stack(sw, Fuse(ner, pos))\", also Average, BatchSplit, Parallel; " +
          what);
  app.add_option("--fusion", fusions, "AdapterHub directory of a fusion that --composition names");
  app.add_option("--stack-rule", stack_rule,
                 "Equation of stacked adapters: adapterhub, or paper (MAD-X, section 4.2)")
      ->capture_default_str();
  app.add_option("--skip-first-layers", skip_first_layers,
                 "Number of first layers in which no adapter is active (AdapterDrop)")
      ->capture_default_str();
}

Composition CompositionFlags::composition() const {
  try {
    return parse_composition(expression);
  } catch (const InputError& error) {
    input_error("--composition: ", error.what());
  }
}

void CompositionFlags::apply_to(AdapterStack& adapters) const {
  if (stack_rule != "adapterhub" && stack_rule != "paper")
    input_error("--stack-rule: expected adapterhub or paper, but found ", stack_rule);
  adapters->use_stack_rule(stack_rule == "paper" ? StackRule::kPaper : StackRule::kAdapterHub);
  if (skip_first_layers < 0 || skip_first_layers > adapters->num_layers()) {
    input_error("--skip-first-layers: expected 0 to ", adapters->num_layers(),
                ", the encoder's layers, but found ", skip_first_layers);
  }
  adapters->skip_first_layers(skip_first_layers);
}

}  // namespace madx::apps
