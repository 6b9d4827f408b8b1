// Compositions as text: printing and parsing.
#include <algorithm>
#include <array>
#include <charconv>

#include "adapters/composition_blocks.h"
#include "madx/core/error.h"

namespace madx {
namespace {

using Kind = Composition::Kind;

/// Whether a name may stand without quotes.
bool is_plain(char c) {
  return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
         std::string("_-.+/@").find(c) != std::string::npos || static_cast<unsigned char>(c) > 127;
}

std::string quoted(const std::string& name) {
  if (!name.empty() && std::all_of(name.begin(), name.end(), is_plain)) return name;
  const char quote = name.find('"') == std::string::npos ? '"' : '\'';
  return quote + name + quote;
}

std::string number(double value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
  return std::string(digits.begin(), end);
}

template <class Values, class Print>
std::string list(const Values& values, Print&& print) {
  std::string text = "[";
  for (const auto& value : values) text += (text.size() > 1 ? "," : "") + print(value);
  return text + "]";
}

}  // namespace

std::string to_string(const Composition& composition) {
  if (composition.kind == Kind::kName) return quoted(composition.name);
  std::vector<std::string> parts;
  for (const auto& child : composition.children) parts.push_back(to_string(child));
  if (composition.kind == Kind::kFuse && !composition.name.empty())
    parts.push_back("name=" + quoted(composition.name));
  if (composition.kind == Kind::kBatchSplit) {
    parts.push_back("batch_sizes=" + list(composition.batch_sizes,
                                          [](int64_t size) { return std::to_string(size); }));
  }
  if (composition.kind == Kind::kAverage) {
    if (!composition.weights.empty())
      parts.push_back("weights=" + list(composition.weights, number));
    if (!composition.normalize_weights) parts.emplace_back("normalize_weights=false");
    if (composition.adapterhub) parts.emplace_back("adapterhub=true");
  }
  auto text = name_of(composition.kind) + "(";
  for (size_t i = 0; i < parts.size(); ++i) text += (i == 0 ? "" : ", ") + parts[i];
  return text + ")";
}

namespace {

/// Recursive descent over an expression.
class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) {}

  Composition whole() {
    auto first = item(/*depth=*/0);
    if (at_end()) return first;
    std::vector<Composition> members{std::move(first)};
    while (accept(',')) members.push_back(item(/*depth=*/0));
    if (!at_end()) refuse("',' or the end");
    return Composition(Kind::kStack, std::move(members));
  }

 private:
  Composition item(int depth) {
    constexpr int kDeepest = 8;
    if (depth == kDeepest) refuse("fewer blocks inside blocks");
    if (is_quote(peek())) return Composition(quoted_name());
    const auto start = position_;
    const auto name = word("an adapter's name or a block (Stack, Fuse, ...)");
    if (peek() != '(' && peek() != '[') return Composition(name);
    const char close = text_[position_++] == '(' ? ')' : ']';  // Python prints Stack[a, b]
    for (const auto& block : kBlocks)
      if (name == block.name) return members(block.kind, close, depth);
    position_ = start;
    if (name == "Split") {
      refuse(
          "Stack, Fuse, Average, BatchSplit or Parallel (Split cuts sequences at token positions, "
          "which are not the same for two sentences; it is not supported)");
    }
    refuse("Stack, Fuse, Average, BatchSplit or Parallel");
  }

  Composition members(Kind kind, char close, int depth) {
    Composition block(kind, {});
    while (true) {
      const auto start = (peek(), position_);
      if (!is_quote(peek()) && is_keyword()) {
        keyword(block, start);
      } else {
        block.children.push_back(item(depth + 1));
      }
      if (accept(close)) return block;
      if (!accept(',')) refuse(std::string("',' or '") + close + "'");
    }
  }

  /// Whether `word =` stands here.
  bool is_keyword() {
    const auto start = position_;
    while (is_plain(here())) ++position_;
    const bool found = position_ > start && peek() == '=';
    position_ = start;
    return found;
  }

