#include "tokenizer_json.h"

#include <algorithm>
#include <cmath>

#include "fast_unigram_tokenizer.h"
#include "madx/core/error.h"
#include "unigram.h"
#include "wordpiece_tokenizer.h"

namespace madx {
namespace {

constexpr const char* kOtherModel = "use an encoder of XLM-R's or BERT's kind";

/// The steps of a normalizer or pre_tokenizer, which may be a Sequence of others under `parts`.
std::vector<JsonPlace> steps_of(const JsonPlace& step, const std::string& parts) {
  if (step.value().is_null()) return {};
  if (step.text("type", "") != "Sequence") return {step};
  std::vector<JsonPlace> steps;
  const auto list = step.at(parts);
  for (const auto& value : list.array()) {
    const auto inner = steps_of({list.place(), value}, parts);
    steps.insert(steps.end(), inner.begin(), inner.end());
  }
  return steps;
}

FastNormalizer::Step read_replace(const JsonPlace& step) {
  const auto pattern = step.at("pattern");
  const auto by = step.at("content").text();
  if (pattern.has("Regex")) {
    const auto regex = pattern.at("Regex");
    if (regex.text() != " {2,}") regex.refuse("the pattern \" {2,}\"", "no other is computed here");
    return replace_runs_of_spaces(by);
  }
  const auto string = pattern.at("String");
  if (string.text().empty()) string.refuse("a pattern that is not empty");
  return replace(string.text(), by);
}

FastNormalizer read_normalizer(const JsonPlace& file, const std::string& path) {
  FastNormalizer normalizer;
  for (const auto& step : steps_of(file.at("normalizer"), "normalizers")) {
    const auto type = step.at("type");
    const auto name = type.text();
    if (name == "Precompiled") {
      const auto table = step.at("precompiled_charsmap");
      if (!table.value().is_null() && !table.text().empty())
        normalizer.add(replace_by_table({path, base64_bytes(table)}));
    } else if (name == "Strip") {
      normalizer.add(strip(step.flag("strip_left", true), step.flag("strip_right", true)));
    } else if (name == "Replace") {
      normalizer.add(read_replace(step));
    } else if (auto form = normal_form(name)) {
      normalizer.add(std::move(form));
    } else {
      type.refuse("Precompiled, Strip, Replace, NFC, NFD, NFKC or NFKD beside a Unigram model",
                  "no other is computed here");
    }
  }
  return normalizer;
}

FastUnigramModel::Prefix read_prefix(const JsonPlace& metaspace) {
  using Prefix = FastUnigramModel::Prefix;
  if (!metaspace.flag("add_prefix_space", true)) return Prefix::kNever;
  const auto scheme = metaspace.text("prepend_scheme", "always");
  if (scheme == "always") return Prefix::kAlways;
  if (scheme == "first") return Prefix::kFirst;
  if (scheme != "never") metaspace.at("prepend_scheme").refuse("always, first or never");
  return Prefix::kNever;
}

/// Refuses what takes characters away at the beginning of a text, whose first word is then none.
void check_first_word(const JsonPlace& file) {
  for (const auto& step : steps_of(file.at("normalizer"), "normalizers")) {
    const auto type = step.at("type").text();
    if ((type == "Strip" && step.flag("strip_left", true)) ||
        (type == "Replace" && step.at("content").text().empty())) {
      step.refuse("no step that takes away where a text begins, beside prepend_scheme first",
                  "no other is computed here");
    }
  }
}

void read_pre_tokenizer(const JsonPlace& file, FastUnigramModel& model) {
  const auto whole = file.at("pre_tokenizer");
  const auto steps = steps_of(whole, "pretokenizers");
  const auto is = [&](size_t i, const char* name) { return steps[i].text("type", "") == name; };
  model.splits_at_spaces = steps.size() == 2 && is(0, "WhitespaceSplit");
  if (steps.empty() || !is(steps.size() - 1, "Metaspace") ||
      steps.size() != (model.splits_at_spaces ? 2 : 1)) {
    whole.refuse("Metaspace, or WhitespaceSplit and Metaspace, beside a Unigram model",
                 "no other is computed here");
  }
  const auto mark = steps.back().at("replacement");
  if (mark.text() != kWordMark) mark.refuse("\"\u2581\"", "no other is computed here");
  model.prefix = read_prefix(steps.back());
  if (!steps.back().flag("split", true)) model.words = Unigram::Words::kJoined;
  if (model.prefix == FastUnigramModel::Prefix::kFirst) check_first_word(file);
}

/// Refuses what puts other tokens around a text than the first and the last special one.
void check_post_processor(const JsonPlace& file, const std::string& bos, const std::string& eos) {
  const auto post = file.at("post_processor");
  if (post.value().is_null()) return;
  const auto type = post.at("type").text();
  const auto first_of_pair = [&](const char* key) {
    const auto pair = post.at(key);
    return pair.array().empty() ? std::string() : JsonPlace(pair.place(), pair.array()[0]).text();
  };
  bool usual = false;
  if (type == "TemplateProcessing") {
    const auto single = post.at("single");
    const auto id_at = [&](size_t i, const char* kind) {
      const JsonPlace part(single.place(), single.array()[i]);
      return part.has(kind) ? part.at(kind).text("id", "") : std::string();
    };
    usual = single.array().size() == 3 && id_at(0, "SpecialToken") == bos &&
            id_at(1, "Sequence") == "A" && id_at(2, "SpecialToken") == eos;
  } else if (type == "RobertaProcessing" || type == "BertProcessing") {
    usual = first_of_pair("cls") == bos && first_of_pair("sep") == eos;
  }
  if (!usual) post.refuse(bos + " before a text and " + eos + " behind it", kOtherModel);
}

/// The id of a special token among the pieces, or among added_tokens right behind them.
int64_t find_special(const JsonPlace& file, std::vector<UnigramPiece>& pieces, const char* name) {
  for (size_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id].text != name) continue;
    pieces[id].kind = UnigramPiece::kControl;  // not found in text
    return static_cast<int64_t>(id);
  }
  const auto added = file.at("added_tokens");
  if (!added.value().is_null()) {
    for (const auto& value : added.array()) {
      const JsonPlace token(added.place(), value);
      if (token.text("content", "") != name) continue;
      if (token.at("id").id() != static_cast<int64_t>(pieces.size())) continue;
      pieces.push_back({name, 0, UnigramPiece::kControl});
      return token.at("id").id();
    }
  }
  input_error(file.place(), ": expected the piece ", name, ", but found none among ", pieces.size(),
              "; use the file that belongs to the encoder");
}

