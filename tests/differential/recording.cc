#include "recording.h"

#include <fstream>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace granary::differential {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEF";

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F && c != '%') {
      escaped += c;
    } else {
      escaped += '%';
      escaped += kDigits[byte >> 4];
      escaped += kDigits[byte & 15];
    }
  }
  return escaped;
}

std::string Unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    if (i + 2 >= text.size()) throw std::runtime_error("% without two digits");
    const size_t high = kDigits.find(text[i + 1]), low = kDigits.find(text[i + 2]);
    if (high == kDigits.npos || low == kDigits.npos) throw std::runtime_error("no digit behind %");
    plain += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return plain;
}

void ReadProperty(const std::string& text, Statement& statement) {
  constexpr std::string_view kFormat = "format ";
  if (text == "unordered") {
    statement.ordered = false;
  } else if (text == "inexact") {
    statement.exact = false;
  } else if (text.starts_with(kFormat)) {
    statement.format = text.substr(kFormat.size());
  } else {
    throw std::runtime_error("unknown property '" + text + "'");
  }
}

void ReadField(char letter, const std::string& text, RecordedStatement& recorded) {
  switch (letter) {
    case 'P':
      return ReadProperty(text, recorded.statement);
    case 'D':
      recorded.difference = text;
      return;
    case 'E':
      recorded.answer.error = std::stoi(text);
      return;
    case 'T':
      recorded.answer.types = ParseTypedRows(text).types;
      return;
    case 'R':
      recorded.answer.rows.push_back(text);
      return;
    default:
      throw std::runtime_error(std::string("unknown letter ") + letter);
  }
}

}  // namespace

std::string RecordedText(const RecordedStatement& recorded) {
  std::string text;
  const auto add = [&](char letter, std::string_view value) {
    text += letter;
    text += ' ';
    text += Escaped(value);
    text += '\n';
  };
  const Statement& statement = recorded.statement;
  add(recorded.is_change ? 'C' : 'Q', statement.sql);
  if (recorded.is_change) return text;
  if (!statement.ordered) add('P', "unordered");
  if (!statement.exact) add('P', "inexact");
  if (!statement.format.empty()) add('P', "format " + statement.format);
  if (!recorded.difference.empty()) add('D', recorded.difference);
  const Answer& answer = recorded.answer;
  if (answer.error != 0) {
    add('E', std::to_string(answer.error));
    return text;
  }
  std::string types;
  for (const std::string& type : answer.types) types += (types.empty() ? "" : "\t") + type;
  if (!types.empty()) add('T', types);
  for (const std::string& row : answer.rows) add('R', row);
  return text;
}

void ReadRecording(const std::filesystem::path& path,
                   const std::function<void(const RecordedStatement&)>& visit) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::optional<RecordedStatement> recorded;
  size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    try {
      if (line.size() < 2 || line[1] != ' ') throw std::runtime_error("no letter and space");
      const std::string text = Unescaped(std::string_view(line).substr(2));
      if (line[0] == 'C' || line[0] == 'Q') {
        if (recorded) visit(*recorded);
        recorded = RecordedStatement{.is_change = line[0] == 'C', .statement = {.sql = text}};
      } else if (recorded) {
        ReadField(line[0], text, *recorded);
      } else {
        throw std::runtime_error("no statement before it");
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(path.string() + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  if (recorded) visit(*recorded);
}

}  // namespace granary::differential
