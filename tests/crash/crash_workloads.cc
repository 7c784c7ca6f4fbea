#include "granary/tests/crash/crash_workloads.h"

namespace granary::testing {
namespace {

std::string CreateTable(const std::string& name, const std::string& table_settings) {
  return "CREATE TABLE " + name +
         " (id UInt64, g UInt8, s String DEFAULT 'none', v Array(Float32), INDEX least id TYPE "
         "minmax GRANULARITY 1, INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 2)) "
         "ENGINE = MergeTree PARTITION BY g ORDER BY id SETTINGS index_granularity = 4, "
         "vector_index_min_rows_for_graph = 0, " +
         table_settings;
}

std::string Insert(const std::string& name, int first, int rows) {
  return "INSERT INTO " + name +
         " SELECT number, number % 2, toString(number), [toFloat32(number), toFloat32(number % 3)] "
         "FROM numbers(" +
         std::to_string(first) + ", " + std::to_string(rows) + ")";
}

// Just before the log of the table is folded.
std::vector<std::string> ManyRecords(const std::string& table_settings) {
  std::vector<std::string> statements = {CreateTable("t", table_settings), Insert("t", 0, 300)};
  for (int i = 0; i < 254; ++i) {
    statements.push_back("DELETE FROM t WHERE id = " + std::to_string(i));
  }
  return statements;
}

}  // namespace

std::vector<CrashWorkload> CrashWorkloads(const std::string& table_settings) {
  const std::string create = CreateTable("t", table_settings);
  const std::vector<std::string> empty = {create};
  const std::vector<std::string> one = {create, Insert("t", 0, 10)};
  const std::vector<std::string> filled = {create, Insert("t", 0, 10), Insert("t", 10, 6),
                                           "DELETE FROM t WHERE id = 3"};
  std::vector<std::string> with_view = one;
  with_view.emplace_back("CREATE VIEW w AS SELECT id, s FROM t WHERE id > 3");
  std::vector<CrashWorkload> workloads = {
      {"create_table", {}, {create}},
      {"create_second_table", one, {CreateTable("u", table_settings)}},
      {"create_table_as", one, {"CREATE TABLE u AS t"}},
      {"insert", empty, {Insert("t", 0, 1)}},
      {"insert_into_partitions", one, {Insert("t", 20, 9)}},
      {"insert_blocks", one, {Insert("t", 20, 12) + " SETTINGS max_insert_block_size = 4"}},
      {"inserts", empty, {Insert("t", 0, 3), Insert("t", 3, 3), Insert("t", 6, 3)}},
      {"delete", filled, {"DELETE FROM t WHERE id % 3 = 1"}},
      {"delete_all", filled, {"DELETE FROM t WHERE 1"}},
      {"alter_delete", filled, {"ALTER TABLE t DELETE WHERE id % 3 = 1"}},
      {"alter_update", filled, {"ALTER TABLE t UPDATE s = 'new' WHERE id % 4 = 1"}},
      {"update", filled, {"UPDATE t SET v = [1., 2.] WHERE id < 12"}},
      {"optimize", filled, {"OPTIMIZE TABLE t FINAL"}},
      {"optimize_partition", filled, {"OPTIMIZE TABLE t PARTITION 1 FINAL"}},
      {"add_index", filled, {"ALTER TABLE t ADD INDEX texts s TYPE set(10) GRANULARITY 1"}},
      {"materialize_index",
       {create, Insert("t", 0, 10), "ALTER TABLE t ADD INDEX texts s TYPE set(10) GRANULARITY 1"},
       {"ALTER TABLE t MATERIALIZE INDEX texts"}},
      {"clear_index", filled, {"ALTER TABLE t CLEAR INDEX near"}},
      {"drop_index", filled, {"ALTER TABLE t DROP INDEX near"}},
      {"drop_partition", filled, {"ALTER TABLE t DROP PARTITION 1"}},
      {"truncate", filled, {"TRUNCATE TABLE t"}},
      {"rename", filled, {"RENAME TABLE t TO renamed"}},
      {"drop", filled, {"DROP TABLE t"}},
      {"create_view", one, {with_view.back()}},
      {"create_views", one, {with_view.back(), "CREATE VIEW x AS SELECT id FROM w"}},
      {"replace_view", with_view, {"CREATE OR REPLACE VIEW w AS SELECT g FROM t"}},
      {"rename_view", with_view, {"RENAME TABLE w TO x"}},
      {"drop_view", with_view, {"DROP VIEW w"}},
      {"drop_and_create", filled, {"DROP TABLE t", create, Insert("t", 50, 2)}},
      {"fold", ManyRecords(table_settings), {"DELETE FROM t WHERE id = 290"}},
      {"open_after_power_cut",
       filled,
       {},
       {"db/catalog.durable", "db/tables/1/commit_log.durable"},
       {"db/catalog", "db/tables/1/commit_log"}},
      {"restore_table", filled, {}, {"db/tables/1/commit_log"}, {}, true},
      {"restore_catalogue", filled, {}, {"db/catalog"}, {}, true},
      {"restore_view", with_view, {}, {"db/tables/2/commit_log"}, {}, true},
      {"restore_catalogue_with_view", with_view, {}, {"db/catalog"}, {}, true},
      {"upgrade", {}, {}, {}, {}, false, "1"},
  };
  return workloads;
}

}  // namespace granary::testing
