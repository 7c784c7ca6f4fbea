#include "sql_script.h"

#include <fstream>
#include <set>
#include <stdexcept>

namespace granary {
namespace {

const std::set<std::string> kVerbs = {"ok",      "error",    "rows",           "explain-contains",
                                      "restart", "crash-at", "recall-at-least"};

SqlEntry ReadEntry(const std::vector<std::string>& lines, int first_line, const std::string& path) {
  SqlEntry entry;
  entry.line = first_line;
  const size_t space = lines[0].find(' ');
  entry.verb = lines[0].substr(0, space);
  if (space != std::string::npos) entry.argument = lines[0].substr(space + 1);
  if (!kVerbs.contains(entry.verb)) {
    throw std::runtime_error(path + ":" + std::to_string(first_line) + ": unknown verb " +
                             entry.verb);
  }
  bool expecting = false;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (!expecting && lines[i] == "----") {
      expecting = true;
    } else if (expecting) {
      entry.expected.push_back(lines[i]);
    } else {
      entry.statement += (entry.statement.empty() ? "" : "\n") + lines[i];
    }
  }
  return entry;
}

}  // namespace

std::vector<SqlEntry> ReadSqlScript(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<SqlEntry> entries;
  std::vector<std::string> lines;
  int number = 0, first_line = 0;
  const auto finish = [&] {
    if (!lines.empty()) entries.push_back(ReadEntry(lines, first_line, path));
    lines.clear();
  };
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty()) {
      finish();
    } else if (line[0] != '#') {
      if (lines.empty()) first_line = number;
      lines.push_back(line);
    }
  }
  finish();
  return entries;
}

}  // namespace granary
