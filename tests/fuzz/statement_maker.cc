#include "granary/tests/fuzz/statement_maker.h"

#include <vector>

namespace granary::fuzz {

// The columns of a table by what can be done with them; never empty where a grammar asks for them.
struct StatementMaker::TableShape {
  std::string name;
  std::vector<std::string> columns, numbers, texts, times, arrays, vectors, indexes;
};

namespace {

using Words = std::vector<const char*>;

const Words kLiterals = {"0",
                         "1",
                         "2",
                         "3",
                         "-1",
                         "10",
                         "0.5",
                         "1e10",
                         "nan",
                         "inf",
                         "255",
                         "'n1'",
                         "''",
                         "'a'",
                         "[1, 1]",
                         "[]",
                         "['a', '']",
                         "true",
                         "-128",
                         "1000",
                         "NULL",
                         "18446744073709551615",
                         "-9223372036854775808",
                         "'2024-01-05'"};
const Words kSmallNumbers = {"0",  "1",   "2",  "3",   "5",
                             "10", "100", "-1", "1.5", "18446744073709551615"};
const Words kVectors = {"[1., 1.]",
                        "[0., 0.]",
                        "[3., -2.]",
                        "[1., 2., 3.]",
                        "[0, 0, 0]",
                        "[nan, 1.]",
                        "[]",
                        "[1e38, 1e38]",
                        "{q:Array(Float32)}",
                        "(SELECT v FROM t WHERE id = 3)",
                        "arrayMap(x -> x + 1, [1., 1.])"};
const Words kSettings = {"max_threads = 1",
                         "max_block_size = 2",
                         "hnsw_candidate_list_size_for_search = 4",
                         "vector_search_filter_strategy = 'prefilter'",
                         "vector_search_filter_strategy = 'postfilter'",
                         "vector_search_method = 'scan'",
                         "vector_search_method = 'graph'",
                         "vector_search_method = 'auto'",
                         "vector_search_rerank_scope = 'granules'",
                         "vector_search_index_fetch_multiplier = 3",
                         "use_skip_indexes = 0",
                         "force_data_skipping_indices = 'near'",
                         "ignore_data_skipping_indices = 'near, mm'",
                         "query_plan_try_use_vector_search = 0",
                         "max_result_rows = 5",
                         "max_memory_usage = 1000000",
                         "distance_kernels = 'portable'",
                         "max_insert_block_size = 2"};
const Words kFormats = {"TabSeparated",  "CSV",      "JSONEachRow", "Values",
                        "PrettyCompact", "Vertical", "Null",        "CSVWithNames"};
const Words kTypes = {"UInt8", "UInt32",  "Int64",          "Float64",        "String",
                      "Bool",  "Date",    "DateTime",       "Array(Float32)", "Array(String)",
                      "Int16", "Float32", "Array(Float64)", "BFloat16",       "Array(BFloat16)"};

// Pieces in a row. A list in braces, unlike operands of +, is evaluated from left to right with
// every compiler: the same choices make the same statement.
std::string Sql(std::initializer_list<std::string> pieces) {
  std::string sql;
  for (const std::string& piece : pieces) sql += piece;
  return sql;
}

}  // namespace

std::string StatementMaker::Repeat(size_t least, size_t most,
                                   std::string (StatementMaker::*make)(int), int depth) {
  std::string list;
  const size_t count = least + choices_.Below(most - least + 1);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) list += ", ";
    list += (this->*make)(depth);
  }
  return list;
}

const StatementMaker::TableShape& StatementMaker::PickTable() {
  static const std::vector<TableShape> shapes = {
      {"t",
       {"id", "c", "i", "f", "g", "b", "s", "d", "ts", "a", "sa", "v"},
       {"id", "c", "i", "f", "b", "g"},
       {"s"},
       {"d", "ts"},
       {"a", "sa", "v"},
       {"v"},
       {"near", "mm", "st", "bf"}},
      {"u",
       {"id", "w", "x"},
       {"id"},
       {"toString(id)"},
       {"toDate(id)"},
       {"w", "x"},
       {"w"},
       {"near"}},
      {"e", {"id", "v", "n"}, {"id"}, {"n"}, {"toDateTime(id)"}, {"v"}, {"v"}, {"near"}},
      {"n", {"k", "s", "v"}, {"k"}, {"s"}, {"toDate(k)"}, {"v"}, {"v"}, {"i0"}},
  };
  table_ = &shapes[choices_.Below(has_made_table_ ? 4 : 3)];
  return *table_;
}

