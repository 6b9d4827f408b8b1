// What a project that uses madx begins with: an encoder from a TorchScript file, an adapter, a
// sentence.
#include <madx/madx.h>

#include <iostream>

int main(int argc, char** argv) try {
  if (argc != 3) throw madx::InputError("usage: encode ENCODER SENTENCE");
  const torch::NoGradGuard no_grad;
  torch::manual_seed(1);
  auto loaded = madx::io::load_encoder(argv[1]);
  const auto& config = loaded.encoder->config();
  madx::AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  adapters->add("new", madx::named_config("pfeiffer"));
  adapters->eval();
  const auto plan = adapters->plan({"new"});

  const auto batch = madx::pack({loaded.tokenizer->encode_sequence(argv[2])});
  const auto hidden = loaded.encoder->forward(batch, *plan);  // (tokens, hidden)
  if (!hidden.isfinite().all().item<bool>() || hidden.abs().max().item<float>() == 0) {
    throw madx::MachineError("expected hidden states of finite numbers, but found others");
  }
  std::cout << hidden.size(0) << " tokens of " << hidden.size(1) << " numbers\n";
} catch (const madx::Error& error) {
  std::cerr << "encode: " << error.what() << "\n";
  return 2;
}
