// Writes AdapterHub directories anew: in the other format (torch.save or safetensors), under
// another name, without some layers, in today's form, or averaged. An adapter (with its head, where
// it has one), a head, an AdapterFusion or a whole setup.
//
//   build/bin/convert_adapter --from sw_legacy --to sw --format safetensors
//   build/bin/convert_adapter --from adapters/en adapters/sw --weight 1 3 --name en_sw --to en_sw
//
// Python's adapters loads what --format bin (the default) writes by its default calls.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "apps/command_line/command_line.h"
#include "apps/command_line/program.h"
#include "madx/io/adapter_setup.h"
#include "madx/io/average_adapters.h"
#include "madx/io/new_directory.h"
#include "madx/madx.h"

namespace {

namespace fs = std::filesystem;
namespace io = madx::io;

struct Flags {
  std::vector<std::string> from;
  std::string to, name;
  std::vector<double> weights;
  bool raw_weights = false;
  std::vector<int64_t> leave_out;
  io::TensorFormat format = io::TensorFormat::kTorch;
};

Flags parse(int argc, char** argv) {
  CLI::App app(
      "Rewrites an AdapterHub directory (adapter, head, fusion or setup): other format, new name, "
      "layers left out, today's form; or averages adapters");
  Flags flags;
  std::string format = "bin", leave_out;
  app.add_option("--from", flags.from,
                 "Directory to read; of several adapters the average is written, without heads")
      ->required();
  app.add_option("--to", flags.to, "Directory to write")->required();
  app.add_option("--format", format,
                 "bin (torch.save, which Python loads by default) or safetensors")
      ->capture_default_str();
  app.add_option("--name", flags.name, "New name of the adapter, head or fusion");
  app.add_option("--weight", flags.weights,
                 "Weight of each adapter in the average (default: equal weights)");
  app.add_flag("--raw-weights", flags.raw_weights,
               "Use the weights as given, without dividing them by their sum");
  app.add_option("--leave-out", leave_out, "Layers whose adapters are left out, e.g. 11");
  madx::apps::parse_command_line(app, argc, argv);
  if (format != "bin" && format != "safetensors") {
    madx::input_error("--format: expected bin or safetensors, but found \"", format, "\"");
  }
  if (format == "safetensors") flags.format = io::TensorFormat::kSafetensors;
  flags.leave_out = madx::apps::parse_layers("--leave-out", leave_out);
  for (const std::string flag : {"--weight", "--raw-weights"}) {
    if (flags.from.size() == 1 && app.count(flag) > 0) {
      madx::input_error(flag, ": expected several adapters in --from, but found one; leave ", flag,
                        " out");
    }
  }
  if (flags.raw_weights && flags.weights.empty()) {
    madx::input_error(
        "--raw-weights: expected --weight beside it, but found none; give one, or leave it out");
  }
  return flags;
}

bool has(const std::string& directory, const char* file) {
  std::error_code ignored;
  return fs::exists(fs::path(directory) / file, ignored);
}

/// Today's name of the model's class, for those of AdapterHub's first versions and for Hugging
/// Face's own: heads of other classes load under `load_as` alone.
void bring_up_to_date(io::ModelInfo& model) {
  madx::EncoderConfig encoder;
  encoder.model_type = model.model_type;
  model.model_class = io::model_info(encoder).model_class;
}

void write_head(const Flags& flags, const std::string& from, const std::string& to,
                const std::string& name) {
  auto head = io::read_head(from);
  if (!name.empty()) head.name = name;
  if (head.name.empty()) {
    madx::input_error(from, ": expected a head with a name, but found one of Hugging Face's own, ",
                      "which has none; give it one by --name");
  }
  bring_up_to_date(head.model);
  io::write_head(to, head, flags.format);
}

/// Throws InputError for a layer of --leave-out in which the adapter has nothing.
void check_leave_out(const Flags& flags, const io::AdapterDirectory& adapter) {
  for (const auto layer : flags.leave_out) {
    const auto prefix = "encoder.layer." + std::to_string(layer) + ".";
    const bool is_there = std::any_of(
        adapter.tensors.begin(), adapter.tensors.end(),
        [&](const auto& item) { return item.key().compare(0, prefix.size(), prefix) == 0; });
    if (is_there || adapter.config.leaves_out(layer)) continue;
    madx::input_error("--leave-out: expected layers in which \"", adapter.name,
                      "\" has adapters, but found ", layer, "; leave it out");
  }
}

/// An adapter, and the head that lies in its directory. A head of the adapter's name keeps to it.
void write_adapter(const Flags& flags, io::AdapterDirectory adapter, const std::string& from,
                   const std::string& to) {
  const auto old_name = adapter.name;
  check_leave_out(flags, adapter);
  if (!flags.name.empty()) adapter.name = flags.name;
  io::leave_out_layers(adapter, flags.leave_out);
  bring_up_to_date(adapter.model);
  io::write_adapter(to, adapter, flags.format);
  if (from.empty() || !io::has_head(from)) return;
  const auto head_name = io::read_head(from).name;
  write_head(flags, from, to,
             head_name == old_name || head_name.empty() ? adapter.name : head_name);
}

void write_average(const Flags& flags, const std::string& to) {
  std::vector<io::AdapterDirectory> adapters;
  for (const auto& directory : flags.from) adapters.push_back(io::read_adapter(directory));
  write_adapter(flags, io::average_adapters(adapters, {flags.weights, !flags.raw_weights}),
                /*from=*/"", to);
}

void write_fusion(const Flags& flags, const std::string& from, const std::string& to) {
  auto fusion = io::read_fusion(from);
  if (!flags.name.empty()) fusion.name = flags.name;
  bring_up_to_date(fusion.model);
  io::write_fusion(to, fusion, flags.format);
}

void write_setup(const Flags& flags, const std::string& from, const std::string& to) {
  if (!flags.name.empty()) {
    madx::input_error("--name: expected an adapter, head or fusion in --from, but found a setup, ",
                      "which has no name; leave it out");
  }
  if (io::has_head(from)) {
    madx::input_error(from,
                      ": expected a setup whose heads have names, but found a head of Hugging ",
                      "Face's own beside adapter_setup.json; convert it alone, with --name");
  }
  const auto setup = io::read_adapter_setup(from);
  const auto parts = io::parts_of(setup);
  const auto part = [&](const std::string& name, auto write) {
    fs::create_directory(to + "/" + name);
    write(from + "/" + name, to + "/" + name);
  };
  for (const auto& name : parts.adapters) {
    part(name, [&](const auto& in, const auto& out) {
      write_adapter(flags, io::read_adapter(in), in, out);
    });
  }
  for (const auto& fusion : parts.fusions) {
    part(madx::fusion_name(fusion),
         [&](const auto& in, const auto& out) { write_fusion(flags, in, out); });
  }
  for (const auto& name : parts.heads) {
    part(name, [&](const auto& in, const auto& out) { write_head(flags, in, out, ""); });
  }
  io::write_adapter_setup(to, setup);
}

/// Writes what `from` holds, and returns what to call it.
std::string convert(const Flags& flags, const std::string& from, const std::string& to) {
  if (io::has_adapter_setup(from)) return write_setup(flags, from, to), "setup";
  if (has(from, "adapter_config.json")) {
    return write_adapter(flags, io::read_adapter(from), from, to), "adapter";
  }
  const bool is_fusion = has(from, "adapter_fusion_config.json");
  if (!flags.leave_out.empty() && (is_fusion || io::has_head(from))) {
    madx::input_error("--leave-out: expected an adapter or setup in --from, but found a ",
                      is_fusion ? "fusion" : "head", ", which has no adapters; leave it out");
  }
  if (is_fusion) return write_fusion(flags, from, to), "fusion";
  if (io::has_head(from)) return write_head(flags, from, to, flags.name), "head";
  const auto what = io::describe_directory(from);
  madx::input_error(from, ": expected a directory with adapter_config.json, head_config.json, ",
                    "adapter_fusion_config.json or adapter_setup.json, but found ",
                    what.empty() ? "none of them" : what, "; check the path");
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program("convert_adapter", [&] {
    const auto flags = parse(argc, argv);
    io::NewDirectory output(flags.to, io::ExistingDirectory::kRefuse);
    std::string what;
    if (flags.from.size() == 1) {
      what = convert(flags, flags.from.front(), output.path());
    } else {
      write_average(flags, output.path());
      what = "average of " + std::to_string(flags.from.size()) + " adapters, without heads";
    }
    output.commit();
    std::cout << "wrote " << flags.to << ": " << what << "\n";
  });
}
