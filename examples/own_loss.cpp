// Trains an adapter with a loss of one's own: sentences that follow each other in a text are drawn
// together, others apart (a contrastive loss over mean hidden states).
//
//   build/bin/own_loss .deps/demo_encoder examples/data/text/en.dev.txt adapters/close
#include <iostream>

#include "madx/io/new_directory.h"
#include "madx/madx.h"

int main(int argc, char** argv) try {
  if (argc != 4) throw madx::InputError("usage: own_loss ENCODER TEXT OUTPUT");
  madx::io::NewDirectory output(argv[3], madx::io::ExistingDirectory::kRefuse);
  auto loaded = madx::io::load_encoder(argv[1]);
  const auto& config = loaded.encoder->config();
  madx::AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  const auto set = adapters->add("close", madx::named_config("pfeiffer"));
  adapters->activate({"close"});

  std::vector<std::vector<int64_t>> lines;
  for (const auto& line : madx::read_utf8_lines(argv[2])) {
    auto ids = loaded.tokenizer->encode_sequence(line, /*max_length=*/32);
    if (ids.size() > 2) lines.push_back(std::move(ids));
  }
  if (lines.empty()) madx::input_error(argv[2], ": expected a line of text, but found none");
  constexpr int64_t kPairs = 4;
  const auto loss = [&](int64_t index) -> madx::LossTask::Loss {
    std::vector<std::vector<int64_t>> sentences;
    for (int64_t i = 0; i < 2 * kPairs; ++i)
      sentences.push_back(lines[static_cast<size_t>(index * 2 * kPairs + i) % lines.size()]);
    const auto batch = madx::pack(sentences);
    const auto hidden = loaded.encoder->forward(batch, *adapters);  // (rows, hidden)
    std::vector<at::Tensor> means;
    for (size_t s = 0; s + 1 < batch.offsets.size(); ++s)
      means.push_back(hidden.slice(0, batch.offsets[s], batch.offsets[s + 1]).mean(0));
    const auto x = torch::nn::functional::normalize(at::stack(means));  // (2 * pairs, hidden)
    const auto even = x.slice(0, 0, x.size(0), 2), odd = x.slice(0, 1, x.size(0), 2);
    const auto scores = at::matmul(even, odd.t()) / 0.05;  // (pairs, pairs): the diagonal is right
    return {torch::nn::functional::cross_entropy(scores, at::arange(kPairs)), batch.rows()};
  };
  madx::LossTask task(loaded.encoder, adapters, loss, set->named_tensors());
  madx::TrainerOptions options;
  options.steps = 20;
  madx::TrainingObserver silent;
  const auto result = madx::train(task, options, silent);
  std::cout << "loss " << result.loss << " after " << result.steps << " steps\n";
  madx::io::save_adapter(adapters, "close", madx::io::model_info(config), output.path());
  output.commit();
} catch (const std::exception& error) {
  std::cerr << "own_loss: " << error.what() << "\n";
  return 2;
}
