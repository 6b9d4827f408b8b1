// Trains a task adapter and head for plain tags (parts of speech), and prints the accuracy.
//
//   build/bin/pos_tagging .deps/demo_encoder train.conll dev.conll tasks/pos
//
// CoNLL: the token in the first column (of CoNLL-U the second), the tag in the last one.
#include <iostream>

#include "madx/io/new_directory.h"
#include "madx/madx.h"

int main(int argc, char** argv) try {
  if (argc != 5) throw madx::InputError("usage: pos_tagging ENCODER TRAIN DEV OUTPUT");
  madx::io::NewDirectory output(argv[4], madx::io::ExistingDirectory::kRefuse);
  auto loaded = madx::io::load_encoder(argv[1]);
  const auto& config = loaded.encoder->config();
  const auto read = [](const char* path) {
    return madx::read_conll_file(path, {}, madx::TagScheme::kPlain).sentences;
  };
  const auto train = read(argv[2]), dev = read(argv[3]);
  madx::AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  const auto set = adapters->add("pos", madx::named_config("pfeiffer"));
  adapters->activate({"pos"});
  madx::TaggingHead head(madx::TaggingHeadOptions(config.hidden_size, madx::plain_labels(train)));

  madx::TaggingTask::Options task_options;
  task_options.scheme = madx::TagScheme::kPlain;
  auto trained = madx::tensors_of({{"pos", set.ptr()}, {"head", head.ptr()}});
  madx::TaggingTask task(loaded.encoder, adapters, head, loaded.tokenizer, train, dev, task_options,
                         trained);
  madx::TrainerOptions options;
  options.steps = 10 * task.epoch_size();
  options.lr = 1e-3;
  madx::TrainingObserver silent;
  const auto result = madx::train(task, options, silent);
  std::cout << "accuracy " << result.best_score.value_or(0) << " after " << result.steps
            << " steps\n";
  const auto model = madx::io::model_info(config);
  madx::io::save_adapter(adapters, "pos", model, output.path());
  madx::io::save_tagging_head(head, "pos", model, output.path());
  output.commit();
} catch (const std::exception& error) {
  std::cerr << "pos_tagging: " << error.what() << "\n";
  return 2;
}
