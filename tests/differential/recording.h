// Statements with ClickHouse's answers, as a text file. Every line is a letter, a space and text;
// bytes that are not printable ASCII, and %, are written as % and two hexadecimal digits.
//
//   C sql             changes the tables; succeeded in both
//   Q sql             a query; what follows until the next C or Q belongs to it
//   P unordered | inexact | format NAME     see Statement
//   D name            the answers differ as the list of differences says under this name
//   E code | T types | R row                ClickHouse's answer; types are separated by tabs
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "answer.h"

namespace granary::differential {

struct RecordedStatement {
  bool is_change = false;
  Statement statement;
  Answer answer;
  std::string difference;  // its name, or empty
};

std::string RecordedText(const RecordedStatement& recorded);

// Throws std::runtime_error that names the line.
void ReadRecording(const std::filesystem::path& path,
                   const std::function<void(const RecordedStatement&)>& visit);

}  // namespace granary::differential
