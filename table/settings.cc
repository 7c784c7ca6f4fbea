#include "granary/table/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <variant>

#include "granary/table/error.h"

namespace granary {
namespace {

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

// A field of a settings struct: where it is, and which values it takes.
template <class Settings>
struct UIntField {
  uint64_t Settings::*member;
  uint64_t min = 0;
  uint64_t max = kUnlimited;
};
template <class Settings>
struct DoubleField {
  double Settings::*member;
  double min = 0;
  double max = 1e300;
};
template <class Settings>
struct BoolField {
  bool Settings::*member;
};
template <class Settings>
struct StringField {
  std::string Settings::*member;
  std::vector<std::string_view> allowed = {};  // empty: any
};
template <class Settings, class Enum>
struct EnumField {
  Enum Settings::*member;
  std::vector<std::string_view> names;  // in the order of the enum
};

template <class Settings>
using Field =
    std::variant<UIntField<Settings>, DoubleField<Settings>, BoolField<Settings>,
                 StringField<Settings>, EnumField<Settings, FsyncPolicy>,
                 EnumField<Settings, FilterStrategy>, EnumField<Settings, VectorSearchMethod>,
                 EnumField<Settings, RerankScope>>;

template <class Settings>
struct Setting {
  std::string_view name;
  Field<Settings> field;
  std::string_view description;
};

// A setting of ClickHouse that has one meaningful value here.
struct FixedSetting {
  std::string_view name;
  std::vector<std::string_view> accepted;  // empty: obsolete, accepted with any value
};

using Q = QuerySettings;
using T = TableSettings;

const std::vector<Setting<Q>>& Settings(const Q*) {
  static const std::vector<Setting<Q>> settings = {
      {"distance_kernels",
       StringField<Q>{&Q::distance_kernels, {"auto", "avx512", "avx2", "neon", "portable"}},
       "Which variant of the distance kernels computes distances."},
      {"exclude_materialize_skip_indexes_on_insert",
       StringField<Q>{&Q::exclude_materialize_skip_indexes_on_insert},
       "Comma-separated names of skip indexes that INSERT does not build."},
      {"force_data_skipping_indices", StringField<Q>{&Q::force_data_skipping_indices},
       "Comma-separated names of skip indexes; a query that does not use them all fails."},
      {"format_csv_delimiter", StringField<Q>{&Q::format_csv_delimiter},
       "The one character between values in CSV."},
      {"hnsw_candidate_list_size_for_search",
       UIntField<Q>{&Q::hnsw_candidate_list_size_for_search, 1, 1000000},
       "Width of the graph search (ef_search): larger is slower and finds more."},
      {"ignore_data_skipping_indices", StringField<Q>{&Q::ignore_data_skipping_indices},
       "Comma-separated names of skip indexes that are not used."},
      {"input_format_skip_unknown_fields", BoolField<Q>{&Q::input_format_skip_unknown_fields},
       "Whether keys of JSONEachRow and columns of the WithNames formats that the table does not "
       "have "
       "are passed over; if not, they are errors."},
      {"materialize_skip_indexes_on_insert", BoolField<Q>{&Q::materialize_skip_indexes_on_insert},
       "Whether INSERT builds skip indexes; parts without are searched exactly."},
      {"max_ast_depth", UIntField<Q>{&Q::max_ast_depth},
       "How deeply the syntax tree of a statement may be nested; 0 is no limit."},
      {"max_ast_elements", UIntField<Q>{&Q::max_ast_elements},
       "Elements of the syntax tree of a statement, at most; a list of literals counts as one, 0 "
       "is "
       "no limit."},
      {"max_block_size", UIntField<Q>{&Q::max_block_size, 1, 1 << 24},
       "Rows per block of a result, at most."},
      {"max_execution_time", DoubleField<Q>{&Q::max_execution_time},
       "Seconds a statement may take; 0 is no limit."},
      {"max_expanded_ast_elements", UIntField<Q>{&Q::max_expanded_ast_elements},
       "As max_ast_elements, with each WITH query and alias counted wherever it is used."},
      {"max_insert_block_size", UIntField<Q>{&Q::max_insert_block_size, 1, 1 << 30},
       "Rows of an INSERT that become one part, at most."},
      {"max_limit_for_vector_search_queries", UIntField<Q>{&Q::max_limit_for_vector_search_queries},
       "A larger LIMIT + OFFSET makes a vector search exact."},
      {"max_memory_usage", UIntField<Q>{&Q::max_memory_usage},
       "Bytes a statement may use; 0 is no limit but that of the database."},
      {"max_parser_depth", UIntField<Q>{&Q::max_parser_depth, 1, 10000},
       "How deeply expressions may be nested."},
      {"max_query_size", UIntField<Q>{&Q::max_query_size, 1},
       "Bytes of one statement, inline data not counted."},
      {"max_result_rows", UIntField<Q>{&Q::max_result_rows},
       "A result of more rows fails; 0 is no limit."},
      {"max_threads", UIntField<Q>{&Q::max_threads, 0, 1024},
       "Threads that work on a statement; 0 is all of the database."},
      {"output_format_json_quote_64bit_integers",
       BoolField<Q>{&Q::output_format_json_quote_64bit_integers},
       "Whether JSON shows 64-bit integers as strings."},
      {"output_format_pretty_max_rows", UIntField<Q>{&Q::output_format_pretty_max_rows},
       "Rows that PrettyCompact shows, at most."},
      {"query_plan_try_use_vector_search", BoolField<Q>{&Q::query_plan_try_use_vector_search},
       "Whether vector indexes are used; if not, vector searches are exact."},
      {"use_skip_indexes", BoolField<Q>{&Q::use_skip_indexes},
       "Whether skip indexes of any kind are used."},
      {"vector_search_filter_strategy",
       EnumField<Q, FilterStrategy>{&Q::vector_search_filter_strategy,
                                    {"auto", "prefilter", "postfilter"}},
       "How a vector search applies WHERE; the rows returned match it whichever is chosen."},
      {"vector_search_index_fetch_multiplier",
       DoubleField<Q>{&Q::vector_search_index_fetch_multiplier, 1, 1000},
       "How many times LIMIT candidates are fetched when there is a filter."},
      {"vector_search_method",
       EnumField<Q, VectorSearchMethod>{&Q::vector_search_method, {"auto", "graph", "scan"}},
       "Whether a vector search walks the graph of a sub-index or scans its codes, which is exact; "
       "auto is what costs less."},
      {"vector_search_rerank_scope",
       EnumField<Q, RerankScope>{&Q::vector_search_rerank_scope, {"rows", "granules"}},
       "Whether exact distances are computed for the candidate rows or their whole granules."},
  };
  return settings;
}

const std::vector<Setting<T>>& Settings(const T*) {
  static const std::vector<Setting<T>> settings = {
      {"fsync", EnumField<T, FsyncPolicy>{&T::fsync, {"full", "normal", "off"}},
       "full: acknowledged statements survive a power cut; normal: the last ones may be lost; off: "
       "nothing is synced."},
      {"index_block_bytes_max", UIntField<T>{&T::index_block_bytes_max, 1},
       "Bytes of indexed values at which an index block ends early."},
      {"index_granularity", UIntField<T>{&T::index_granularity, 1, 1 << 24}, "Rows per granule."},
      {"materialize_skip_indexes_on_merge", BoolField<T>{&T::materialize_skip_indexes_on_merge},
       "Whether merges build skip indexes."},
      {"max_bytes_to_merge", UIntField<T>{&T::max_bytes_to_merge, 1},
       "Bytes of the inputs of one background merge, at most."},
      {"max_dead_rows_share", DoubleField<T>{&T::max_dead_rows_share, 0, 1},
       "A part of which more rows are deleted is rewritten in the background; 1 is never."},
      {"max_parts_to_merge_at_once", UIntField<T>{&T::max_parts_to_merge_at_once, 2, 10000},
       "Inputs of one background merge, at most."},
      {"merge_max_block_size", UIntField<T>{&T::merge_max_block_size, 1, 1 << 24},
       "Rows a merge holds of each input at a time, at most."},
      {"min_bytes_for_wide_part", UIntField<T>{&T::min_bytes_for_wide_part},
       "Smaller parts keep all columns in one file."},
      {"parts_to_delay_insert", UIntField<T>{&T::parts_to_delay_insert, 1},
       "Active parts of a partition from which an INSERT waits for merges."},
      {"parts_to_throw_insert", UIntField<T>{&T::parts_to_throw_insert, 1},
       "Active parts of a partition from which an INSERT fails."},
      {"vector_index_min_rows_for_graph", UIntField<T>{&T::vector_index_min_rows_for_graph},
       "Index blocks of fewer rows have no graph and are scanned."},
  };
  return settings;
}

const std::vector<FixedSetting>& FixedSettings(const Q*) {
  static const std::vector<FixedSetting> settings = {
      {"allow_experimental_vector_similarity_index", {}},
      {"enable_vector_similarity_index", {}},
      {"allow_experimental_annoy_index", {}},
      {"allow_experimental_usearch_index", {}},
      {"compatibility", {""}},
      {"explain_query_plan_default", {"legacy"}},
      {"allow_experimental_lightweight_delete", {"1"}},
      {"enable_lightweight_delete", {"1"}},
      {"lightweight_deletes_sync", {"1", "2"}},
      {"mutations_sync", {"1", "2"}},
      {"optimize_move_to_prewhere", {"0"}},
      {"query_plan_optimize_lazy_materialization", {"1"}},
      {"use_query_condition_cache", {"0"}},
      {"vector_search_with_rescoring", {"1"}},
      {"vector_search_use_quantized_codes", {"0"}},
  };
  return settings;
}

const std::vector<FixedSetting>& FixedSettings(const T*) {
  static const std::vector<FixedSetting> settings = {
      {"add_minmax_index_for_numeric_columns", {"0"}},
      {"alter_column_secondary_index_mode", {"rebuild"}},
      {"exclude_materialize_skip_indexes_on_merge", {""}},
      {"index_granularity_bytes", {"0"}},
      {"min_rows_for_wide_part", {"0"}},
      {"packed_skip_index_max_bytes", {"0"}},
      {"ratio_of_defaults_for_sparse_serialization", {"1", "1.0"}},
  };
  return settings;
}

std::string TextOf(const Value& value) {
  if (value.is_string()) return value.as_string();
  if (value.is_array()) return "an array";
  const DataType type = value.is_uint()  ? TypeId::kUInt64
                        : value.is_int() ? TypeId::kInt64
                                         : TypeId::kFloat64;
  return ValueToSql(value, type);
}

std::string Listed(const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) {
    text += (text.empty() ? "'" : ", '") + std::string(name) + "'";
  }
  return text;
}

[[noreturn]] void ThrowInvalid(std::string_view name, const Value& value,
                               const std::string& expected) {
  throw Error(ErrorCode::kInvalidSettingValue, "Setting " + std::string(name) + " cannot be " +
                                                   TextOf(value) + "; it takes " + expected);
}

template <class Number>
std::optional<Number> ParseNumber(const Value& value) {
  const std::string text = TextOf(value);
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// One Set and one Get per shape of field.
template <class S>
void Set(S& settings, const UIntField<S>& field, std::string_view name, const Value& value) {
  const auto number = ParseNumber<uint64_t>(value);
  if (!number || *number < field.min || *number > field.max) {
    ThrowInvalid(
        name, value,
        "a whole number from " + std::to_string(field.min) + " to " + std::to_string(field.max));
  }
  settings.*field.member = *number;
}

template <class S>
void Set(S& settings, const DoubleField<S>& field, std::string_view name, const Value& value) {
  const auto number = ParseNumber<double>(value);
  if (!number || !(*number >= field.min && *number <= field.max)) {
    ThrowInvalid(name, value, "a number from " + TextOf(field.min) + " to " + TextOf(field.max));
  }
  settings.*field.member = *number;
}

template <class S>
void Set(S& settings, const BoolField<S>& field, std::string_view name, const Value& value) {
  const std::string text = TextOf(value);
  const bool is_true = text == "1" || text == "true";
  if (!is_true && text != "0" && text != "false") ThrowInvalid(name, value, "0 or 1");
  settings.*field.member = is_true;
}

template <class S>
void Set(S& settings, const StringField<S>& field, std::string_view name, const Value& value) {
  const std::string text = TextOf(value);
  const auto& allowed = field.allowed;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), text) == allowed.end()) {
    ThrowInvalid(name, value, "one of " + Listed(allowed));
  }
  settings.*field.member = text;
}

