// A statement, what a database answers to it, and the rule by which two answers are the same.
//
// Rows are compared as text, field by field. Where the statement has no ORDER BY that fixes their
// order, they are sorted first. A statement is exact unless it computes with functions whose last
// digits depend on the mathematical library or on the order of summation (log, L2Distance, avg):
// then numbers may differ by a relative 1e-9, or 1e-5 in columns of Float32 and BFloat16.
#pragma once

#include <string>
#include <vector>

namespace granary::differential {

struct Statement {
  std::string sql;
  std::string format;  // compared is the text of this format; empty: types and rows
  bool ordered = true;
  bool exact = true;
};

struct Answer {
  int error = 0;  // ClickHouse's number; 0: none
  std::string message;
  std::vector<std::string> types;
  std::vector<std::string> rows;  // fields separated by tabs and escaped as in TabSeparated

  // On one line, for messages and patterns.
  std::string Text() const;
};

// Cuts "types \n row \n row ..." into an answer.
Answer ParseTypedRows(const std::string& text);
// Lines of a format as rows.
Answer ParseLines(const std::string& text);

// "" if they are the same, otherwise what differs:
//   refused    only Granary fails        accepted   only ClickHouse fails
//   code       both fail, with other error codes
//   type, rows, type+rows
// Every word is spelled so in the list of differences.
std::string CompareAnswers(const Statement& statement, const Answer& ours, const Answer& theirs);

// The fields of two rows, as CompareAnswers has them.
bool SameRow(const Statement& statement, const std::vector<std::string>& types,
             const std::string& ours, const std::string& theirs);

}  // namespace granary::differential
