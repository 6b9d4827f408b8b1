// Loads an encoder and an adapter, and prints the mean hidden state of each sentence.
//
//   build/bin/encode .deps/demo_encoder adapters/sw "Habari ya asubuhi" "Asante sana"
#include <iostream>

#include "madx/madx.h"

int main(int argc, char** argv) try {
  if (argc < 4) throw madx::InputError("usage: encode ENCODER ADAPTER SENTENCE...");
  const torch::NoGradGuard no_grad;
  auto loaded = madx::io::load_encoder(argv[1]);
  const auto& config = loaded.encoder->config();
  madx::AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  const auto name = madx::io::load_adapter(adapters, argv[2]);
  adapters->eval();
  const auto plan = adapters->plan({name});  // immutable: any number of threads may use it

  const auto max_length = config.max_length();
  std::vector<std::vector<int64_t>> sentences;
  for (int i = 3; i < argc; ++i)
    sentences.push_back(loaded.tokenizer->encode_sequence(argv[i], max_length));
  const auto batch = madx::pack(sentences);                   // rows end to end, no padding
  const auto hidden = loaded.encoder->forward(batch, *plan);  // (rows, hidden)
  for (size_t s = 0; s + 1 < batch.offsets.size(); ++s) {
    const auto rows = hidden.slice(0, batch.offsets[s], batch.offsets[s + 1]);
    std::cout << argv[3 + s] << ":";
    for (const auto i : {0, 1, 2, 3}) std::cout << " " << rows.mean(0)[i].item<float>();
    std::cout << " ...\n";
  }
} catch (const std::exception& error) {
  std::cerr << "encode: " << error.what() << "\n";
  return 2;
}
