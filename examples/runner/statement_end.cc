#include "granary/examples/runner/statement_end.h"

#include <algorithm>
#include <cstddef>

namespace granary::runner {
namespace {

// Behind the quoted text or comment that begins at `at`, or `at` if none does.
size_t SkipQuotedOrComment(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("--")) return std::min(text.find('\n', at), text.size());
  if (rest.starts_with("/*")) {
    const size_t close = text.find("*/", at + 2);
    return close == text.npos ? text.size() : close + 2;
  }
  const char quote = text[at];
  if (quote != '\'' && quote != '"' && quote != '`') return at;
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == quote) return i + 1;
    if (text[i] == '\\') ++i;
  }
  return text.size();
}

}  // namespace

bool EndsStatement(std::string_view text) {
  bool ends = false;
  for (size_t i = 0; i < text.size();) {
    const bool is_comment = text.substr(i).starts_with("--") || text.substr(i).starts_with("/*");
    const size_t next = SkipQuotedOrComment(text, i);
    if (next != i) {
      ends = ends && is_comment;
      i = next;
    } else if (text.substr(i).starts_with("\\G")) {
      ends = true;
      i += 2;
    } else {
      const bool is_space = text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n';
      if (!is_space) ends = text[i] == ';';
      ++i;
    }
  }
  return ends;
}

}  // namespace granary::runner
