#include "madx/data/raw_text.h"

#include <unicode/brkiter.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utext.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "code_points.h"
#include "madx/core/error.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

enum class Kind { kSpace, kMark, kAlone, kLetter, kDigit };

/// A character as a reader sees it: a code point with the combining marks and joiners after it.
struct Character {
  std::string_view bytes;
  UChar32 code_point;  // the first one; it decides the kind
  Kind kind;
};

using Characters = std::vector<Character>;

bool is_one_of(UChar32 c, std::u32string_view set) {
  return set.find(static_cast<char32_t>(c)) != std::u32string_view::npos;
}

/// Of a script that does not separate words.
bool stands_alone(UChar32 c) {
  UErrorCode status = U_ZERO_ERROR;
  switch (uscript_getScript(c, &status)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_THAI:
    case USCRIPT_LAO:
    case USCRIPT_KHMER:
    case USCRIPT_MYANMAR:
      return true;
    default:
      return false;
  }
}

Kind kind_of(UChar32 c) {
  constexpr UChar32 kSoftHyphen = 0x00AD;  // the one invisible character that is inside words
  const std::uint32_t category = U_GET_GC_MASK(c);
  if (u_isUWhiteSpace(c)) return Kind::kSpace;
  if ((category & (U_GC_CC_MASK | U_GC_CF_MASK)) != 0 && c != kSoftHyphen) return Kind::kSpace;
  if ((category & (U_GC_P_MASK | U_GC_S_MASK)) != 0) return Kind::kMark;
  if ((category & U_GC_ND_MASK) != 0) return Kind::kDigit;
  return stands_alone(c) ? Kind::kAlone : Kind::kLetter;
}

Characters characters_of(std::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  UText utf8 = UTEXT_INITIALIZER;
  utext_openUTF8(&utf8, text.data(), static_cast<std::int64_t>(text.size()), &status);
  const std::unique_ptr<UText, decltype(&utext_close)> closer(&utf8, utext_close);
  const std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
  if (U_SUCCESS(status)) breaks->setText(&utf8, status);
  if (U_FAILURE(status)) machine_error("ICU cannot find characters: ", u_errorName(status));

  Characters characters;
  std::int32_t begin = breaks->first();
  for (std::int32_t end = breaks->next(); end != icu::BreakIterator::DONE; end = breaks->next()) {
    std::string_view bytes = text.substr(begin, end - begin);
    const auto add = [&](std::string_view part) {
      const UChar32 code_point = first_code_point(part);
      characters.push_back({part, code_point, kind_of(code_point)});
    };
    // ICU takes a sign before a number (U+0600, U+06DD, ...) and a space before a combining mark
    // for one character with what follows; that is seen, and stays.
    while (true) {
      const auto first = std::max<std::size_t>(code_point_length(bytes), 1);
      if (first >= bytes.size() || kind_of(first_code_point(bytes)) != Kind::kSpace) break;
      add(bytes.substr(0, first));
      bytes.remove_prefix(first);
    }
    add(bytes);
    begin = end;
  }
  return characters;
}

/// Takes words from the front of a sentence, one a call.
class WordSplitter {
 public:
  explicit WordSplitter(const Characters& characters) : characters_(characters) {}

  /// The next word; empty at the end of the sentence.
  std::string_view next() {
    while (kind(at_) == Kind::kSpace && at_ < characters_.size()) ++at_;
    if (at_ == characters_.size()) return {};
    begin_ = at_;
    at_ = word_end();
    return text(begin_, at_);
  }

 private:
  std::size_t word_end() const {
    if (const std::size_t end = address_end()) return end;
    if (kind(begin_) == Kind::kAlone) return begin_ + 1;
    if (!in_word(begin_) && !opens_word(begin_)) return mark_end();
    std::size_t end = begin_ + 1;
    while (in_word(end) || joins(end) || closes_word(end)) ++end;
    return end;
  }

  /// A mark, or a run of one that is written in runs: "...", "--", and quotes and rules of plain
  /// text.
  std::size_t mark_end() const {
    std::size_t end = begin_ + 1;
    if (is_one_of(code_point(begin_), U".-'`*=")) {
      while (code_point(end) == code_point(begin_)) ++end;
    }
    return end;
  }

  /// End of the web address that begins here, without the marks that close the sentence or a
  /// bracket around it; 0 when none begins here.
  std::size_t address_end() const {
    if (!begins_with("http://") && !begins_with("https://") && !begins_with("ftp://") &&
        !begins_with("www.")) {
      return 0;
    }
    std::size_t end = begin_;
    while (kind(end) != Kind::kSpace) ++end;
    while (is_one_of(code_point(end - 1), U".,;:!?'\"") ||
           (U_GET_GC_MASK(code_point(end - 1)) & (U_GC_PE_MASK | U_GC_PF_MASK)) != 0) {
      --end;
    }
    return end;
  }

