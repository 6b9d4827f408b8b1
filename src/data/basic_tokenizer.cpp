#include "basic_tokenizer.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf16.h>

#include "madx/core/error.h"

namespace madx {
namespace {

/// What counts as a character of its own, in BERT's words "Chinese": the CJK ideographs; kana and
/// Hangul are not.
bool is_chinese(UChar32 c) {
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
bool is_dropped(UChar32 c) { return c == 0xFFFD || (U_GET_GC_MASK(c) & U_GC_C_MASK) != 0; }

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

icu::UnicodeString clean(const icu::UnicodeString& text, bool split_chinese_characters) {
  icu::UnicodeString cleaned;
  for_each_code_point(text, [&](UChar32 c) {
    if (is_space(c)) {
      cleaned.append(u' ');
    } else if (is_dropped(c)) {  // asked before is_chinese, whose blocks have unassigned places
      return;
    } else if (split_chinese_characters && is_chinese(c)) {
      cleaned.append(u' ').append(c).append(u' ');
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

}  // namespace

std::vector<std::string> basic_tokenize(std::string_view text,
                                        const BasicTokenizerOptions& options) {
  UErrorCode status = U_ZERO_ERROR;
  const auto cleaned = clean(icu::UnicodeString::fromUTF8({text.data(), int32_t(text.size())}),
                             options.split_chinese_characters);
  auto normal = normalize(icu::Normalizer2::getNFCInstance(status), cleaned, status);
  if (options.lower_case) normal.toLower(icu::Locale::getRoot());
  if (options.strip_accents) normal = without_accents(normal, status);
  if (U_FAILURE(status)) machine_error("ICU could not normalize a text: ", u_errorName(status));

  std::vector<std::string> words;
  icu::UnicodeString word;
  const auto finish_word = [&] {
    if (!word.isEmpty()) word.toUTF8String(words.emplace_back());
    word.remove();
  };
  for_each_code_point(normal, [&](UChar32 c) {
    if (u_isUWhiteSpace(c)) {  // spaces, and the line and paragraph separators that clean() keeps
      finish_word();
    } else if (is_punctuation(c)) {
      finish_word();
      word.append(c);
      finish_word();
    } else {
      word.append(c);
    }
  });
  finish_word();
  return words;
}

}  // namespace madx
