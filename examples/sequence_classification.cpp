// Trains a task adapter and AdapterHub's classification head on lines "LABEL<tab>TEXT".
//
//   build/bin/sequence_classification .deps/demo_encoder train.tsv tasks/topic
#include <iostream>

#include "madx/io/new_directory.h"
#include "madx/madx.h"

int main(int argc, char** argv) try {
  if (argc != 4) throw madx::InputError("usage: sequence_classification ENCODER TRAIN OUTPUT");
  madx::io::NewDirectory output(argv[3], madx::io::ExistingDirectory::kRefuse);
  auto loaded = madx::io::load_encoder(argv[1]);
  const auto& config = loaded.encoder->config();
  std::vector<std::vector<int64_t>> texts;
  std::vector<int64_t> targets;
  std::vector<std::string> labels;
  for (const auto& line : madx::read_utf8_lines(argv[2])) {
    const auto tab = line.find('\t'), number = texts.size() + 1;
    if (tab == std::string::npos)
      madx::input_error(argv[2], ":", number, ": expected LABEL<tab>TEXT, but found no tab");
    texts.push_back(loaded.tokenizer->encode_sequence(line.substr(tab + 1), /*max_length=*/128));
    const auto found = std::find(labels.begin(), labels.end(), line.substr(0, tab));
    targets.push_back(found - labels.begin());
    if (found == labels.end()) labels.push_back(line.substr(0, tab));
  }
  if (texts.empty()) madx::input_error(argv[2], ": expected LABEL<tab>TEXT, but found no line");
  madx::AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  const auto set = adapters->add("topic", madx::named_config("pfeiffer"));
  adapters->activate({"topic"});
  madx::ClassificationHead head(madx::ClassificationHeadOptions(config.hidden_size, labels));
  const auto all = at::tensor(targets);
  const auto batch = madx::read_first_tokens(madx::pack(texts));  // small enough for one batch
  const auto logits = [&] { return head->forward(loaded.encoder->forward(batch, *adapters)); };
  madx::LossTask task(
      loaded.encoder, adapters,
      [&](int64_t) -> madx::LossTask::Loss {
        return {head->loss(loaded.encoder->forward(batch, *adapters), all), batch.rows()};
      },
      madx::tensors_of({{"topic", set.ptr()}, {"head", head.ptr()}}), {},
      [&](bool on) { head->train(on); });
  madx::TrainerOptions options;
  options.steps = 200;
  options.lr = 1e-3;
  madx::TrainingObserver silent;
  madx::train(task, options, silent);
  const auto right = logits().argmax(1).eq(all).sum().item<int64_t>();
  std::cout << right << " of " << all.numel() << " right\n";
  madx::io::save_classification_head(head, "topic", madx::io::model_info(config), output.path());
  madx::io::save_adapter(adapters, "topic", madx::io::model_info(config), output.path());
  output.commit();
} catch (const std::exception& error) {
  std::cerr << "sequence_classification: " << error.what() << "\n";
  return 2;
}
