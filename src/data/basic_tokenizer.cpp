#include "basic_tokenizer.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include "madx/core/error.h"

namespace madx {
namespace {

/// What counts as a character of its own, in BERT's words "Chinese": the CJK ideographs; kana and
/// Hangul are not.
bool is_chinese(UChar32 c, bool fast) {
  if (fast && c >= 0x2B820 && c <= 0x2B91F) return false;
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B820 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool is_space(UChar32 c) {
  return c == '\t' || c == '\n' || c == '\r' || (U_GET_GC_MASK(c) & U_GC_ZS_MASK) != 0;
}

/// All that Unicode calls "other": controls, formats (the zero-width joiner is one), private use
/// and unassigned.
bool is_dropped(UChar32 c, bool fast) {
  const auto kinds = fast ? U_GC_C_MASK & ~U_GC_CN_MASK : U_GC_C_MASK;
  return c == 0xFFFD || (U_GET_GC_MASK(c) & kinds) != 0;
}

/// BERT counts every ASCII mark as punctuation, also those that Unicode calls symbols, such as $ ^
/// `.
bool is_punctuation(UChar32 c) {
  if (c < 0x80) return u_isgraph(c) && !u_isalnum(c);
  return (U_GET_GC_MASK(c) & U_GC_P_MASK) != 0;
}

template <class Visit>
void for_each_code_point(const icu::UnicodeString& text, Visit visit) {
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) visit(text.char32At(i));
}

/// Python's str.lower() of a character by itself, and Rust's: of all that have more than one
/// character for it, İ alone does so everywhere.
void append_lower(UChar32 c, icu::UnicodeString& lower) {
  constexpr UChar32 kCapitalDottedI = 0x130, kDotAbove = 0x307;
  if (c == kCapitalDottedI) {
    lower.append(u'i').append(kDotAbove);
  } else {
    lower.append(u_tolower(c));
  }
}

icu::UnicodeString clean(const icu::UnicodeString& text, const BasicTokenizerOptions& options) {
  icu::UnicodeString cleaned;
  for_each_code_point(text, [&](UChar32 c) {
    if (is_space(c)) {
      cleaned.append(u' ');
    } else if (is_dropped(
                   c,
                   options.fast)) {  // asked before is_chinese, whose blocks have unassigned places
      return;
    } else if (options.split_chinese_characters && is_chinese(c, options.fast)) {
      cleaned.append(u' ').append(c).append(u' ');
    } else if (options.lower_case) {
      append_lower(c, cleaned);
    } else {
      cleaned.append(c);
    }
  });
  return cleaned;
}

icu::UnicodeString normalize(const icu::Normalizer2* form, const icu::UnicodeString& text,
                             UErrorCode& status) {
  return U_SUCCESS(status) ? form->normalize(text, status) : icu::UnicodeString();
}

icu::UnicodeString without_accents(const icu::UnicodeString& text, UErrorCode& status) {
  icu::UnicodeString bare;
  const auto decomposed = normalize(icu::Normalizer2::getNFDInstance(status), text, status);
  for_each_code_point(decomposed, [&](UChar32 c) {
    if (u_charType(c) != U_NON_SPACING_MARK) bare.append(c);
  });
  return bare;
}

icu::UnicodeString from_utf8(std::string_view text) {
  return icu::UnicodeString::fromUTF8({text.data(), static_cast<int32_t>(text.size())});
}

}  // namespace

std::string lower_characters(std::string_view text) {
  icu::UnicodeString lower;
  for_each_code_point(from_utf8(text), [&](UChar32 c) { append_lower(c, lower); });
  std::string bytes;
  return lower.toUTF8String(bytes);
}

std::string basic_normalize(std::string_view text, const BasicTokenizerOptions& options) {
  UErrorCode status = U_ZERO_ERROR;
  auto normal = clean(from_utf8(text), options);
  if (!options.fast) {
    normal = normalize(icu::Normalizer2::getNFCInstance(status), normal, status);
  }
  if (options.strip_accents) normal = without_accents(normal, status);
  if (U_FAILURE(status)) machine_error("ICU could not normalize a text: ", u_errorName(status));
  std::string bytes;
  return normal.toUTF8String(bytes);
}

std::vector<std::string_view> basic_split(std::string_view text) {
  std::vector<std::string_view> words;
  const auto size = static_cast<int32_t>(text.size());
  int32_t word = 0;  // where the word that is not finished begins
  const auto finish_word = [&](int32_t end) {
    const auto begin = static_cast<size_t>(word), length = static_cast<size_t>(end - word);
    if (length > 0) words.push_back(text.substr(begin, length));
  };
  for (int32_t at = 0, next = 0; at < size; at = next) {
    UChar32 c = 0;
    U8_NEXT(text.data(), next, size, c);
    const bool space = u_isUWhiteSpace(c);  // also line and paragraph separators, not cleaned away
    if (!space && !is_punctuation(c)) continue;
    finish_word(at);
    word = at;
    if (!space) finish_word(next);
    word = next;
  }
  finish_word(size);
  return words;
}

}  // namespace madx
