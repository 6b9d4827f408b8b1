#include "apps/run/output_files.h"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>

namespace madx::apps {
namespace fs = std::filesystem;

bool holds_something(const std::string& path) {
  return fs::exists(path) && !(fs::is_directory(path) && fs::is_empty(path));
}

const std::vector<std::string>& trained_results() {
  static const std::vector<std::string> names = {
      // an adapter, a head
      "adapter_config.json", "pytorch_adapter.bin", "adapter.safetensors", "head_config.json",
      "pytorch_model_head.bin", "model_head.safetensors", "lm_head", "loss.svg",
      // zero-shot NER
      "task_adapter", "fusions", "finetuned",
      // an encoder with its tokenizer
      "config.json", "model.safetensors", "sentencepiece.bpe.model", "vocab.txt", "tokenizer.json",
      "tokenizer_config.json", "added_tokens.json"};
  return names;
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

bool names_by_place(const std::string& path) {
  const auto name = fs::path(path).filename();
  return name == "." || name == "..";
}

std::string renameable(const std::string& path) {
  const auto plain = without_slash(path);
  return names_by_place(plain) || fs::is_symlink(plain) ? fs::weakly_canonical(plain).string()
                                                        : plain;
}

std::set<std::string> names_in(const std::string& directory) {
  std::set<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored))
    names.insert(entry.path().filename());
  return names;
}

bool is_unfinished(const std::string& name) {
  const auto mark = name.rfind(".tmp");
  if (mark == std::string::npos || mark + 4 == name.size()) return false;
  return name.find_first_not_of("0123456789.", mark + 4) == std::string::npos;
}

bool is_mount_point(const std::string& directory) {
  struct stat inside = {};
  struct stat above = {};
  return stat(directory.c_str(), &inside) == 0 && stat((directory + "/..").c_str(), &above) == 0 &&
         (inside.st_dev != above.st_dev || inside.st_ino == above.st_ino);
}

void remove_unfinished(const std::string& directory) {
  std::error_code ignored;
  for (const auto& name : names_in(directory)) {
    if (is_unfinished(name)) fs::remove_all(directory + "/" + name, ignored);
  }
}

void put_back(const std::string& directory) {
  const std::string ending = ".old";
  std::error_code ignored;
  for (const auto& name : names_in(directory)) {
    if (fs::path(name).extension() != ending) continue;
    const auto temporary = name.substr(0, name.size() - ending.size());
    if (!is_unfinished(temporary)) continue;
    const auto target = directory + "/" + temporary.substr(0, temporary.rfind(".tmp"));
    const auto aside = directory + "/" + name;
    if (fs::exists(target)) {
      fs::remove_all(aside, ignored);
    } else {
      fs::rename(aside, target, ignored);
    }
  }
}

}  // namespace madx::apps
