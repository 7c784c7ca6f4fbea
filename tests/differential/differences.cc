#include "differences.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace granary::differential {
namespace {

using Fields = std::map<std::string, std::string>;

std::string Take(Fields& fields, const std::string& key, bool required) {
  const auto field = fields.find(key);
  if (field == fields.end()) {
    if (required) throw std::runtime_error("an entry without '" + key + "'");
    return "";
  }
  std::string value = field->second;
  fields.erase(field);
  return value;
}

std::regex Pattern(const std::string& text) {
  try {
    return std::regex(text, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error& error) {
    throw std::runtime_error("'" + text + "' is no regular expression: " + error.what());
  }
}

Difference MakeDifference(Fields fields) {
  Difference difference;
  difference.name = Take(fields, "name", true);
  std::istringstream outcomes(Take(fields, "outcome", true));
  for (std::string outcome; outcomes >> outcome;) difference.outcomes.push_back(outcome);
  difference.statement = Pattern(Take(fields, "statement", true));
  if (fields.contains("ours")) difference.ours = Pattern(Take(fields, "ours", true));
  if (fields.contains("theirs")) difference.theirs = Pattern(Take(fields, "theirs", true));
  difference.reason = Take(fields, "reason", true);
  if (!fields.empty()) throw std::runtime_error("unknown key '" + fields.begin()->first + "'");
  return difference;
}

// Adds "key: value", or goes on with the value of `last_key`.
void ReadLine(const std::string& line, Fields& fields, std::string& last_key) {
  if (line[0] == ' ' && !last_key.empty()) {
    fields[last_key] += " " + line.substr(line.find_first_not_of(' '));
    return;
  }
  const size_t colon = line.find(':');
  if (colon == line.npos) throw std::runtime_error("a line without ':'");
  last_key = line.substr(0, colon);
  const size_t begin = line.find_first_not_of(' ', colon + 1);
  if (begin == line.npos) throw std::runtime_error("'" + last_key + "' has no value");
  if (!fields.emplace(last_key, line.substr(begin)).second) {
    throw std::runtime_error("'" + last_key + "' occurs twice");
  }
}

bool Matches(const std::optional<std::regex>& pattern, const Answer& answer) {
  return !pattern || std::regex_search(answer.Text(), *pattern);
}

}  // namespace

bool Difference::Covers(const std::string& outcome, const std::string& sql,
                        const Answer& our_answer) const {
  return std::find(outcomes.begin(), outcomes.end(), outcome) != outcomes.end() &&
         std::regex_search(sql, statement) && Matches(ours, our_answer);
}

Differences Differences::Read(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  Differences differences;
  Fields fields;
  std::string line, last_key;
  for (size_t number = 1;; ++number) {
    const bool at_end = !std::getline(file, line);
    try {
      if (at_end || line.empty()) {
        if (!fields.empty()) differences.all_.push_back(MakeDifference(std::move(fields)));
        fields.clear();
        last_key.clear();
      } else if (line[0] != '#') {
        ReadLine(line, fields, last_key);
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(path.string() + ":" + std::to_string(number) + ": " + error.what());
    }
    if (at_end) return differences;
  }
}

std::optional<size_t> Differences::Find(const std::string& outcome, const std::string& statement,
                                        const Answer& ours, const Answer& theirs) const {
  for (size_t i = 0; i < all_.size(); ++i) {
    const Difference& entry = all_[i];
    if (entry.Covers(outcome, statement, ours) && Matches(entry.theirs, theirs)) return i;
  }
  return std::nullopt;
}

const Difference* Differences::Named(const std::string& name) const {
  for (const Difference& entry : all_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace granary::differential
