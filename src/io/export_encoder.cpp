#include <torch/csrc/jit/serialization/export.h>
#include <torch/script.h>

#include <algorithm>
#include <map>

#include "encoder_weights.h"
#include "madx/core/plain_text.h"
#include "madx/io/encoder_files.h"
#include "madx/io/encoder_names.h"
#include "output_file.h"

namespace madx::io {
namespace {

/// A tree of TorchScript modules that grows as parameters with dotted names arrive.
class ModuleTree {
 public:
  explicit ModuleTree(const std::string& name)
      : unit_(std::make_shared<torch::jit::CompilationUnit>()),
        root_(c10::QualifiedName(name), unit_) {}

  /// Registers `tensor` under a name such as `encoder.layer.0.output.dense.weight`, making modules
  /// on the way.
  void add(const std::string& name, const at::Tensor& tensor) {
    const auto [parent, leaf] = split(name);
    at(parent).register_parameter(leaf, tensor.detach(), /*is_buffer=*/false);
  }

  /// The module at a dotted path, made where it is missing; "" is the root.
  torch::jit::Module& at(const std::string& path) {
    if (path.empty()) return root_;
    const auto found = modules_.find(path);
    if (found != modules_.end()) return found->second;
    auto type = path;
    std::replace(type.begin(), type.end(), '.', '_');
    torch::jit::Module module(c10::QualifiedName("madx." + type), unit_);
    const auto [parent, leaf] = split(path);
    at(parent).register_module(leaf, module);
    return modules_.emplace(path, module).first->second;
  }

 private:
  static std::pair<std::string, std::string> split(const std::string& path) {
    const auto dot = path.rfind('.');
    return dot == std::string::npos ? std::make_pair(std::string(), path)
                                    : std::make_pair(path.substr(0, dot), path.substr(dot + 1));
  }

  std::shared_ptr<torch::jit::CompilationUnit> unit_;
  torch::jit::Module root_;
  std::map<std::string, torch::jit::Module> modules_;  // handles: copies share their module
};

/// The layer's equations in TorchScript, over this module's own parameters.
std::string layer_source(const EncoderConfig& config) {
  auto source = plain_stream();
  const auto heads = config.num_attention_heads, width = config.hidden_size / heads,
             hidden = config.hidden_size;
  source << R"(
def split(self, x: Tensor) -> Tensor:
    return x.view(x.size(0), x.size(1), )"
         << heads << ", " << width << R"().transpose(1, 2)

def forward(self, x: Tensor, bias: Tensor) -> Tensor:
    s = getattr(self.attention, "self")
    q = self.split(torch.linear(x, s.query.weight, s.query.bias))
    k = self.split(torch.linear(x, s.key.weight, s.key.bias))
    v = self.split(torch.linear(x, s.value.weight, s.value.bias))
    w = torch.softmax(torch.matmul(q, k.transpose(2, 3)) / )"
         << width << R"(.0 ** 0.5 + bias, -1)
    y = torch.matmul(w, v).transpose(1, 2).reshape(x.size(0), x.size(1), )"
         << hidden << R"()
    o = self.attention.output
    a = torch.layer_norm(torch.linear(y, o.dense.weight, o.dense.bias) + x, [)"
         << hidden << "], o.LayerNorm.weight, o.LayerNorm.bias, " << config.layer_norm_eps << R"()
    h = torch.gelu(torch.linear(a, self.intermediate.dense.weight, self.intermediate.dense.bias))
    p = self.output
    return torch.layer_norm(torch.linear(h, p.dense.weight, p.dense.bias) + a, [)"
         << hidden << "], p.LayerNorm.weight, p.LayerNorm.bias, " << config.layer_norm_eps << ")\n";
  return source.str();
}

std::string encoder_source(const EncoderConfig& config) {
  auto source = plain_stream();
  source << R"(
def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    e = self.embeddings
)";
  if (config.first_position() == 0) {
    source << "    positions = torch.arange(input_ids.size(1), device=input_ids.device)\n";
  } else {
    source << "    real = (input_ids != " << config.pad_token_id << ").to(4)\n"
           << "    positions = torch.cumsum(real, 1) * real + " << config.pad_token_id << "\n";
  }
  source << R"(    x = torch.embedding(e.word_embeddings.weight, input_ids)
    x = x + torch.embedding(e.position_embeddings.weight, positions) + e.token_type_embeddings.weight[0]
    x = torch.layer_norm(x, [)"
         << config.hidden_size << "], e.LayerNorm.weight, e.LayerNorm.bias, "
         << config.layer_norm_eps << R"()
    bias = (1.0 - attention_mask.to(x.dtype)).unsqueeze(1).unsqueeze(1) * -1e9
)";
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    source << "    x = getattr(self.encoder.layer, \"" << layer << "\").forward(x, bias)\n";
  }
  source << "    return x\n";
  return source.str();
}

void write_archive(const std::string& directory, bool weights_only, OutputFile& file) {
  const auto parts = open_encoder(directory, weights_only);
  const auto tokenizer = read_tokenizer_file(parts);
  make_tokenizer(parts, directory);                          // refuses a damaged one
  import_encoder(parts.config, parts.weights, parts.where);  // refuses missing or misshapen weights
  ModuleTree tree("madx.Encoder");
  for (const auto& item : parts.weights) tree.add(item.key(), item.value());
  for (int64_t layer = 0; layer < parts.config.num_hidden_layers; ++layer) {
    tree.at("encoder.layer." + std::to_string(layer)).define(layer_source(parts.config));
  }
  auto& module = tree.at("");
  module.define(encoder_source(parts.config));
  module.eval();
  torch::jit::ExtraFilesMap extra_files = {{"config.json", parts.config_json}};
  for (const auto& [name, bytes] : tokenizer.all()) extra_files[name] = bytes;
  // LibTorch's own file writer ends the process where the disk is full: its destructor throws.
  const auto write = [&](const void* data, size_t size) {
    file.write(data, size);
    return size;
  };
  torch::jit::ExportModule(module, write, extra_files);
}

}  // namespace

LoadedEncoder export_encoder(const std::string& directory, const std::string& path,
                             bool weights_only) {
  OutputFile file(path);  // refuses a path that cannot be written before any work
  write_archive(directory, weights_only, file);
  auto parts = open_encoder(file.finish());
  parts.where = path;
  auto loaded = load_parts(std::move(parts), path);  // refuses one that differs
  file.commit();
  return loaded;
}

}  // namespace madx::io