std::string StatementMaker::Literal() { return choices_.Of(kLiterals); }

std::string StatementMaker::Number(int depth) {
  switch (choices_.Below(depth > 0 ? 12 : 2)) {
    case 0:
      return choices_.Of(table_->numbers);
    case 1:
      return choices_.Of(kSmallNumbers);
    case 2: {
      static const Words kOperators = {" + ", " - ", " * ", " / ", " % ", " DIV "};
      return Sql({"(", Number(depth - 1), choices_.Of(kOperators), Number(depth - 1), ")"});
    }
    case 3:
      return Sql({"length(", (choices_.OneIn(2) ? Text(depth - 1) : Array(depth - 1)), ")"});
    case 4:
      return Sql({"-", Number(depth - 1)});
    case 5:
      return Sql(
          {"if(", Condition(depth - 1), ", ", Number(depth - 1), ", ", Number(depth - 1), ")"});
    case 6: {
      static const Words kNames = {"abs(",  "toInt32(", "toUInt8(",    "toFloat64(", "floor(",
                                   "sqrt(", "bitNot(",  "cityHash64(", "toYear(",    "sign("};
      return Sql({choices_.Of(kNames), Number(depth - 1), ")"});
    }
    case 7:
      return Distance();
    case 8:
      return Sql({"arrayElement(", Array(depth - 1), ", ", Number(depth - 1), ")"});
    case 9:
      return Sql({"CAST(", Any(depth - 1), " AS ", choices_.Of(kTypes), ")"});
    case 10:
      return Sql({"(SELECT ", choices_.OneIn(2) ? "max" : "count", "(id) FROM u)"});
    default:
      return Sql({"CASE WHEN ", Condition(depth - 1), " THEN ", Number(depth - 1), " ELSE ",
                  Number(depth - 1), " END"});
  }
}

std::string StatementMaker::Text(int depth) {
  switch (choices_.Below(depth > 0 ? 7 : 2)) {
    case 0:
      return choices_.Of(table_->texts);
    case 1: {
      static const Words kTexts = {"''", "'n1'", "'n'", "'a%'", "'x_'", "'2024-01-05'", "'1'"};
      return choices_.Of(kTexts);
    }
    case 2:
      return Sql({"concat(", Text(depth - 1), ", ", Any(depth - 1), ")"});
    case 3:
      return Sql({"toString(", Any(depth - 1), ")"});
    case 4: {
      static const Words kNames = {"lower(", "upper(", "reverse(", "trim(", "hex(", "lowerUTF8("};
      return Sql({choices_.Of(kNames), Text(depth - 1), ")"});
    }
    case 5:
      return Sql({"substring(", Text(depth - 1), ", ", Number(depth - 1), ")"});
    default:
      return Sql({"arrayStringConcat(", Array(depth - 1), ", ',')"});
  }
}