std::shared_ptr<const PlainTokenizer> read_unigram(const JsonPlace& file, const std::string& path) {
  const auto json = file.at("model");
  if (json.flag("byte_fallback", false))
    json.at("byte_fallback").refuse("false", "no bytes are computed here");
  FastUnigramModel model;
  const auto vocab = json.at("vocab");
  for (const auto& value : vocab.array()) {
    const JsonPlace entry(vocab.place(), value);
    const bool pair = entry.array().size() == 2 && value[0].is_string() && value[1].is_number();
    if (!pair || value[0].get_ref<const std::string&>().empty() ||
        !(std::abs(value[1].get<double>()) <= 1e9)) {
      entry.refuse("a piece that is not empty and its score, a number up to 1e9");
    }
    const auto score = value[1].get<double>();
    model.lowest_score = model.pieces.empty() ? score : std::min(model.lowest_score, score);
    model.pieces.push_back({value[0].get<std::string>(), score, UnigramPiece::kNormal});
  }
  const auto unk = json.at("unk_id");
  if (unk.id() >= static_cast<int64_t>(model.pieces.size()))
    unk.refuse("an id below " + std::to_string(model.pieces.size()));
  const auto find = [&](const char* name) { return find_special(file, model.pieces, name); };
  model.special = {find("<s>"), find("</s>"), find("<pad>"), unk.id(), find("<mask>")};
  model.pieces[static_cast<size_t>(unk.id())].kind = UnigramPiece::kUnknown;
  check_post_processor(file, "<s>", "</s>");
  model.normalizer = read_normalizer(file, path);
  read_pre_tokenizer(file, model);
  return make_fast_unigram_tokenizer(std::move(model), path);
}