template <class S, class Enum>
void Set(S& settings, const EnumField<S, Enum>& field, std::string_view name, const Value& value) {
  const auto it = std::find(field.names.begin(), field.names.end(), TextOf(value));
  if (it == field.names.end()) ThrowInvalid(name, value, "one of " + Listed(field.names));
  settings.*field.member = static_cast<Enum>(it - field.names.begin());
}

template <class S>
std::string Get(const S& settings, const UIntField<S>& field) {
  return std::to_string(settings.*field.member);
}
template <class S>
std::string Get(const S& settings, const DoubleField<S>& field) {
  return TextOf(settings.*field.member);
}
template <class S>
std::string Get(const S& settings, const BoolField<S>& field) {
  return settings.*field.member ? "1" : "0";
}
template <class S>
std::string Get(const S& settings, const StringField<S>& field) {
  return settings.*field.member;
}
template <class S, class Enum>
std::string Get(const S& settings, const EnumField<S, Enum>& field) {
  return std::string(field.names[static_cast<size_t>(settings.*field.member)]);
}

template <class S>
std::string_view TypeOf(const Field<S>& field) {
  // The kinds of enums come last.
  constexpr std::array<std::string_view, 5> names = {"UInt64", "Double", "Bool", "String", "Enum"};
  return names[std::min(field.index(), names.size() - 1)];
}

