#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace madx::apps {

/// "10,11" as layers. Throws InputError, naming `flag`, for anything else.
std::vector<int64_t> parse_layers(const std::string& flag, const std::string& text);

/// Throws InputError, naming `flag`, for a language's name that no file's name and no JSON can
/// hold.
void check_language(const std::string& flag, const std::string& language);

/// Throws InputError where `output`, a file to write, is one of these inputs or is read of one that
/// is a directory (its config.json, ...): what was read would be gone. An input may be NAME=PATH.
void check_output_is_no_input(const std::string& output, const std::vector<std::string>& inputs);

/// `LANGUAGE=VALUE` flags, such as `--language sw=adapters/sw`, in the order given.
std::vector<std::pair<std::string, std::string>> parse_pairs(
    const std::string& flag, const std::vector<std::string>& values);

/// Validators whose messages say what was expected and what was found: for one of these words, for
/// a number from `least` to `most`, for a number above 0.
CLI::Validator one_of(const std::vector<std::string>& words);
CLI::Validator from_to(int64_t least, int64_t most);
CLI::Validator above_zero();

/// Parses the command line. Usage errors become InputError; --help and --version print and exit
/// with status 0.
void parse_command_line(CLI::App& app, int argc, char** argv);

/// The most memory that this process has held.
int64_t peak_memory_bytes();
/// "12.3 GB": the most memory that this process has held.
std::string peak_memory();

/// The words of the command line, quoted where a shell needs it.
std::string command_line(int argc, char** argv);

}  // namespace madx::apps