std::vector<std::string> read_word_pieces(const JsonPlace& vocab) {
  const auto count = vocab.object().size();
  std::vector<std::string> pieces(count);
  std::vector<bool> found(count);
  for (const auto& [piece, value] : vocab.object()) {
    const JsonPlace id(vocab.place(), value);
    const auto place = static_cast<size_t>(id.id());
    if (place >= count || found[place])
      id.refuse("ids from 0 to " + std::to_string(count - 1) + ", each once");
    found[place] = true;
    pieces[place] = piece;
  }
  return pieces;
}

std::shared_ptr<const PlainTokenizer> read_wordpiece(const JsonPlace& file,
                                                     const std::string& path) {
  const auto model = file.at("model");
  const auto expect = [](const JsonPlace& place, const std::string& value) {
    if (place.value() != value) place.refuse("\"" + value + "\"", "no other is computed here");
  };
  expect(model.at("unk_token"), "[UNK]");
  expect(model.at("continuing_subword_prefix"), "##");
  const auto normalizer = file.at("normalizer"), words = file.at("pre_tokenizer");
  if (normalizer.value().is_null()) normalizer.refuse("BertNormalizer beside a WordPiece model");
  if (words.value().is_null()) words.refuse("BertPreTokenizer beside a WordPiece model");
  expect(normalizer.at("type"), "BertNormalizer");
  expect(words.at("type"), "BertPreTokenizer");
  if (!normalizer.flag("clean_text", true))
    normalizer.at("clean_text").refuse("true", "no other is computed here");
  check_post_processor(file, "[CLS]", "[SEP]");

  WordPieceOptions options;
  if (model.has("max_input_chars_per_word"))
    options.max_word_length = static_cast<size_t>(model.at("max_input_chars_per_word").id());
  options.basic.fast = true;
  options.basic.lower_case = normalizer.flag("lowercase", true);
  options.basic.strip_accents = normalizer.flag("strip_accents", options.basic.lower_case);
  options.basic.split_chinese_characters = normalizer.flag("handle_chinese_chars", true);
  return make_wordpiece_tokenizer(read_word_pieces(model.at("vocab")), options, path);
}

}  // namespace

std::string base64_bytes(const JsonPlace& text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint8_t value_of[256];
  std::fill(std::begin(value_of), std::end(value_of), uint8_t{64});
  for (size_t i = 0; i < kDigits.size(); ++i)
    value_of[static_cast<unsigned char>(kDigits[i])] = static_cast<uint8_t>(i);
  auto digits = text.text();
  while (!digits.empty() && digits.back() == '=') digits.pop_back();
  std::string bytes;
  uint32_t bits = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    const uint8_t value = value_of[static_cast<unsigned char>(digits[i])];
    if (value == 64) text.refuse("base 64");
    bits = bits << 6 | value;
    // After 2, 3 and 4 digits of each four a byte is whole.
    if (i % 4 != 0) bytes += static_cast<char>(bits >> (6 - 2 * (i % 4)));
  }
  return bytes;
}

std::shared_ptr<const PlainTokenizer> make_json_tokenizer(const JsonPlace& file,
                                                          const std::string& path) {
  const auto model = file.at("model");
  if (model.value().is_null()) model.refuse("a model", kOtherModel);
  const auto type = model.text("type", "");
  if (type == "Unigram") return read_unigram(file, path);
  if (type == "WordPiece") return read_wordpiece(file, path);
  model.at("type").refuse("Unigram (XLM-R) or WordPiece (BERT)", kOtherModel);
}

}  // namespace madx