std::string StatementMaker::Time(int depth) {
  switch (choices_.Below(depth > 0 ? 5 : 2)) {
    case 0:
      return choices_.Of(table_->times);
    case 1:
      return choices_.OneIn(2) ? "toDate('2024-02-29')" : "now()";
    case 2: {
      static const Words kUnits = {"SECOND", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"};
      return Sql({"(", Time(depth - 1), (choices_.OneIn(2) ? " + " : " - "), "INTERVAL ",
                  Number(depth - 1), " ", choices_.Of(kUnits), ")"});
    }
    case 3: {
      static const Words kNames = {"toStartOfMonth(", "toDateTime(", "toMonday(", "toDate("};
      return Sql({choices_.Of(kNames), Time(depth - 1), ")"});
    }
    default:
      return Sql({"addDays(", Time(depth - 1), ", ", Number(depth - 1), ")"});
  }
}

std::string StatementMaker::Array(int depth) {
  switch (choices_.Below(depth > 0 ? 6 : 2)) {
    case 0:
      return choices_.Of(table_->arrays);
    case 1: {
      static const Words kArrays = {"[]", "[1, 2]", "['a']", "[0.5]", "[[]]", "range(3)"};
      return choices_.Of(kArrays);
    }
    case 2: {
      static const Words kLambdas = {"x -> x", "x -> x = x", "x -> toString(x)", "x -> [x]",
                                     "x -> length(s)"};
      static const Words kNames = {"arrayMap(", "arrayFilter(", "arraySort(", "arrayCumSum("};
      return Sql({choices_.Of(kNames), choices_.Of(kLambdas), ", ", Array(depth - 1), ")"});
    }
    case 3: {
      static const Words kNames = {"arrayDistinct(", "reverse(", "arrayPopFront(", "arrayFlatten(",
                                   "arrayEnumerate("};
      return Sql({choices_.Of(kNames), Array(depth - 1), ")"});
    }
    case 4:
      return Sql({"arrayConcat(", Array(depth - 1), ", ", Array(depth - 1), ")"});
    default:
      return Sql({"[", Repeat(0, 3, &StatementMaker::Any, depth - 1), "]"});
  }
}

std::string StatementMaker::Condition(int depth) {
  switch (choices_.Below(depth > 0 ? 10 : 3)) {
    case 0: {
      static const Words kOperators = {" = ", " < ", " >= ", " != ", " > ", " <= "};
      return Sql({Number(depth - 1), choices_.Of(kOperators), Number(depth - 1)});
    }
    case 1:
      return Sql({Text(depth - 1), (choices_.OneIn(2) ? " LIKE " : " = "), Text(0)});
    case 2:
      return Sql({choices_.Of(table_->columns), " IN (", Literal(), ", ", Literal(), ")"});
    case 3:
      return Sql({"(", Condition(depth - 1), " AND ", Condition(depth - 1), ")"});
    case 4:
      return Sql({"(", Condition(depth - 1), " OR ", Condition(depth - 1), ")"});
    case 5:
      return Sql({"NOT (", Condition(depth - 1), ")"});
    case 6:
      return Sql({Number(depth - 1), (choices_.OneIn(2) ? " IN " : " NOT IN "), "(SELECT id FROM ",
                  (choices_.OneIn(2) ? "u" : "t"), ")"});
    case 7:
      return Sql({"has(", Array(depth - 1), ", ", Any(depth - 1), ")"});
    case 8:
      return Sql({Distance(), " < ", Number(0)});
    default:
      return Sql({choices_.Of(table_->times), " > ", Time(depth - 1)});
  }
}

std::string StatementMaker::Any(int depth) {
  switch (choices_.Below(7)) {
    case 0:
      return choices_.Of(table_->columns);
    case 1:
      return Literal();
    case 2:
      return Number(depth);
    case 3:
      return Text(depth);
    case 4:
      return Array(depth);
    case 5:
      return Time(depth);
    default:
      return Condition(depth);
  }
}

std::string StatementMaker::Aggregate(int depth) {
  static const Words kNames = {"count",
                               "sum",
                               "avg",
                               "min",
                               "max",
                               "any",
                               "anyLast",
                               "uniqExact",
                               "groupArray",
                               "uniq",
                               "groupUniqArray",
                               "median",
                               "quantile(0.9)",
                               "argMin",
                               "argMax",
                               "stddevPop",
                               "groupArray(2)",
                               "sumIf",
                               "countIf",
                               "avgIf"};
  const std::string name = choices_.Of(kNames);
  if (name == "count" && choices_.OneIn(2)) return "count()";
  std::string arguments = Any(depth);
  if (name.starts_with("arg")) arguments += Sql({", ", Any(depth)});
  if (name == "countIf") return "countIf(" + Condition(depth) + ")";
  if (name.ends_with("If")) arguments += Sql({", ", Condition(depth)});
  return Sql({name, (choices_.OneIn(8) ? "(DISTINCT " : "("), arguments, ")"});
}

std::string StatementMaker::Vector() {
  return choices_.OneIn(8) ? Array(1) : choices_.Of(kVectors);
}

std::string StatementMaker::Distance() {
  static const Words kNames = {"L2Distance(", "cosineDistance(", "dotProduct(", "L1Distance("};
  return Sql({choices_.Of(kNames), choices_.Of(table_->vectors), ", ", Vector(), ")"});
}

std::string StatementMaker::Columns(bool has_groups) {
  if (!has_groups && choices_.OneIn(3)) return choices_.OneIn(3) ? "* EXCEPT (id)" : "*";
  std::string list;
  const size_t count = 1 + choices_.Below(3);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) list += ", ";
    list += has_groups ? Aggregate(1) : Any(2);
    if (choices_.OneIn(3)) list += " AS x" + std::to_string(i);
  }
  return list;
}