template <class S>
const Setting<S>* FindSetting(const S* tag, std::string_view name) {
  const auto& settings = Settings(tag);
  const auto it = std::find_if(settings.begin(), settings.end(),
                               [&](const Setting<S>& setting) { return setting.name == name; });
  return it == settings.end() ? nullptr : &*it;
}

// False if there is no such fixed setting.
template <class S>
bool AcceptFixedSetting(const S* tag, std::string_view name, const Value& value) {
  for (const FixedSetting& fixed : FixedSettings(tag)) {
    if (fixed.name != name) continue;
    const auto& accepted = fixed.accepted;
    if (accepted.empty() ||
        std::find(accepted.begin(), accepted.end(), TextOf(value)) != accepted.end()) {
      return true;
    }
    throw Error(ErrorCode::kNotImplemented, "Setting " + std::string(name) + " = " + TextOf(value) +
                                                " is not implemented; Granary behaves as with " +
                                                Listed(accepted));
  }
  return false;
}

template <class S>
void Apply(S& settings, std::string_view name, const Value& value, std::string_view what) {
  const Setting<S>* setting = FindSetting(&settings, name);
  if (setting != nullptr) {
    std::visit([&](const auto& field) { Set(settings, field, name, value); }, setting->field);
  } else if (!AcceptFixedSetting(&settings, name, value)) {
    throw Error(ErrorCode::kUnknownSetting, "Unknown setting " + std::string(name) + " of a " +
                                                std::string(what) +
                                                "; system.settings lists those there are");
  }
}

