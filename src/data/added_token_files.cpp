#include <map>
#include <set>

#include "added_tokens.h"
#include "core/json_text.h"
#include "madx/core/error.h"

namespace madx {
namespace {

class Collector {
 public:
  /// `place` says where the token stands.
  void add(const std::string& place, AddedToken token) {
    if (token.content.empty()) {
      input_error(place, ": expected a token that is not empty, but found \"\"; correct it");
    }
    const auto [known, fresh] = ids_.emplace(token.content, token.id);
    if (!fresh && known->second != token.id) {
      input_error(place, ": expected one id for '", token.content, "', but found ", known->second,
                  " and ", token.id, "; remove the one that does not belong to the encoder");
    }
    const auto other = tokens_.find(token.id);
    if (other != tokens_.end() && other->second.content != token.content) {
      input_error(place, ": expected one token with id ", token.id, ", but found '",
                  other->second.content, "' and '", token.content,
                  "'; remove the one that does not belong to the encoder");
    }
    tokens_.emplace(token.id, std::move(token));
  }

  std::vector<AddedToken> take(const std::set<std::string>& named) {
    std::vector<AddedToken> tokens;
    for (auto& [id, token] : tokens_) {
      token.named = named.count(token.content) > 0;
      tokens.push_back(std::move(token));
    }
    return tokens;
  }

 private:
  std::map<std::string, int64_t> ids_;
  std::map<int64_t, AddedToken> tokens_;
};

AddedToken read_token(const JsonPlace& json, int64_t id) {
  AddedToken token;
  token.id = id;
  token.content = json.at("content").text();
  token.special = json.flag("special", false);
  token.single_word = json.flag("single_word", false);
  token.lstrip = json.flag("lstrip", false);
  token.rstrip = json.flag("rstrip", false);
  token.normalized = json.flag("normalized", !token.special);
  return token;
}

/// What tokenizer_config.json names for a purpose.
std::set<std::string> named_tokens(const JsonPlace& config) {
  std::set<std::string> names;
  const auto add = [&](const JsonPlace& token) {
    names.insert(token.value().is_object() ? token.at("content").text() : token.text());
  };
  for (const char* key : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token",
                          "cls_token", "mask_token"}) {
    if (config.has(key)) add(config.at(key));
  }
  constexpr const char* kOthers = "additional_special_tokens";
  if (!config.has(kOthers)) return names;
  const auto others = config.at(kOthers);
  for (const auto& token : others.array()) add({others.place(), token});
  return names;
}

int64_t id_of_key(const JsonPlace& json, const std::string& key) {
  const bool digits =
      !key.empty() && key.size() < 10 && key.find_first_not_of("0123456789") == std::string::npos;
  if (!digits) {
    input_error(json.place(), ": expected ids as keys, but found \"", key,
                "\"; correct or copy it again");
  }
  return std::stoll(key);
}

}  // namespace

std::vector<AddedToken> read_added_tokens(const TokenizerFile& file, const std::string& where,
                                          const nlohmann::json& json) {
  Collector tokens;
  std::set<std::string> named;
  if (file.tokenizer_config) {
    const auto path = where + "/tokenizer_config.json";
    const auto value = parse_json(path, *file.tokenizer_config);
    const JsonPlace config(path, value);
    named = named_tokens(config);
    if (config.has("added_tokens_decoder")) {
      const auto decoder = config.at("added_tokens_decoder");
      for (const auto& [key, token] : decoder.object())
        tokens.add(path, read_token({decoder.place(), token}, id_of_key(decoder, key)));
    }
  }
  if (file.added_tokens) {
    const auto path = where + "/added_tokens.json";
    const auto value = parse_json(path, *file.added_tokens);
    const JsonPlace ids(path, value);
    for (const auto& [content, id] : ids.object()) {
      AddedToken token;
      token.id = JsonPlace(path + ": " + content, id).id();
      token.content = content;
      tokens.add(path, token);
    }
  }
  const std::string path = where + "/tokenizer.json";
  const JsonPlace whole(path, json);
  if (json.is_null() || !whole.has("added_tokens")) return tokens.take(named);
  const auto list = whole.at("added_tokens");
  for (const auto& value : list.array()) {
    const JsonPlace token(list.place(), value);
    tokens.add(path, read_token(token, token.at("id").id()));
  }
  return tokens.take(named);
}

}  // namespace madx
