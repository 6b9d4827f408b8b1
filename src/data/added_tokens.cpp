#include "added_tokens.h"

#include <algorithm>
#include <unordered_map>

#include "added_token_cuts.h"
#include "madx/core/error.h"

namespace madx {
namespace {

class TokenizerWithAddedTokens final : public Tokenizer {
 public:
  TokenizerWithAddedTokens(std::shared_ptr<const PlainTokenizer> plain,
                           std::vector<AddedToken> tokens, CutRules rules)
      : Tokenizer(plain->special()), plain_(std::move(plain)), cuts_(*plain_, tokens, rules) {
    vocab_size_ = plain_->vocab_size();
    for (auto& token : tokens) {
      vocab_size_ = std::max(vocab_size_, token.id + 1);
      contents_.emplace(token.id, std::move(token.content));
    }
  }

  std::vector<int64_t> encode(std::string_view text) const override { return cuts_.encode(text); }

  std::string decode(const std::vector<int64_t>& ids) const override {
    std::string text;
    std::vector<int64_t> run;  // of ids that the vocabulary has
    const auto append = [&](const std::string& part) {
      if (!text.empty() && !part.empty()) text += ' ';
      text += part;
    };
    const auto finish_run = [&] {
      append(plain_->decode(run));
      run.clear();
    };
    for (const int64_t id : ids) {
      if (const auto found = contents_.find(id); found != contents_.end()) {
        finish_run();
        append(found->second);
      } else if (id < 0 || id >= plain_->vocab_size()) {
        append(piece(id));
      } else {
        run.push_back(id);
      }
    }
    finish_run();
    return text;
  }

  std::string piece(int64_t id) const override {
    check_id(id);
    if (const auto found = contents_.find(id); found != contents_.end()) return found->second;
    return id < plain_->vocab_size() ? plain_->piece(id) : "";  // an id that no token has
  }

  int64_t vocab_size() const override { return vocab_size_; }

 private:
  std::shared_ptr<const PlainTokenizer> plain_;
  AddedTokenCuts cuts_;
  int64_t vocab_size_;
  std::unordered_map<int64_t, std::string> contents_;
};

}  // namespace

std::shared_ptr<const Tokenizer> with_added_tokens(std::shared_ptr<const PlainTokenizer> plain,
                                                   std::vector<AddedToken> tokens, CutRules rules,
                                                   const std::string& where) {
  const auto& special = plain->special();
  for (const int64_t id : {special.bos, special.eos, special.pad, special.unk, special.mask}) {
    const auto name = plain->piece(id);
    for (const auto& token : tokens) {
      if (token.content != name || token.id == id) continue;
      input_error(where, ": expected the special token ", name, " at id ", id,
                  ", its place in the vocabulary, but the added tokens have it at ", token.id,
                  "; use the files that belong to the encoder");
    }
  }
  const auto is_special = [&](const AddedToken& token) { return plain->is_special(token.id); };
  tokens.erase(std::remove_if(tokens.begin(), tokens.end(), is_special), tokens.end());
  if (tokens.empty()) return plain;
  return std::make_shared<TokenizerWithAddedTokens>(std::move(plain), std::move(tokens), rules);
}

}  // namespace madx