template <class S>
std::vector<SettingInfo> Describe(const S& settings) {
  const S defaults{};
  std::vector<SettingInfo> infos;
  for (const Setting<S>& setting : Settings(&settings)) {
    const auto text = [&](const S& from) {
      return std::visit([&](const auto& field) { return Get(from, field); }, setting.field);
    };
    SettingInfo info{setting.name, text(settings),        text(defaults),
                     false,        TypeOf(setting.field), setting.description};
    info.changed = info.value != info.default_value;
    infos.push_back(std::move(info));
  }
  return infos;
}

// Another name of the same setting in ClickHouse.
std::string_view Canonical(std::string_view name) {
  return name == "vector_search_postfilter_multiplier" ? "vector_search_index_fetch_multiplier"
                                                       : name;
}

}  // namespace

void ApplySetting(QuerySettings& settings, std::string_view name, const Value& value) {
  Apply(settings, Canonical(name), value, "query");
}

void ApplySetting(TableSettings& settings, std::string_view name, const Value& value) {
  Apply(settings, name, value, "table");
}

std::vector<SettingInfo> DescribeSettings(const QuerySettings& settings) {
  return Describe(settings);
}

std::vector<SettingInfo> DescribeSettings(const TableSettings& settings) {
  return Describe(settings);
}

}  // namespace granary
