// The list of intended differences, differences.txt: blocks of "key: value" lines, separated by
// empty lines; lines that begin with # are comments.
//
//   name:       of the difference, unique
//   outcome:    what CompareAnswers says: refused, accepted, code, type, rows, type+rows; several
//               are separated by spaces
//   statement:  regular expression that occurs in the statement as reduced
//   ours:       regular expression that occurs in Granary's answer (Answer::Text), if given
//   theirs:     the same for ClickHouse's
//   reason:     why the difference stands; may go on in further lines that begin with a space
#pragma once

#include <filesystem>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "answer.h"

namespace granary::differential {

struct Difference {
  std::string name;
  std::vector<std::string> outcomes;
  std::regex statement;
  std::optional<std::regex> ours;
  std::optional<std::regex> theirs;
  std::string reason;

  // Whether it speaks of this statement and Granary's answer; what ClickHouse says is left out.
  bool Covers(const std::string& outcome, const std::string& sql, const Answer& our_answer) const;
};

class Differences {
 public:
  // Throws std::runtime_error that names the line.
  static Differences Read(const std::filesystem::path& path);

  const std::vector<Difference>& all() const { return all_; }
  // The first entry that explains a difference, or nothing.
  std::optional<size_t> Find(const std::string& outcome, const std::string& statement,
                             const Answer& ours, const Answer& theirs) const;
  const Difference* Named(const std::string& name) const;

 private:
  std::vector<Difference> all_;
};

}  // namespace granary::differential
