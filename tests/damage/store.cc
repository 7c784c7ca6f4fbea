#include "granary/tests/damage/store.h"

#include <algorithm>
#include <stdexcept>

#include <gtest/gtest.h>

#include "granary/query/formats/output_format.h"

namespace granary::testing {
namespace {

constexpr char kRoot[] = "/d";

// Numbers the rows of all inserts into tables made by CreateMixed.
std::string InsertMixed(const std::string& table, int first, int rows) {
  return "INSERT INTO " + table + " SELECT number + " + std::to_string(first) +
         " AS id, id % 2, id * 3, -toInt32(id), id / 4, repeat('s', id % 7) || toString(id), "
         "id % 3 = 0, toDate(id), toDateTime(id * 1000), [toString(id), 'x'], "
         "[id % 5, intDiv(id, 5) % 6], if(id % 3 = 1, [], [id % 4, id % 25]) FROM numbers(" +
         std::to_string(rows) + ")";
}

// A table with a column of each layout and an index of each kind.
void CreateMixed(Store& store, const std::string& table, const std::string& settings) {
  store.CreateTable(
      table,
      " (id UInt64, p UInt8, u UInt64, i Int32, f Float64, s String, b Bool, d Date, t DateTime, "
      "w Array(String), v Array(Float32), o Array(Float32), INDEX m u TYPE minmax GRANULARITY 1, "
      "INDEX k i TYPE set(10) GRANULARITY 2, INDEX h s TYPE bloom_filter(0.01) GRANULARITY 1, "
      "INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 2), INDEX some o TYPE "
      "vector_similarity('hnsw', 'L2Distance', 2, allow_empty = 1)) PARTITION BY p ORDER BY id "
      "SETTINGS index_granularity = 4, vector_index_min_rows_for_graph = 0, " +
          settings);
}

void AddMixed(Store& store, const std::string& table) {
  store.AddTable(
      table, InsertMixed(table, 9000, 1),
      {"SELECT * FROM " + table, "SELECT id FROM " + table + " WHERE u = 33",
       "SELECT id FROM " + table + " WHERE i = -14",
       "SELECT id, s FROM " + table + " WHERE s = 'sss10'",
       "SELECT id FROM " + table + " WHERE id BETWEEN 7 AND 9 AND p = 0",
       "SELECT id, L2Distance(v, [1.1, 2.2]) AS d FROM " + table + " ORDER BY d LIMIT 4",
       "SELECT id, L2Distance(o, [1.1, 9.2]) AS d FROM " + table + " ORDER BY d LIMIT 3"});
}

// Two tables alike, whose parts have the same names and, in part, sizes; and one more statement of
// each kind in their logs.
void BuildMixed(Store& store, const std::string& settings) {
  for (const std::string table : {"a", "b"}) {
    CreateMixed(store, table, settings);
    store.open().Run(InsertMixed(table, table == "a" ? 0 : 100, 20));
    store.open().Run(InsertMixed(table, table == "a" ? 20 : 120, 5));
    store.open().Run("DELETE FROM " + table + " WHERE id % 10 IN (2, 3)");
    AddMixed(store, table);
  }
}

void CreateSmall(Store& store, const std::string& table, const std::string& columns = "id UInt64") {
  store.CreateTable(table, " (" + columns + ") ORDER BY id");
}

void AddSmall(Store& store, const std::string& table, const std::string& row = "900") {
  store.AddTable(table, "INSERT INTO " + table + " VALUES (" + row + ")",
                 {"SELECT * FROM " + table, "SELECT id FROM " + table + " WHERE id < 3"});
}

// The usual state of a store at rest: a merge was the last that happened.
void BuildMerged(Store& store) {
  for (const std::string table : {"a", "b"}) {
    CreateSmall(store, table);
    const std::string more = table == "a" ? "" : "0";
    store.open().Run("INSERT INTO " + table + " VALUES (1" + more + "), (2)");
    store.open().Run("INSERT INTO " + table + " VALUES (3" + more + ")");
    store.open().Run("OPTIMIZE TABLE " + table + " FINAL");
    AddSmall(store, table);
  }
}

// Each table ends with another kind of record; the catalog with a RENAME.
void BuildStatements(Store& store) {
  const std::vector<std::pair<std::string, std::string>> last = {
      {"inserted", "INSERT INTO inserted VALUES (4, 4)"},
      {"deleted", "DELETE FROM deleted WHERE id = 2"},
      {"updated", "ALTER TABLE updated UPDATE n = 7 WHERE id = 2"},
      {"mutated", "ALTER TABLE mutated DELETE WHERE id = 1"},
      {"altered", "ALTER TABLE altered ADD INDEX m n TYPE minmax GRANULARITY 1"},
      {"truncated", "TRUNCATE TABLE truncated"},
      {"empty", ""},
      {"dropped", "DROP TABLE dropped"},
      {"before", ""}};
  for (const auto& [table, statement] : last) {
    CreateSmall(store, table, "id UInt64, n UInt8");
    if (table != "empty") store.open().Run("INSERT INTO " + table + " VALUES (1, 1), (2, 2)");
    if (!statement.empty()) store.open().Run(statement);
    if (table == "before") store.RenameTable("before", "after");
    if (table != "dropped") AddSmall(store, table == "before" ? "after" : table, "900, 9");
  }
}

// Logs of many records, and of so many that they were folded.
void BuildLogs(Store& store) {
  for (int i = 0; i < 140; ++i) {
    const std::string table = "x" + std::to_string(i);
    CreateSmall(store, table);
    store.open().Run("DROP TABLE " + table);
  }
  for (const std::string table : {"many", "folded"}) {
    CreateSmall(store, table);
    const int statements = table == "many" ? 20 : 300;
    for (int i = 0; i < statements; ++i) {
      store.open().Run("INSERT INTO " + table + " VALUES (" + std::to_string(i) + ")");
      if (i % 10 == 9) store.open().Run("OPTIMIZE TABLE " + table + " FINAL");
    }
    store.open().Run("DELETE FROM " + table + " WHERE id IN (4, 13)");
    AddSmall(store, table);
  }
}

// A little of everything, to be kept.
void BuildGolden(Store& store) {
  CreateMixed(store, "compact", "min_bytes_for_wide_part = 100000000");
  CreateMixed(store, "wide", "min_bytes_for_wide_part = 0");
  for (const std::string table : {"compact", "wide"}) {
    store.open().Run(InsertMixed(table, 0, 9));
    store.open().Run(InsertMixed(table, 9, 4));
    store.open().Run("DELETE FROM " + table + " WHERE id IN (3, 6, 11)");
    store.open().Run("ALTER TABLE " + table + " UPDATE i = 5 WHERE id = 8");
    AddMixed(store, table);
  }
  CreateSmall(store, "before", "id UInt64, n UInt8 DEFAULT 3");
  store.open().Run("INSERT INTO before (id) VALUES (1), (2)");
  store.open().Run("INSERT INTO before VALUES (1, 1), (3, 3)");
  store.open().Run("OPTIMIZE TABLE before FINAL");
  store.RenameTable("before", "after");
  AddSmall(store, "after", "900, 9");
  CreateSmall(store, "dropped");
  store.open().Run("DROP TABLE dropped");
}

// A graph of more than the megabyte that is verified whenever it is opened. Of it damage may cost
// recall, until it has been verified: the questions have one answer whatever is found.
void BuildLargeGraph(Store& store) {
  store.CreateTable(
      "g",
      " (id UInt32, v Array(Float32), INDEX near v TYPE vector_similarity('hnsw', "
      "'L2Distance', 2, 'f32', 256, 16)) ORDER BY id SETTINGS vector_index_min_rows_for_graph = 0, "
      "min_bytes_for_wide_part = 0");
  store.open().Run(
      "INSERT INTO g SELECT number, [number % 31, intDiv(number, 31)] FROM numbers(1000)");
  store.AddTable("g", "INSERT INTO g VALUES (9000, [100, 100])",
                 {"SELECT count(), sum(id), sum(v[1]), sum(v[2]) FROM g",
                  "SELECT count(), countIf(d = L2Distance(v, [7.1, 8.2])) FROM (SELECT v, "
                  "L2Distance(v, [7.1, 8.2]) AS d FROM g ORDER BY d LIMIT 10)"});
}

const std::map<std::string, std::function<void(Store&)>>& Builders() {
  static const std::map<std::string, std::function<void(Store&)>> builders = {
      {"compact", [](Store& store) { BuildMixed(store, "min_bytes_for_wide_part = 100000000"); }},
      {"wide", [](Store& store) { BuildMixed(store, "min_bytes_for_wide_part = 0"); }},
      {"merged", BuildMerged},
      {"statements", BuildStatements},
      {"logs", BuildLogs},
      {"graph", BuildLargeGraph},
      {"golden", BuildGolden},
  };
  return builders;
}

}  // namespace

OpenDatabase::OpenDatabase(std::shared_ptr<SimulatedDisk> disk, Mode mode) {
  DatabaseOptions options;
  options.path = kRoot;
  options.file_system = std::move(disk);
  options.read_only = mode == Mode::kRead;
  options.restore = mode == Mode::kRestore;
  options.threads = 1;
  options.background_merges = false;
  options.settings.vector_search_method = VectorSearchMethod::kGraph;
  options.on_warning = [this](const std::string& warning) {
    const std::lock_guard lock(mutex_);
    warnings_.push_back(warning);
  };
  database_ = Database::Open(std::move(options));
}

std::vector<std::string> OpenDatabase::Ask(const std::string& sql) {
  Result result = database_->Execute(sql);
  ByteWriter text;
  const auto format = OutputFormat::Create("TabSeparated", result.columns(), text);
  while (std::optional<Block> block = result.Next()) format->WriteBlock(*block);
  std::vector<std::string> lines;
  std::string_view rest(reinterpret_cast<const char*>(text.bytes().data()), text.size());
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size() - 1);
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::vector<std::string> OpenDatabase::warnings() {
  const std::lock_guard lock(mutex_);
  return warnings_;
}

bool OpenDatabase::HasWarned(const std::string& text) {
  const std::vector<std::string> all = warnings();
  return std::any_of(all.begin(), all.end(), [&](const std::string& warning) {
    return warning.find(text) != std::string::npos;
  });
}

Store::Store(std::string name)
    : name_(std::move(name)),
      disk_(std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain)),
      open_(std::make_unique<OpenDatabase>(disk_)) {}

