#include <algorithm>
#include <array>
#include <utility>

#include "granary/query/sql/grammar.h"
#include "granary/query/sql/keywords.h"

namespace granary::sql {
namespace {

// The byte after the quoted text that begins at `begin`; text.size() if it never ends.
size_t SkipQuoted(std::string_view text, size_t begin) {
  const char quote = text[begin];
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      return i + 1;  // a doubled quote opens the next quoted text
    }
  }
  return text.size();
}

size_t SkipPast(std::string_view text, size_t begin, std::string_view ending) {
  const size_t found = text.find(ending, begin);
  return found == std::string_view::npos ? text.size() : found + ending.size();
}

// Whether a byte may end the data, or begin quotes or a comment.
constexpr std::array<bool, 256> kMayMatter = [] {
  std::array<bool, 256> table{};
  for (const char c : {';', '\'', '"', '`', '-', '/'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// The first ';' outside quotes and comments, or the end of the text.
size_t FindEndOfValues(std::string_view text, size_t begin) {
  size_t i = begin;
  while (i < text.size() && text[i] != ';') {
    const std::string_view two = text.substr(i, 2);
    if (!kMayMatter[static_cast<unsigned char>(text[i])]) {
      ++i;
    } else if (text[i] == '\'' || text[i] == '"' || text[i] == '`') {
      i = SkipQuoted(text, i);
    } else if (two == "--") {
      i = SkipPast(text, i, "\n");
    } else if (two == "/*") {
      i = SkipPast(text, i + 2, "*/");
    } else {
      ++i;
    }
  }
  return i;
}

// The first ';' outside objects and strings, or the end of the text.
size_t FindEndOfJson(std::string_view text, size_t begin) {
  size_t depth = 0;
  size_t i = begin;
  while (i < text.size() && (depth > 0 || text[i] != ';')) {
    if (text[i] == '"') {
      i = SkipQuoted(text, i);
      continue;
    }
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && depth > 0) --depth;
    ++i;
  }
  return i;
}

// Data begin on the line after FORMAT name, or on the same line after the name. A ';' right after
// the name says that there are none here.
InsertStatement::InlineData FindFormatData(std::string_view text, size_t name_end) {
  size_t begin = std::min(text.find_first_not_of(" \t\r", name_end), text.size());
  if (begin < text.size() && text[begin] == ';') return {begin, begin};
  if (begin < text.size() && text[begin] == '\n') ++begin;
  return {begin, text.size()};
}

void ParseFormat(TokenStream& tokens, InsertStatement& insert) {
  insert.input_format = tokens.ExpectIdentifier("name of a format");
  const size_t name_end = tokens.previous_end();
  if (EqualWords(insert.input_format, "Values")) {
    insert.data = {name_end, FindEndOfValues(tokens.text(), name_end)};
  } else {
    insert.data = FindFormatData(tokens.text(), name_end);
    const bool is_json =
        EqualWords(insert.input_format, "JSONEachRow") || EqualWords(insert.input_format, "NDJSON");
    if (is_json) insert.data->end = FindEndOfJson(tokens.text(), insert.data->begin);
  }
  tokens.JumpTo(insert.data->end);
}

void ParseValues(TokenStream& tokens, InsertStatement& insert) {
  insert.input_format = "Values";
  const size_t begin = tokens.previous_end();
  insert.data = {begin, FindEndOfValues(tokens.text(), begin)};
  tokens.JumpTo(insert.data->end);
}

void ParseInfile(TokenStream& tokens, InsertStatement& insert) {
  insert.infile = tokens.ExpectFileName();
  if (tokens.Accept("SETTINGS")) insert.settings = ParseSettings(tokens);
  if (tokens.Accept("FORMAT")) insert.input_format = tokens.ExpectIdentifier("name of a format");
}

}  // namespace

StatementPtr ParseInsert(TokenStream& tokens) {
  auto insert = std::make_unique<InsertStatement>();
  tokens.Expect("INSERT");
  tokens.Expect("INTO");
  tokens.Accept("TABLE");
  insert->table = ParseTableName(tokens);
  if (tokens.At(TokenKind::kOpenParen) && !AtSelect(tokens, 1)) {
    insert->columns = ParseNamesInParens(tokens, "column name");
  }
  if (tokens.Accept("SETTINGS")) insert->settings = ParseSettings(tokens);
  if (tokens.Accept("VALUES")) {
    ParseValues(tokens, *insert);
  } else if (tokens.Accept("FORMAT")) {
    ParseFormat(tokens, *insert);
  } else if (tokens.Accept("FROM INFILE")) {
    ParseInfile(tokens, *insert);
  } else if (AtSelect(tokens) || tokens.At(TokenKind::kOpenParen)) {
    insert->query = ParseQuery(tokens);
  } else {
    tokens.Fail("SELECT");
  }
  return insert;
}

}  // namespace granary::sql
