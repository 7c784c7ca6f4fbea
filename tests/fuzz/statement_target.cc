// Statements by a grammar, up to ten one after the other. What they leave behind must open again
// and give the same rows.
#include <set>

#include "granary/tests/fuzz/small_database.h"
#include "granary/tests/fuzz/statement_maker.h"
#include "granary/tests/fuzz/targets.h"

namespace granary::fuzz {
namespace {

constexpr size_t kStatementsMax = 10;

// All rows of all tables in an order of their own, and whether every table could be read.
std::string AllRows(Database& database) {
  std::string all;
  Session session(&database);  // what was SET is of no concern
  const std::string names = TextOf(session.Execute("SHOW TABLES"));
  for (size_t begin = 0, end; (end = names.find('\n', begin)) != names.npos; begin = end + 1) {
    const std::string rows =
        TextOf(session.Execute("SELECT * FROM " + names.substr(begin, end - begin)));
    std::multiset<std::string> sorted;
    for (size_t at = 0, stop; (stop = rows.find('\n', at)) != rows.npos; at = stop + 1) {
      sorted.insert(rows.substr(at, stop - at));
    }
    for (const std::string& row : sorted) all += row + "\n";
    all += "\n";
  }
  return all;
}

bool RunStatements(Input input) {
  const auto disk = SmallDisk();
  auto database = OpenSmall(disk);
  database->Execute("SET param_q = '[1, 1]'");
  StatementMaker maker(input);
  size_t succeeded = 0;
  for (size_t i = 0; i < kStatementsMax && !maker.at_end(); ++i) {
    const std::string sql = maker.Next();
    try {
      Run(*database, sql);
      ++succeeded;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kLogicalError) throw Finding(sql + "\n" + error.what());
    } catch (const Finding&) {
      throw;
    } catch (const std::exception& exception) {
      throw Finding(sql + "\n" + exception.what());
    }
  }
  try {
    const std::string before = AllRows(*database);
    database.reset();
    Expect(before == AllRows(*OpenSmall(disk)), [] { return "other rows when opened again"; });
  } catch (const Error& error) {
    if (!IsOfTime(error))
      throw Finding(std::string("a table that cannot be read: ") + error.what());
  }
  return succeeded > 0;
}

std::vector<Seed> ChoiceSeeds() {
  std::vector<Seed> seeds;
  uint64_t state = 7;
  for (size_t number = 0; number < 24; ++number) {
    Bytes bytes(32 + 8 * number);
    for (uint8_t& byte : bytes) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<uint8_t>(state >> 56);
    }
    seeds.push_back({std::to_string(number), bytes});
  }
  return seeds;
}

}  // namespace

void AddStatementTargets(std::vector<Target>& targets) {
  targets.push_back({"statement", RunStatements, ChoiceSeeds, NoWords, 384});
}

}  // namespace granary::fuzz
