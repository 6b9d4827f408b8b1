#include "added_token_cuts.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "basic_tokenizer.h"
#include "code_points.h"

namespace madx {
namespace {

/// What a regular expression's \w is in Rust.
bool is_word_character(UChar32 c) {
  return u_hasBinaryProperty(c, UCHAR_ALPHABETIC) || u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL) ||
         (U_GET_GC_MASK(c) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0;
}

bool ends_with_word(std::string_view text) {
  auto at = static_cast<int32_t>(text.size());
  UChar32 c = -1;
  if (at > 0) U8_PREV(text.data(), 0, at, c);
  return c >= 0 && is_word_character(c);
}

bool begins_with_word(std::string_view text) {
  int32_t at = 0;
  const auto size = static_cast<int32_t>(text.size());
  UChar32 c = -1;
  if (at < size) U8_NEXT(text.data(), at, size, c);
  return c >= 0 && is_word_character(c);
}

}  // namespace

AddedTokenCuts::Finder::Finder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  ByteTrie::Keys keys;
  for (const auto& token : tokens_) {
    const auto number = static_cast<int32_t>(keys.size());
    keys.emplace_back(token.content, number);
  }
  // What normalisation leaves nothing of is never found.
  const auto nothing = [](const auto& key) { return key.first.empty(); };
  keys.erase(std::remove_if(keys.begin(), keys.end(), nothing), keys.end());
  trie_ = ByteTrie(std::move(keys));
}

AddedTokenCuts::Finder::Match AddedTokenCuts::Finder::next(std::string_view text,
                                                           size_t from) const {
  for (size_t at = from; at < text.size() && !tokens_.empty(); ++at) {
    const auto match = trie_.longest(text.substr(at));
    if (match.length > 0)
      return {at, at + match.length, &tokens_[static_cast<size_t>(match.number)]};
  }
  return {text.npos, text.npos, nullptr};
}

const AddedToken* AddedTokenCuts::Finder::find(std::string_view text) const {
  const auto match = trie_.longest(text);
  const bool whole = match.length == text.size() && match.length > 0;
  return whole ? &tokens_[static_cast<size_t>(match.number)] : nullptr;
}

AddedTokenCuts::AddedTokenCuts(const PlainTokenizer& plain, const std::vector<AddedToken>& tokens,
                               CutRules rules)
    : plain_(plain), rules_(rules) {
  std::vector<AddedToken> raw, normalized, kept;
  for (auto token : tokens) {
    if (rules == CutRules::kFast) {
      if (token.normalized) token.content = plain.normalize(token.content);
      (token.normalized ? normalized : raw).push_back(std::move(token));
      continue;
    }
    if (token.named || (token.normalized && !token.special)) kept.push_back(token);
    raw.push_back(std::move(token));
  }
  raw_ = Finder(std::move(raw));
  normalized_ = Finder(std::move(normalized));
  kept_ = Finder(std::move(kept));
}

/// As transformers' Python tokenizers lower-case a text before they look for added tokens.
std::string AddedTokenCuts::lower_but_tokens(std::string_view text) const {
  std::string lower;
  for (size_t at = 0; at < text.size();) {
    const auto match = kept_.next(text, at);
    const size_t begin = std::min(match.begin, text.size()), end = std::min(match.end, text.size());
    lower += lower_characters(text.substr(at, begin - at));
    lower += text.substr(begin, end - begin);
    at = end;
  }
  return lower;
}

std::vector<int64_t> AddedTokenCuts::encode_slow(std::string_view text) const {
  const std::string lower = plain_.lower_cases() ? lower_but_tokens(text) : std::string();
  if (plain_.lower_cases()) text = lower;
  std::vector<std::string> parts;
  for (size_t at = 0; at < text.size();) {
    const auto match = raw_.next(text, at);
    const size_t begin = std::min(match.begin, text.size()), end = std::min(match.end, text.size());
    if (begin > at) parts.emplace_back(text.substr(at, begin - at));
    if (match.token) parts.emplace_back(text.substr(begin, end - begin));
    at = end;
  }

  // A token may take spaces from its neighbours, or go back into one of them as text.
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto* token = raw_.find(parts[i]);
    if (!token) continue;
    std::string* left = i > 0 && !parts[i - 1].empty() ? &parts[i - 1] : nullptr;
    std::string* right = i + 1 < parts.size() && !parts[i + 1].empty() ? &parts[i + 1] : nullptr;
    const bool word_before = left && left->back() != ' ',
               word_behind = right && right->front() != ' ';
    if (token->rstrip && right) right->erase(0, spaces_at_begin(*right));
    if (token->lstrip && left) left->resize(size_without_spaces_at_end(*left));
    if (!token->single_word || (!word_before && !word_behind)) continue;
    if (word_before) {
      *left += parts[i];
    } else {
      right->insert(0, parts[i]);
    }
    parts[i].clear();
  }

  std::vector<int64_t> ids;
  for (const auto& part : parts) {
    if (const auto* token = raw_.find(part)) {
      ids.push_back(token->id);
    } else {
      plain_.append_ids(plain_.normalize(part), /*first=*/true, ids);
    }
  }
  return ids;
}

std::vector<int64_t> AddedTokenCuts::encode_fast(std::string_view text) const {
  std::vector<int64_t> ids;
  // Calls visit(part, where it begins) for what lies between the tokens of a finder.
  const auto cut = [&](std::string_view whole, const Finder& finder, const auto& visit) {
    size_t done = 0;
    for (auto match = finder.next(whole, 0); match.token; match = finder.next(whole, match.end)) {
      const auto before = whole.substr(0, match.begin), behind = whole.substr(match.end);
      if (match.token->single_word && (ends_with_word(before) || begins_with_word(behind)))
        continue;
      size_t begin = match.begin, end = match.end;
      if (match.token->lstrip) begin = std::max(size_without_spaces_at_end(before), done);
      if (match.token->rstrip) end += spaces_at_begin(behind);
      if (done < begin) visit(whole.substr(done, begin - done), done);
      ids.push_back(match.token->id);
      done = end;
    }
    if (done < whole.size()) visit(whole.substr(done), done);
  };
  cut(text, raw_, [&](std::string_view part, size_t at) {
    cut(plain_.normalize(part), normalized_, [&](std::string_view normal, size_t inner) {
      plain_.append_ids(normal, /*first=*/at == 0 && inner == 0, ids);
    });
  });
  return ids;
}

}  // namespace madx