std::shared_ptr<SimulatedDisk> Store::Copy() const {
  return disk_->AfterPowerCut(SimulatedDisk::Survivors::kAll);
}

void Store::CreateTable(const std::string& table, const std::string& rest) {
  const std::string all = JoinPath(kRoot, "tables");
  const std::vector<std::string> before = disk_->List(all);
  open_->Run("CREATE TABLE " + table + rest);
  for (const std::string& id : disk_->List(all)) {
    if (!std::count(before.begin(), before.end(), id)) created_[table] = JoinPath(all, id);
  }
}

void Store::RenameTable(const std::string& from, const std::string& to) {
  open_->Run("RENAME TABLE " + from + " TO " + to);
  created_[to] = created_.at(from);
}

void Store::AddTable(const std::string& table, const std::string& insert,
                     const std::vector<std::string>& questions) {
  inserts_[table] = insert;
  directories_[table] = created_.at(table);
  for (const std::string& sql : questions) questions_.push_back({table, sql});
}

void Store::Complete() {
  open_.reset();
  OpenDatabase database(Copy(), OpenDatabase::Mode::kRead);
  parts_ = PartsOf(database);
  const auto warnings = database.warnings();
  if (!warnings.empty()) throw std::logic_error("not whole: " + warnings.front());
}