  void keyword(Composition& block, size_t start) {
    const auto key = word("a key");
    accept('=');
    if (block.kind == Kind::kBatchSplit && key == "batch_sizes") {
      if (peek() == '[') {
        for (const auto size : numbers()) block.batch_sizes.push_back(whole_number(size));
      } else {  // one size for all members, which stand before it
        block.batch_sizes.assign(block.children.size(), whole_number(number_here()));
      }
    } else if (block.kind == Kind::kAverage && key == "weights") {
      block.weights = numbers();
    } else if (block.kind == Kind::kAverage && key == "normalize_weights") {
      block.normalize_weights = truth();
    } else if (block.kind == Kind::kAverage && key == "adapterhub") {
      block.adapterhub = truth();
    } else if (block.kind == Kind::kFuse && key == "name") {
      block.name = is_quote(peek()) ? quoted_name() : word("the fusion's name");
    } else {
      position_ = start;
      refuse(block.kind == Kind::kBatchSplit ? "batch_sizes="
             : block.kind == Kind::kAverage  ? "weights=, normalize_weights= or adapterhub="
             : block.kind == Kind::kFuse     ? "name="
                                             : "members alone, as this block has no settings");
    }
  }

  std::vector<double> numbers() {
    if (!accept('[')) refuse("'['");
    std::vector<double> values;
    while (!accept(']')) {
      values.push_back(number_here());
      if (!accept(',') && peek() != ']') refuse("',' or ']'");
    }
    return values;
  }

  double number_here() {
    peek();
    double value = 0;
    const auto* const begin = text_.data() + position_;
    const auto result = std::from_chars(begin, text_.data() + text_.size(), value);
    if (result.ec != std::errc() || !(value < 1e12 && value > -1e12)) refuse("a number");
    position_ += static_cast<size_t>(result.ptr - begin);
    return value;
  }

  int64_t whole_number(double value) {
    const auto whole = static_cast<int64_t>(value);
    if (static_cast<double>(whole) != value) refuse("a whole number before this");
    return whole;
  }

  bool truth() {
    const auto start = (peek(), position_);
    const auto value = word("true or false");
    if (value == "true" || value == "True") return true;
    if (value == "false" || value == "False") return false;
    position_ = start;
    refuse("true or false");
  }

  std::string word(const char* what) {
    const auto start = (peek(), position_);
    while (is_plain(here())) ++position_;
    if (position_ == start) refuse(what);
    return text_.substr(start, position_ - start);
  }

  std::string quoted_name() {
    const auto end = text_.find(text_[position_], position_ + 1);
    if (end == std::string::npos) refuse("a closing quote for this one");
    auto name = text_.substr(position_ + 1, end - position_ - 1);
    if (name.empty()) refuse("a name within quotes");
    position_ = end + 1;
    return name;
  }

  static bool is_quote(char c) { return c == '"' || c == '\''; }
  char here() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  char peek() {
    while (here() == ' ') ++position_;
    return here();
  }
  bool at_end() { return (peek(), position_ == text_.size()); }
  bool accept(char c) {
    if (peek() != c) return false;
    ++position_;
    return true;
  }

  [[noreturn]] void refuse(const std::string& expected) {
    peek();
    auto found = text_.substr(position_, 20);
    if (position_ + found.size() < text_.size()) found += "...";
    input_error("composition \"", text_, "\": expected ", expected, " at character ", position_ + 1,
                ", but found ", found.empty() ? "the end" : "\"" + found + "\"",
                "; write it as in Stack(sw, Fuse(ner, pos))");
  }

  const std::string& text_;
  size_t position_ = 0;
};

}  // namespace

Composition parse_composition(const std::string& expression) {
  auto composition = Parser(expression).whole();
  check_composition(composition);
  return composition;
}

}  // namespace madx
