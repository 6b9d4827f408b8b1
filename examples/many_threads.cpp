// One encoder and one bank answer in many languages at once: each thread has a plan of its own.
//
//   build/bin/many_threads .deps/demo_encoder adapters/en adapters/sw adapters/fi
#include <future>
#include <iostream>

#include "madx/madx.h"

int main(int argc, char** argv) try {
  if (argc < 3) throw madx::InputError("usage: many_threads ENCODER ADAPTER...");
  auto loaded = madx::io::load_encoder(argv[1]);
  const auto& config = loaded.encoder->config();
  madx::AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  std::vector<std::string> names;
  for (int i = 2; i < argc; ++i)
    names.push_back(madx::io::load_adapter(adapters, argv[i], "adapter" + std::to_string(i - 1)));
  loaded.encoder->eval();
  adapters->eval();

  const auto batch = madx::pack({loaded.tokenizer->encode_sequence("Hello"),
                                 loaded.tokenizer->encode_sequence("Good night")});
  std::vector<std::future<at::Tensor>> answers;
  for (const auto& name : names) {
    const auto plan = adapters->plan({name});  // microseconds: pointers alone
    answers.push_back(std::async(std::launch::async, [&batch, &loaded, plan] {
      const torch::NoGradGuard no_grad;  // is a thread's own
      return loaded.encoder->forward(batch, *plan);
    }));
  }
  for (size_t i = 0; i < names.size(); ++i) {
    const auto hidden = answers[i].get();
    std::cout << names[i] << ": norm " << hidden.norm().item<float>() << "\n";
  }
} catch (const std::exception& error) {
  std::cerr << "many_threads: " << error.what() << "\n";
  return 2;
}