std::string StatementMaker::From(int depth) {
  PickTable();
  switch (choices_.Below(depth > 0 ? 6 : 3)) {
    case 3:
      return Sql({" FROM (", Select(depth - 1), ")"});
    case 4:
      return Sql({" FROM numbers(", choices_.Of(kSmallNumbers), ") AS ", table_->name});
    case 5:
      return " FROM " + table_->name + " CROSS JOIN u AS j";
    default:
      return Sql({" FROM ", table_->name, (choices_.OneIn(8) ? " FINAL" : "")});
  }
}

std::string StatementMaker::OrderBy() {
  switch (choices_.Below(5)) {
    case 0:
      return "";
    case 1:
      return Sql({" ORDER BY ", Distance()});
    case 2:
      return " ORDER BY ALL";
    default: {
      const std::string items = Repeat(1, 2, &StatementMaker::Any, 1);
      return Sql({" ORDER BY ", items, (choices_.OneIn(3) ? " DESC" : "")});
    }
  }
}

std::string StatementMaker::Limit() {
  std::string limit;
  if (choices_.OneIn(6)) limit = Sql({" LIMIT ", choices_.Of(kSmallNumbers), " BY ", Any(0)});
  if (choices_.OneIn(2)) {
    limit += Sql({" LIMIT ", choices_.Of(kSmallNumbers)});
    if (choices_.OneIn(3)) limit += Sql({" OFFSET ", choices_.Of(kSmallNumbers)});
    if (choices_.OneIn(6)) limit += " WITH TIES";
  }
  return limit;
}

std::string StatementMaker::SelectSettings() {
  if (!choices_.OneIn(3)) return "";
  std::string settings = " SETTINGS ";
  settings += choices_.Of(kSettings);
  if (choices_.OneIn(2)) settings += Sql({", ", choices_.Of(kSettings)});
  return settings;
}

std::string StatementMaker::Select(int depth) {
  const std::string from = From(depth);
  const bool has_groups = choices_.OneIn(3);
  std::string sql = "SELECT ";
  if (choices_.OneIn(8)) sql = Sql({"WITH ", Any(1), " AS y ", sql});
  if (choices_.OneIn(6)) sql += "DISTINCT ";
  sql += Sql({Columns(has_groups), from});
  if (choices_.OneIn(2)) sql += Sql({(choices_.OneIn(4) ? " PREWHERE " : " WHERE "), Condition(2)});
  if (has_groups && choices_.OneIn(2)) {
    sql += Sql({" GROUP BY ", Repeat(1, 2, &StatementMaker::Any, 1)});
    if (choices_.OneIn(3)) sql += Sql({" HAVING ", Aggregate(1), " > ", Number(0)});
  }
  return Sql({sql, OrderBy(), Limit()});
}

std::string StatementMaker::Query(int depth) {
  std::string sql = Select(depth);
  if (choices_.OneIn(6)) sql += Sql({" UNION ALL ", Select(0)});
  return Sql({sql, SelectSettings()});
}

std::string StatementMaker::NeighborSearch() {
  PickTable();
  std::string sql =
      Sql({"SELECT ", (choices_.OneIn(2) ? "*" : Sql({Any(1), ", ", Distance(), " AS dist"}))});
  sql += " FROM " + table_->name;
  if (choices_.OneIn(2)) sql += Sql({" WHERE ", Condition(2)});
  sql += Sql({" ORDER BY ", Distance()});
  if (choices_.OneIn(4)) sql += " DESC";
  if (choices_.OneIn(4)) sql += Sql({", ", Any(0)});
  return Sql({sql, " LIMIT ", choices_.Of(kSmallNumbers), SelectSettings()});
}

std::string StatementMaker::NeighborJoin() {
  static const Words kPairs = {"t, t AS q", "e AS q, t", "u AS q CROSS JOIN u AS t"};
  std::string sql = "SELECT * FROM ";
  sql += choices_.Of(kPairs);
  table_ = nullptr;
  PickTable();
  if (choices_.OneIn(2))
    sql += Sql({" WHERE q.", table_->numbers[0], " > ", choices_.Of(kSmallNumbers)});
  const std::string vector = choices_.OneIn(3) ? "w" : "v";
  sql += Sql({" ORDER BY L2Distance(t.", vector, ", q.", vector, ") LIMIT "});
  return Sql({sql, choices_.Of(kSmallNumbers), " BY q.id", SelectSettings()});
}

