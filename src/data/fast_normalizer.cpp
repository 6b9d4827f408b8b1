#include "fast_normalizer.h"

#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/unistr.h>
#include <unicode/utext.h>

#include <algorithm>
#include <memory>

#include "code_points.h"
#include "madx/core/error.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

constexpr size_t kLongestWhole = 5;  // bytes of a character that is looked up as a whole

void append_code_points(const NormalisationTable& table, std::string_view text, std::string& out) {
  for (const auto code_point : split_utf8(text)) {
    const auto match = table.shortest(code_point);
    if (match.length > 0) {
      out += match.text;
    } else if (code_point_length(code_point) == 0) {
      out += "\uFFFD";
    } else {
      out += code_point;
    }
  }
}

/// Below U+0300 each code point is a character of its own, but for CR LF, of which both parts
/// become a space.
bool has_marks(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char byte) { return static_cast<unsigned char>(byte) >= 0xCC; });
}

/// Boundaries of what a reader sees as a character. Making one takes longer than a line does, and
/// it may not be used by two threads.
icu::BreakIterator& character_boundaries() {
  thread_local std::unique_ptr<icu::BreakIterator> boundaries;
  if (!boundaries) {
    UErrorCode status = U_ZERO_ERROR;
    boundaries.reset(icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
    if (U_FAILURE(status)) machine_error("ICU has no character boundaries: ", u_errorName(status));
  }
  return *boundaries;
}

std::string replace_characters(const NormalisationTable& table, std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  if (!has_marks(text)) {
    append_code_points(table, text, out);
    return out;
  }
  UErrorCode status = U_ZERO_ERROR;
  UText* utext = utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &status);
  auto& boundaries = character_boundaries();
  boundaries.setText(utext, status);
  if (U_FAILURE(status)) machine_error("ICU could not cut a text: ", u_errorName(status));
  for (int32_t start = 0, end = boundaries.next(); end != icu::BreakIterator::DONE;
       start = end, end = boundaries.next()) {
    const auto character =
        text.substr(static_cast<size_t>(start), static_cast<size_t>(end - start));
    const auto match =
        character.size() <= kLongestWhole ? table.shortest(character) : NormalisationTable::Match();
    if (match.length > 0) {
      out += match.text;
    } else {
      append_code_points(table, character, out);
    }
  }
  utext_close(utext);
  return out;
}

}  // namespace

std::string FastNormalizer::operator()(std::string_view text) const {
  std::string normal(text);
  for (const auto& step : steps_) normal = step(normal);
  return normal;
}

FastNormalizer::Step replace_by_table(NormalisationTable table) {
  return [table = std::make_shared<const NormalisationTable>(std::move(table))](
             std::string_view text) { return replace_characters(*table, text); };
}

FastNormalizer::Step strip(bool left, bool right) {
  return [left, right](std::string_view text) {
    if (right) text = text.substr(0, size_without_spaces_at_end(text));
    if (left) text.remove_prefix(spaces_at_begin(text));
    return std::string(text);
  };
}

FastNormalizer::Step replace(std::string pattern, std::string by) {
  return [pattern = std::move(pattern), by = std::move(by)](std::string_view text) {
    std::string out;
    for (size_t found = 0; (found = text.find(pattern)) != text.npos;) {
      out.append(text.substr(0, found)).append(by);
      text.remove_prefix(found + pattern.size());
    }
    return out.append(text);
  };
}

FastNormalizer::Step replace_runs_of_spaces(std::string by) {
  return [by = std::move(by)](std::string_view text) {
    std::string out;
    for (size_t found = 0; (found = text.find("  ")) != text.npos;) {
      out.append(text.substr(0, found)).append(by);
      text.remove_prefix(std::min(text.find_first_not_of(' ', found), text.size()));
    }
    return out.append(text);
  };
}

FastNormalizer::Step normal_form(const std::string& name) {
  UErrorCode status = U_ZERO_ERROR;
  const auto* form = name == "NFC"    ? icu::Normalizer2::getNFCInstance(status)
                     : name == "NFD"  ? icu::Normalizer2::getNFDInstance(status)
                     : name == "NFKC" ? icu::Normalizer2::getNFKCInstance(status)
                     : name == "NFKD" ? icu::Normalizer2::getNFKDInstance(status)
                                      : nullptr;
  if (!form) return {};
  return [form](std::string_view text) {
    UErrorCode status = U_ZERO_ERROR;
    const auto normal = form->normalize(
        icu::UnicodeString::fromUTF8({text.data(), static_cast<int32_t>(text.size())}), status);
    if (U_FAILURE(status)) machine_error("ICU could not normalize a text: ", u_errorName(status));
    std::string bytes;
    return normal.toUTF8String(bytes);
  };
}

}  // namespace madx
