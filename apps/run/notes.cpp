#include "apps/run/notes.h"

#include <iostream>
#include <vector>

namespace madx::apps {
namespace {

std::vector<std::string>& held_notes() {
  static std::vector<std::string> notes;
  return notes;
}

}  // namespace

void note(const std::string& text) { held_notes().push_back(text); }

void say_notes() {
  for (const auto& text : held_notes()) std::cerr << "note: " << text << "\n";
  held_notes().clear();
}

}  // namespace madx::apps