  /// `start` is in lower case; the text may be in either.
  bool begins_with(std::string_view start) const {
    for (std::size_t i = 0; i < start.size(); ++i) {
      if (u_tolower(code_point(begin_ + i)) != start[i]) return false;
    }
    return true;
  }

  /// "#tag", "@name", "-5", "+250" at the start of a word.
  bool opens_word(std::size_t i) const {
    if (is_one_of(code_point(i), U"#@")) return in_word(i + 1);
    return is_one_of(code_point(i), U"-+\u2212") && kind(i + 1) == Kind::kDigit;
  }

  /// A mark after a part of a word and before a letter or digit that does not separate them.
  bool joins(std::size_t i) const {
    if (kind(i) != Kind::kMark || !in_word(i + 1)) return false;
    if (is_one_of(code_point(i), U"'\u2018\u2019`-\u2010\u2011.:/&@_\u00B7\u05F3\u05F4")) {
      return true;
    }
    if (kind(i - 1) == Kind::kDigit && kind(i + 1) == Kind::kDigit) {
      return is_one_of(code_point(i), U",\u2013\u066B\u066C");
    }
    return is_one_of(code_point(i), U"+=~^\u00B0");
  }

  /// A mark that ends a word and is part of it: "C++", "C#", "U.S.", "Dr.".
  bool closes_word(std::size_t i) const {
    if (is_one_of(code_point(i), U"+#")) return kind(begin_) == Kind::kLetter && !in_word(i + 1);
    return code_point(i) == '.' && code_point(i + 1) != '.' &&
           (are_initials(i) || (is_title(text(begin_, i)) && !only_marks_follow(i + 1)));
  }

  /// Whether the word so far is one letter or letters with a full stop between each ("U.S"). One
  /// letter is an initial only where a word follows: "J. Smith", but "plan B.".
  bool are_initials(std::size_t full_stop) const {
    for (std::size_t i = begin_; i < full_stop; ++i) {
      const bool expects_letter = (i - begin_) % 2 == 0;
      if (expects_letter ? u_isalpha(code_point(i)) == 0 : code_point(i) != '.') return false;
    }
    const std::size_t length = full_stop - begin_;
    if (length != 1) return length % 2 == 1;
    return u_isUUppercase(code_point(begin_)) && !only_marks_follow(full_stop + 1);
  }

  static bool is_title(std::string_view word) {
    constexpr std::string_view kTitles[] = {"Mr", "Mrs",  "Ms",  "Dr",  "Prof", "St",  "Gen", "Col",
                                            "Lt", "Capt", "Sgt", "Gov", "Sen",  "Rep", "Rev", "Hon",
                                            "Jr", "Sr",   "Mt",  "Inc", "Ltd",  "Co",  "Corp"};
    return std::find(std::begin(kTitles), std::end(kTitles), word) != std::end(kTitles);
  }

  bool only_marks_follow(std::size_t i) const {
    while (i < characters_.size() && (kind(i) == Kind::kSpace || kind(i) == Kind::kMark)) ++i;
    return i == characters_.size();
  }

  bool in_word(std::size_t i) const { return kind(i) == Kind::kLetter || kind(i) == Kind::kDigit; }

  // What follows the sentence reads as a space.
  Kind kind(std::size_t i) const {
    return i < characters_.size() ? characters_[i].kind : Kind::kSpace;
  }
  UChar32 code_point(std::size_t i) const {
    return i < characters_.size() ? characters_[i].code_point : ' ';
  }

  std::string_view text(std::size_t begin, std::size_t end) const {
    const char* first = characters_[begin].bytes.data();
    const std::string_view last = characters_[end - 1].bytes;
    return {first, static_cast<std::size_t>(last.data() + last.size() - first)};
  }

  const Characters& characters_;
  std::size_t begin_ = 0;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::string> split_words(std::string_view sentence) {
  const Characters characters = characters_of(sentence);
  WordSplitter splitter(characters);
  std::vector<std::string> words;
  for (auto word = splitter.next(); !word.empty(); word = splitter.next()) words.emplace_back(word);
  return words;
}

RawText read_raw_text(const std::string& path) {
  RawText text;
  std::size_t number = 0;
  for (const std::string& line : read_utf8_lines(path)) {
    ++number;
    auto words = split_words(line);
    if (words.empty()) {
      text.passed_over.push_back(number);
    } else {
      text.sentences.push_back(std::move(words));
    }
  }
  if (text.sentences.empty()) {
    input_error(path, ": expected text, a sentence a line, but found no words; check the file");
  }
  return text;
}

std::vector<std::vector<std::string>> read_raw_sentences(const std::string& path) {
  return read_raw_text(path).sentences;
}

}  // namespace madx
