// SQL by a grammar: statements over the tables of SmallDisk() that mostly fit them, made by the
// choices that an input stands for.
#pragma once

#include <string>

#include "granary/tests/fuzz/choices.h"

namespace granary::fuzz {

class StatementMaker {
 public:
  explicit StatementMaker(Input input) : choices_(input) {}

  bool at_end() const { return choices_.empty(); }
  std::string Next();

 private:
  struct TableShape;

  // Expressions over the columns of the current table; `depth` is how much deeper they may go.
  std::string Number(int depth);
  std::string Text(int depth);
  std::string Time(int depth);
  std::string Array(int depth);
  std::string Condition(int depth);
  std::string Any(int depth);
  std::string Aggregate(int depth);
  std::string Vector();
  std::string Distance();
  std::string Literal();

  std::string Columns(bool has_groups);
  std::string From(int depth);
  std::string OrderBy();
  std::string Limit();
  std::string SelectSettings();
  std::string Select(int depth);
  std::string Query(int depth);
  std::string NeighborSearch();
  std::string NeighborJoin();

  std::string Insert();
  std::string Row();
  std::string CreateTable();
  std::string IndexDefinition();
  std::string Alter();
  std::string Delete();
  std::string Update();
  std::string Maintain();
  std::string Show();

  const TableShape& PickTable();
  std::string Repeat(size_t least, size_t most, std::string (StatementMaker::*make)(int),
                     int depth);

  Choices choices_;
  const TableShape* table_ = nullptr;
  bool has_made_table_ = false;
};

}  // namespace granary::fuzz