std::string StatementMaker::Row() {
  std::string row = "(";
  for (size_t i = 0; i < table_->columns.size(); ++i) {
    if (i > 0) row += ", ";
    if (choices_.OneIn(6)) {
      row += Literal();
    } else if (choices_.OneIn(6)) {
      row += "DEFAULT";
    } else {
      static const Words kByName = {"7", "'n2'", "[1, 2]", "[]", "'2024-03-01'", "0"};
      row += choices_.Of(kByName);
    }
  }
  return row + ")";
}

std::string StatementMaker::Insert() {
  PickTable();
  std::string sql = "INSERT INTO " + table_->name;
  switch (choices_.Below(4)) {
    case 0: {
      const std::string id = table_->numbers[0];
      const std::string vector = table_->vectors[0];
      return Sql({sql, " (", id, ", ", vector, ") VALUES (", choices_.Of(kSmallNumbers), ", ",
                  Vector(), "), (", choices_.Of(kSmallNumbers), ", [1, 2])"});
    }
    case 1:
      sql += Sql({" VALUES ", Row()});
      return choices_.OneIn(2) ? Sql({sql, ", ", Row()}) : sql;
    case 2:
      return Sql({sql, " SELECT * FROM ", table_->name, " WHERE ", Condition(1)});
    default:
      return Sql({sql, " (", table_->numbers[0], ") ", Select(0)});
  }
}

std::string StatementMaker::IndexDefinition() {
  static const Words kKinds = {
      " TYPE minmax",
      " TYPE set(3)",
      " TYPE set(0)",
      " TYPE bloom_filter(0.1)",
      " TYPE vector_similarity('hnsw', 'L2Distance', 2, 'i8', 4, 8)",
      " TYPE vector_similarity('hnsw', 'cosineDistance')",
      " TYPE vector_similarity('hnsw', 'dotProduct', 'fast', allow_empty = 1)",
      " TYPE vector_similarity('hnsw', 'L2Distance', 2, 'b1')"};
  const size_t kind = choices_.Below(kKinds.size());
  std::string text = Sql({"i", std::to_string(choices_.Below(3)), " "});
  text += kind < 4 ? Any(1) : std::string(table_->vectors[0]);
  text += kKinds[kind];
  if (choices_.OneIn(2)) text += Sql({" GRANULARITY ", std::to_string(1 + choices_.Below(3))});
  return text;
}

std::string StatementMaker::CreateTable() {
  static const TableShape shape = {"n",           {"k", "s", "v"}, {"k"}, {"s"},
                                   {"toDate(k)"}, {"v"},           {"v"}, {"i0"}};
  table_ = &shape;
  has_made_table_ = true;
  std::string sql = Sql({"CREATE TABLE n (k ", choices_.Of(kTypes), ", s ",
                         (choices_.OneIn(3) ? choices_.Of(kTypes) : "String"), ", v ",
                         (choices_.OneIn(4) ? choices_.Of(kTypes) : "Array(Float32)")});
  if (choices_.OneIn(3)) sql += Sql({" DEFAULT ", Vector()});
  if (choices_.OneIn(2)) sql += Sql({", INDEX ", IndexDefinition()});
  if (choices_.OneIn(4)) sql += Sql({", CONSTRAINT c CHECK ", Condition(1)});
  sql += ") ENGINE = MergeTree";
  if (choices_.OneIn(3)) sql += Sql({" PARTITION BY ", Any(1)});
  sql += Sql({" ORDER BY ", (choices_.OneIn(3) ? Any(1) : std::string("k"))});
  sql += Sql({" SETTINGS index_granularity = ", std::to_string(1 + choices_.Below(4))});
  if (choices_.OneIn(2)) sql += ", vector_index_min_rows_for_graph = 0";
  if (choices_.OneIn(3)) sql += ", min_bytes_for_wide_part = 0";
  return sql;
}