PartPaths Store::PartsOf(OpenDatabase& database) const {
  PartPaths paths;
  for (const auto& [table, directory] : directories_) {
    for (const std::string& part :
         database.Ask("SELECT name FROM system.parts WHERE table = '" + table + "'")) {
      paths.insert(JoinPath(directory, part));
    }
  }
  return paths;
}

const Answers& Store::AnswersWithout(const PartPaths& missing) const {
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(missing);
  if (found != answers_.end()) return found->second;
  const auto disk = Copy();
  for (const std::string& part : missing) RemoveTree(*disk, part);
  OpenDatabase database(disk, OpenDatabase::Mode::kRead);
  Answers answers;
  for (const Question& question : questions_) answers.push_back(database.Ask(question.sql));
  return answers_.emplace(missing, std::move(answers)).first->second;
}

const std::vector<std::string>& StoreNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [name, build] : Builders()) all.push_back(name);
    return all;
  }();
  return names;
}

const Store& StoreOf(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<Store>> stores;
  const std::lock_guard lock(mutex);
  std::unique_ptr<Store>& store = stores[name];
  if (store != nullptr) return *store;
  auto fresh = std::make_unique<Store>(name);
  Builders().at(name)(*fresh);
  fresh->Complete();
  store = std::move(fresh);
  return *store;
}

}  // namespace granary::testing
