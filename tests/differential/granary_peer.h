// A database of Granary in memory that answers statements as ClickHouse does.
#pragma once

#include <memory>
#include <string>

#include "answer.h"
#include "granary/query/database.h"

namespace granary::differential {

class GranaryPeer {
 public:
  GranaryPeer();

  // Never throws what the library throws: an Error is the answer, any other exception is the error
  // 1001 (STD_EXCEPTION).
  Answer Ask(const Statement& statement);
  // Without skip indexes.
  Answer AskWithoutIndexes(const Statement& statement);

 private:
  std::unique_ptr<Database> database_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Session> without_indexes_;
};

}  // namespace granary::differential
