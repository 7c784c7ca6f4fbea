#include "granary/query/sql/keywords.h"

#include <algorithm>

namespace granary::sql {
namespace {

constexpr std::string_view kReserved[] = {
    "AS",       "BETWEEN", "FROM", "GROUP", "HAVING", "JOIN", "LIMIT", "ON",   "ORDER",
    "PREWHERE", "SELECT",  "THEN", "UNION", "USING",  "WHEN", "WHERE", "WITH",
};

constexpr std::string_view kClauseWords[] = {
    "ALL",    "AND",    "ANTI",      "ANY",        "ASC",      "ASCENDING", "ASOF",
    "BY",     "CROSS",  "DESC",      "DESCENDING", "DIV",      "ELSE",      "END",
    "EXCEPT", "FETCH",  "FINAL",     "FORMAT",     "FULL",     "GLOBAL",    "ILIKE",
    "IN",     "INNER",  "INTERSECT", "INTO",       "IS",       "LEFT",      "LIKE",
    "MOD",    "NOT",    "NULLS",     "OFFSET",     "OR",       "QUALIFY",   "REGEXP",
    "RIGHT",  "SAMPLE", "SEMI",      "SET",        "SETTINGS", "WINDOW",
};

// Words with a meaning of their own at the beginning of an expression or of a column definition.
constexpr std::string_view kSpecialWords[] = {
    "BOTH", "LEADING",  "TRAILING", "CASE", "CONSTRAINT", "DISTINCT", "FALSE", "INDEX",
    "INF",  "INFINITY", "INTERVAL", "NAN",  "NULL",       "PRIMARY",  "TRUE",
};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

template <size_t N>
bool Contains(const std::string_view (&words)[N], std::string_view word) {
  return std::ranges::any_of(
      words, [&](std::string_view w) { return w.size() == word.size() && EqualWords(w, word); });
}

bool IsWordCharacter(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (Lower(c) >= 'a' && Lower(c) <= 'z');
}

}  // namespace

bool EqualWords(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string UpperWord(std::string_view word) {
  std::string upper(word);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  return upper;
}

bool IsReserved(std::string_view word) { return Contains(kReserved, word); }

bool IsClauseWord(std::string_view word) {
  return Contains(kReserved, word) || Contains(kClauseWords, word);
}

bool IsWord(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::ranges::all_of(name, IsWordCharacter);
}

bool IsPlainIdentifier(std::string_view word) {
  return IsWord(word) && !IsClauseWord(word) && !Contains(kSpecialWords, word);
}

std::string QuoteAlways(std::string_view name) {
  std::string quoted = "`";
  for (const char c : name) {
    if (c == '`' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '`';
}

std::string QuoteName(std::string_view name) {
  return IsWord(name) && !IsReserved(name) ? std::string(name) : QuoteAlways(name);
}

}  // namespace granary::sql