std::string StatementMaker::Alter() {
  PickTable();
  const std::string sql = "ALTER TABLE " + table_->name + " ";
  const std::string& index = choices_.Of(table_->indexes);
  switch (choices_.Below(8)) {
    case 0:
      return Sql({sql, "ADD INDEX ", IndexDefinition()});
    case 1:
      return Sql({sql, "MATERIALIZE INDEX ", (choices_.OneIn(2) ? index : "i0")});
    case 2:
      return sql + "CLEAR INDEX " + index;
    case 3:
      return sql + "DROP INDEX " + index;
    case 4: {
      static const Words kTableSettings = {"max_dead_rows_share = 0.1", "merge_max_block_size = 1",
                                           "materialize_skip_indexes_on_merge = 0",
                                           "index_granularity = 2", "fsync = 'off'"};
      return Sql({sql, "MODIFY SETTING ", choices_.Of(kTableSettings)});
    }
    case 5:
      return Sql(
          {sql, "ADD CONSTRAINT c", std::to_string(choices_.Below(2)), " CHECK ", Condition(1)});
    case 6:
      return sql + "DROP CONSTRAINT c";
    default:
      return Sql({sql, "DELETE WHERE ", Condition(1)});
  }
}

std::string StatementMaker::Delete() {
  PickTable();
  std::string sql = "DELETE FROM " + table_->name;
  if (choices_.OneIn(4)) sql += Sql({" IN PARTITION ", choices_.Of(kSmallNumbers)});
  return Sql({sql, " WHERE ", Condition(2)});
}

std::string StatementMaker::Update() {
  PickTable();
  std::string sql =
      Sql({"UPDATE ", table_->name, " SET ", choices_.Of(table_->columns), " = ", Any(2)});
  if (choices_.OneIn(3)) sql += Sql({", ", choices_.Of(table_->columns), " = ", Any(1)});
  return Sql({sql, " WHERE ", Condition(1)});
}

std::string StatementMaker::Maintain() {
  PickTable();
  switch (choices_.Below(8)) {
    case 0:
      return "OPTIMIZE TABLE " + table_->name + " FINAL";
    case 1:
      return Sql({"OPTIMIZE TABLE ", table_->name, " PARTITION ", choices_.Of(kSmallNumbers)});
    case 2:
      return "CHECK TABLE " + table_->name;
    case 3:
      return "TRUNCATE TABLE " + table_->name;
    case 4:
      return "DROP TABLE " + table_->name;
    case 5:
      return Sql({"RENAME TABLE ", table_->name, " TO ", (choices_.OneIn(2) ? "n" : "t")});
    case 6:
      return "SYSTEM WARM TABLE " + table_->name;
    default:
      return Sql({"SET ", choices_.Of(kSettings)});
  }
}

std::string StatementMaker::Show() {
  PickTable();
  switch (choices_.Below(8)) {
    case 0:
      return "SHOW CREATE TABLE " + table_->name;
    case 1:
      return "DESCRIBE TABLE " + table_->name;
    case 2:
      return Sql({"EXPLAIN ", choices_.OneIn(2) ? "indexes = 1 " : "", Query(1)});
    case 3:
      return Sql({"EXPLAIN indexes = 1 ", NeighborSearch()});
    case 4: {
      static const Words kTables = {"parts",    "tables",    "columns",   "data_skipping_indices",
                                    "settings", "functions", "processes", "formats"};
      return Sql({"SELECT * FROM system.", choices_.Of(kTables)});
    }
    case 5:
      return "SHOW INDEX FROM " + table_->name;
    case 6:
      return Sql({"EXPLAIN RECALL ", NeighborSearch()});
    default:
      return Sql({"SHOW TABLES LIKE ", Text(0)});
  }
}

std::string StatementMaker::Next() {
  PickTable();
  switch (choices_.Below(16)) {
    case 0:
    case 1:
    case 2:
      return Sql({Query(2), (choices_.OneIn(4) ? Sql({" FORMAT ", choices_.Of(kFormats)}) : "")});
    case 3:
    case 4:
      return NeighborSearch();
    case 5:
      return NeighborJoin();
    case 6:
    case 7:
      return Insert();
    case 8:
      return CreateTable();
    case 9:
    case 10:
      return Alter();
    case 11:
      return Delete();
    case 12:
      return Update();
    case 13:
      return Maintain();
    case 14:
      return Show();
    default:
      return Query(1);
  }
}

}  // namespace granary::fuzz
