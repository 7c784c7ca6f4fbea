#include "answer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace granary::differential {
namespace {

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> pieces;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != text.npos; begin = end + 1) {
    pieces.push_back(text.substr(begin, end - begin));
  }
  if (begin < text.size()) pieces.push_back(text.substr(begin));
  return pieces;
}

bool IsNear(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  // What is left of numbers that cancel out: sin(pi).
  constexpr double kRest = 1e-13;
  return std::abs(a - b) <= std::max(tolerance * std::max(std::abs(a), std::abs(b)), kRest);
}

// Numbers are compared as such, what stands between them as text.
bool IsNearText(std::string_view ours, std::string_view theirs, double tolerance) {
  const char* a = ours.data();
  const char* b = theirs.data();
  const char* const a_end = a + ours.size();
  const char* const b_end = b + theirs.size();
  while (a < a_end && b < b_end) {
    char* a_next = nullptr;
    char* b_next = nullptr;
    const double a_value = std::strtod(a, &a_next);
    const double b_value = std::strtod(b, &b_next);
    if (a_next != a && b_next != b) {
      if (!IsNear(a_value, b_value, tolerance)) return false;
      a = a_next;
      b = b_next;
    } else if (*a++ != *b++) {
      return false;
    }
  }
  return a == a_end && b == b_end;
}

bool IsShortFloat(const std::string& type) {
  return type.find("Float32") != type.npos || type.find("BFloat16") != type.npos;
}

bool SameRows(const Statement& statement, const Answer& ours, const Answer& theirs) {
  if (ours.rows.size() != theirs.rows.size()) return false;
  std::vector<std::string> our_rows = ours.rows, their_rows = theirs.rows;
  if (!statement.ordered) {
    std::sort(our_rows.begin(), our_rows.end());
    std::sort(their_rows.begin(), their_rows.end());
  }
  for (size_t row = 0; row < our_rows.size(); ++row) {
    if (!SameRow(statement, theirs.types, our_rows[row], their_rows[row])) return false;
  }
  return true;
}

}  // namespace

std::string Answer::Text() const {
  if (error != 0) return "Code: " + std::to_string(error) + ". " + message;
  std::string text;
  for (const std::string& type : types) text += (text.empty() ? "" : ", ") + type;
  text += ":";
  for (const std::string& row : rows) text += " " + row + " |";
  return text;
}

Answer ParseTypedRows(const std::string& text) {
  Answer answer = ParseLines(text);
  if (answer.rows.empty()) return answer;
  answer.types = Split(answer.rows.front(), '\t');
  answer.rows.erase(answer.rows.begin());
  return answer;
}

Answer ParseLines(const std::string& text) {
  Answer answer;
  answer.rows = Split(text, '\n');
  return answer;
}

bool SameRow(const Statement& statement, const std::vector<std::string>& types,
             const std::string& ours, const std::string& theirs) {
  if (ours == theirs) return true;
  if (statement.exact) return false;
  const std::vector<std::string> our_fields = Split(ours, '\t'), their_fields = Split(theirs, '\t');
  if (our_fields.size() != their_fields.size()) return false;
  for (size_t i = 0; i < our_fields.size(); ++i) {
    const double tolerance = i < types.size() && IsShortFloat(types[i]) ? 1e-5 : 1e-9;
    if (!IsNearText(our_fields[i], their_fields[i], tolerance)) return false;
  }
  return true;
}

std::string CompareAnswers(const Statement& statement, const Answer& ours, const Answer& theirs) {
  if (ours.error != 0 && theirs.error != 0) return ours.error == theirs.error ? "" : "code";
  if (ours.error != 0) return "refused";
  if (theirs.error != 0) return "accepted";
  const bool same_types = ours.types == theirs.types;
  const bool same_rows = SameRows(statement, ours, theirs);
  if (same_types) return same_rows ? "" : "rows";
  return same_rows ? "type" : "type+rows";
}

}  // namespace granary::differential
