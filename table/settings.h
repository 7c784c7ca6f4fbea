// Settings of queries and of tables: typed structs, and one list each of what they contain, which
// SET, SETTINGS, SHOW, system.settings and the runner's --NAME=VALUE all go through. To add a
// setting, add a field and a line in settings.cc.
//
// A ClickHouse setting that Granary has no use for is accepted only at the value that describes
// what Granary does; any other value is NOT_IMPLEMENTED (48) and names it. Unknown names are
// UNKNOWN_SETTING (115), values of the wrong type or out of range INVALID_SETTING_VALUE (471).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/table/value.h"

namespace granary {

enum class FsyncPolicy : uint8_t { kFull, kNormal, kOff };
enum class FilterStrategy : uint8_t { kAuto, kPrefilter, kPostfilter };
enum class VectorSearchMethod : uint8_t { kAuto, kGraph, kScan };
enum class RerankScope : uint8_t { kRows, kGranules };

// Settings of a statement. Defaults are the documented ones.
struct QuerySettings {
  uint64_t max_threads = 0;                  // 0: as many as the Database has
  uint64_t max_block_size = 65536;           // rows per block of a result
  double max_execution_time = 0;             // seconds; 0: no limit
  uint64_t max_memory_usage = 0;             // bytes per statement; 0: only the Database's limit
  uint64_t max_insert_block_size = 1048576;  // rows of an INSERT that become one part
  uint64_t max_parser_depth = 1000;
  // Of a statement's syntax tree; 0: no limit. Expanded: with what WITH and aliases repeat.
  uint64_t max_ast_depth = 1000;
  uint64_t max_ast_elements = 50000;
  uint64_t max_expanded_ast_elements = 500000;
  uint64_t max_query_size = 1073741824;  // bytes of one statement
  uint64_t max_result_rows = 0;          // 0: no limit

  bool use_skip_indexes = true;
  std::string force_data_skipping_indices;   // comma-separated names; unused: INDEX_NOT_USED
  std::string ignore_data_skipping_indices;  // comma-separated names
  bool materialize_skip_indexes_on_insert = true;
  std::string exclude_materialize_skip_indexes_on_insert;  // comma-separated names

  bool query_plan_try_use_vector_search = true;
  uint64_t hnsw_candidate_list_size_for_search = 256;  // ef_search; 0: INVALID_SETTING_VALUE
  uint64_t max_limit_for_vector_search_queries = 1000;
  FilterStrategy vector_search_filter_strategy = FilterStrategy::kAuto;
  double vector_search_index_fetch_multiplier = 1.0;  // 1 to 1000
  VectorSearchMethod vector_search_method = VectorSearchMethod::kAuto;
  RerankScope vector_search_rerank_scope = RerankScope::kRows;
  std::string distance_kernels = "auto";  // 'auto', 'avx512', 'avx2', 'neon', 'portable'

  std::string format_csv_delimiter = ",";
  bool input_format_skip_unknown_fields = true;
  bool output_format_json_quote_64bit_integers = false;
  uint64_t output_format_pretty_max_rows = 10000;
};

// Settings of a table, from CREATE TABLE ... SETTINGS.
struct TableSettings {
  uint64_t index_granularity = 8192;            // rows per granule
  uint64_t min_bytes_for_wide_part = 10485760;  // smaller parts keep all columns in one file
  FsyncPolicy fsync = FsyncPolicy::kFull;
  uint64_t vector_index_min_rows_for_graph = 2048;  // smaller index blocks have no graph
  uint64_t index_block_bytes_max = 8589934592;      // an index block ends early at this size
  uint64_t max_bytes_to_merge = 161061273600;       // of the inputs of one background merge
  uint64_t parts_to_delay_insert = 1000;            // active parts of one partition
  uint64_t parts_to_throw_insert = 3000;
  uint64_t merge_max_block_size = 8192;  // rows per step of a merge
  uint64_t max_parts_to_merge_at_once = 100;
  double max_dead_rows_share = 0.2;  // a part with more is rewritten in the background
  bool materialize_skip_indexes_on_merge = true;
};

// One setting as SHOW SETTINGS, system.settings and --help show it.
struct SettingInfo {
  std::string_view name;
  std::string value;          // current value as text
  std::string default_value;  // as text
  bool changed = false;
  std::string_view type;  // "UInt64", "Bool", "String", "Double", "Enum"
  std::string_view description;
};

// Sets by name; see the file comment for errors. The value may be a string or a number.
void ApplySetting(QuerySettings& settings, std::string_view name, const Value& value);
void ApplySetting(TableSettings& settings, std::string_view name, const Value& value);

// Every setting with its current value, in alphabetical order.
std::vector<SettingInfo> DescribeSettings(const QuerySettings& settings);
std::vector<SettingInfo> DescribeSettings(const TableSettings& settings);

}  // namespace granary
