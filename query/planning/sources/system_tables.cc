#include "granary/query/planning/sources/system_tables.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <utility>

#include "granary/query/engine/engine.h"
#include "granary/query/engine/statement_context.h"
#include "granary/query/formats/registry.h"
#include "granary/query/functions/aggregate_function.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/function_registry.h"
#include "granary/query/planning/sources/table_functions.h"
#include "granary/query/sql/format_ast.h"

namespace granary {
namespace {

// Rows of values, column by column as the header says.
class RowCollector {
 public:
  explicit RowCollector(const Header& header) : header_(header) {
    for (const HeaderColumn& column : header) {
      builders_.push_back(ColumnBuilder::Create(column.type));
    }
  }

  void Add(const std::vector<Value>& row) {
    for (size_t i = 0; i < row.size(); ++i) builders_[i]->Append(row[i]);
    ++rows_;
  }

  Block Finish() {
    Block block(rows_);
    for (size_t i = 0; i < header_.size(); ++i) {
      block.Add(header_[i].name, builders_[i]->Finish());
    }
    return block;
  }

 private:
  const Header& header_;
  std::vector<std::unique_ptr<ColumnBuilder>> builders_;
  size_t rows_ = 0;
};

struct SystemTable {
  Header header;
  std::function<void(StatementContext&, RowCollector&)> fill;
};

class SystemTableStep final : public PlanStep {
 public:
  SystemTableStep(std::string name, const SystemTable* table)
      : PlanStep(table->header), name_(std::move(name)), table_(table) {}

  BlockStreamPtr Open(StatementContext& context) const override {
    RowCollector rows(header());
    table_->fill(context, rows);
    return std::make_unique<StoredStream>(std::vector<Block>{rows.Finish()});
  }
  StepDescription Describe(StatementContext&, bool) const override {
    return {"ReadFromSystemTable (system." + name_ + ")", {}, {}};
  }

 private:
  std::string name_;
  const SystemTable* table_;
};

constexpr TypeId kText = TypeId::kString;
constexpr TypeId kCount = TypeId::kUInt64;
constexpr TypeId kFlag = TypeId::kUInt8;

Value Flag(bool value) { return Value(static_cast<uint64_t>(value ? 1 : 0)); }
Value Text(std::string_view text) { return Value(std::string(text)); }
Value Seconds(std::chrono::system_clock::time_point time) {
  return Value(static_cast<uint64_t>(std::chrono::system_clock::to_time_t(time)));
}

std::string KeyText(const std::vector<ExpressionPtr>& key) {
  std::string text;
  for (const ExpressionPtr& part : key) text += (text.empty() ? "" : ", ") + part->text();
  return text;
}

std::string PartitionText(const Part& part, const Schema& schema) {
  if (part.partition().empty()) return "tuple()";
  if (part.partition().size() == 1) {
    const ColumnPtr value = MakeConstant(schema.partition_key[0]->type(), part.partition()[0], 1);
    return CastColumn(value, TypeId::kString)->ValueAt(0).as_string();
  }
  std::string text;
  for (size_t i = 0; i < part.partition().size(); ++i) {
    text += (i == 0 ? "" : ",") + ValueToSql(part.partition()[i], schema.partition_key[i]->type());
  }
  return "(" + text + ")";
}

uint64_t IndexBytes(const Part& part) {
  uint64_t bytes = 0;
  for (const PartIndex& index : part.indexes()) bytes += index.stored_bytes;
  return bytes;
}

// Declared ones that the part has no sub-indexes of, or damaged ones.
ValueArray MissingIndexes(const Part& part, const PartSet& parts) {
  ValueArray names;
  for (const DeclaredIndex& index : parts.indexes) {
    if (part.LacksIndex(index)) names.emplace_back(index.declaration.name);
  }
  return names;
}

void FillParts(StatementContext& context, RowCollector& rows) {
  for (const TablePtr& table : context.engine().tables().List()) {
    const PartSetPtr parts = context.Parts(*table);
    for (const VisiblePart& visible : parts->parts) {
      const Part& part = *visible.part;
      rows.Add({Text("default"),
                table->name,
                PartitionText(part, *parts->schema),
                part.name_text(),
                part.name().partition_id,
                Flag(true),
                part.is_compact() ? Text("Compact") : Text("Wide"),
                uint64_t{part.name().level},
                part.name().min_block,
                part.name().max_block,
                part.rows(),
                uint64_t{part.granule_count()},
                part.stored_bytes(),
                part.stored_bytes() - IndexBytes(part),
                part.raw_bytes(),
                IndexBytes(part),
                Seconds(part.created()),
                Flag(visible.dead_rows() > 0),
                visible.dead_rows(),
                MissingIndexes(part, *parts)});
    }
  }
}

void FillTables(StatementContext& context, RowCollector& rows) {
  for (const TablePtr& table : context.engine().tables().List()) {
    const PartSetPtr parts = context.Parts(*table);
    const Schema& schema = *parts->schema;
    const Value select =
        Text(table->is_view ? sql::FormatQuery(*context.View(*table)->query) : std::string());
    rows.Add({Text("default"), table->name, Text(table->is_view ? "View" : "MergeTree"),
              schema.definition, KeyText(schema.partition_key), KeyText(schema.sorting_key),
              KeyText(schema.primary_key), parts->live_rows(), parts->stored_bytes(),
              uint64_t{parts->parts.size()}, select});
  }
  for (const std::string& name : SystemTableNames()) {
    rows.Add({Text("system"), name, Text("System"), Text(""), Text(""), Text(""), Text(""),
              uint64_t{0}, uint64_t{0}, uint64_t{0}, Text("")});
  }
}

void AddColumnsOfView(const Table& view, StatementContext& context, RowCollector& rows) {
  uint64_t position = 0;
  for (const sql::ColumnDefinition& column : context.View(view)->columns) {
    rows.Add({Text("default"), view.name, column.name, column.type, ++position, Text(""), Text(""),
              uint64_t{0}, uint64_t{0}, Flag(false), Flag(false), Flag(false)});
  }
}

void FillColumns(StatementContext& context, RowCollector& rows) {
  for (const TablePtr& table : context.engine().tables().List()) {
    if (table->is_view) AddColumnsOfView(*table, context, rows);
    const PartSetPtr parts = context.Parts(*table);
    const Schema& schema = *parts->schema;
    const auto is_in = [](const std::vector<ExpressionPtr>& key, const std::string& name) {
      return Flag(std::any_of(key.begin(), key.end(),
                              [&](const ExpressionPtr& part) { return part->text() == name; }));
    };
    uint64_t position = 0;
    for (const ColumnDeclaration& column : schema.columns) {
      uint64_t stored_bytes = 0;
      uint64_t raw_bytes = 0;
      for (const VisiblePart& visible : parts->parts) {
        const PartColumnInfo* info = visible.part->FindColumn(column.name);
        if (info == nullptr) continue;
        stored_bytes += info->stored_bytes;
        raw_bytes += info->raw_bytes;
      }
      const bool has_default = column.default_expression != nullptr;
      rows.Add({Text("default"), table->name, column.name, column.type.name(), ++position,
                has_default ? Text("DEFAULT") : Text(""),
                has_default ? Text(column.default_expression->text()) : Text(""), stored_bytes,
                raw_bytes, is_in(schema.partition_key, column.name),
                is_in(schema.sorting_key, column.name), is_in(schema.primary_key, column.name)});
    }
  }
}

void AddSettings(const std::vector<SettingInfo>& settings, RowCollector& rows) {
  for (const SettingInfo& setting : settings) {
    rows.Add({Text(setting.name), setting.value, Flag(setting.changed), Text(setting.description),
              Text(setting.type), setting.default_value});
  }
}

void FillProcesses(StatementContext& context, RowCollector& rows) {
  for (const ProcessList::Process& process : context.engine().processes().List()) {
    const StatementProgress& progress = process.progress;
    rows.Add({progress.query_id, process.text, progress.elapsed_seconds, progress.rows_done,
              progress.bytes_done, progress.rows_total, uint64_t{process.memory_used},
              uint64_t{process.memory_peak}, Flag(process.cancelled)});
  }
}

void FillMerges(StatementContext& context, RowCollector& rows) {
  for (const RunningMerge& merge : context.engine().merges().running()) {
    ValueArray sources(merge.source_parts.begin(), merge.source_parts.end());
    const double progress = merge.rows_total == 0 ? 0
                                                  : static_cast<double>(merge.rows_done) /
                                                        static_cast<double>(merge.rows_total);
    rows.Add({Text("default"), merge.table, merge.elapsed_seconds, progress,
              uint64_t{merge.source_parts.size()}, Value(std::move(sources)), merge.result_part,
              merge.partition_id, Flag(merge.is_mutation), merge.source_bytes, merge.rows_total,
              merge.rows_done, merge.memory_bytes});
  }
}

void FillIndexes(StatementContext& context, RowCollector& rows) {
  for (const TablePtr& table : context.engine().tables().List()) {
    const PartSetPtr parts = context.Parts(*table);
    for (const DeclaredIndex& index : parts->indexes) {
      uint64_t bytes = 0;
      for (const VisiblePart& visible : parts->parts) {
        const PartIndex* stored = visible.part->FindIndex(index);
        if (stored != nullptr) bytes += stored->stored_bytes;
      }
      const IndexDeclaration& declaration = index.declaration;
      rows.Add({Text("default"), table->name, declaration.name, declaration.kind,
                index.index->description(), declaration.expression->text(), Text("Explicit"),
                uint64_t{declaration.granularity}, bytes, bytes, uint64_t{0}});
    }
  }
}

void FillFunctions(StatementContext&, RowCollector& rows) {
  for (const FunctionInfo& function : BuiltinFunctions().Describe()) {
    rows.Add({function.name, Flag(false), Flag(function.case_insensitive), function.alias_to,
              function.arguments, function.family});
  }
  for (const std::string& name : AggregateFunctionNames()) {
    // A name in lower case stands for all spellings of itself (aggregate_families.h).
    const bool any_case =
        std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    rows.Add({name, Flag(true), Flag(any_case), Text(""), Text(""), Text("aggregate")});
  }
}

void FillErrors(StatementContext&, RowCollector& rows) {
  for (const ErrorCode code : AllErrorCodes()) {
    rows.Add({Text(ErrorName(code)), Value(int64_t{static_cast<int>(code)})});
  }
}

const std::map<std::string, SystemTable, std::less<>>& AllSystemTables() {
  const Header settings_header = {{"name", kText},        {"value", kText}, {"changed", kFlag},
                                  {"description", kText}, {"type", kText},  {"default", kText}};
  static const std::map<std::string, SystemTable, std::less<>> tables = {
      {"one",
       {{{"dummy", kFlag}},
        [](StatementContext&, RowCollector& rows) { rows.Add({Flag(false)}); }}},
      {"databases",
       {{{"name", kText}, {"engine", kText}},
        [](StatementContext&, RowCollector& rows) {
          rows.Add({Text("default"), Text("Atomic")});
          rows.Add({Text("system"), Text("Atomic")});
        }}},
      {"tables",
       {{{"database", kText},
         {"name", kText},
         {"engine", kText},
         {"create_table_query", kText},
         {"partition_key", kText},
         {"sorting_key", kText},
         {"primary_key", kText},
         {"total_rows", kCount},
         {"total_bytes", kCount},
         {"parts", kCount},
         {"as_select", kText}},
        FillTables}},
      {"columns",
       {{{"database", kText},
         {"table", kText},
         {"name", kText},
         {"type", kText},
         {"position", kCount},
         {"default_kind", kText},
         {"default_expression", kText},
         {"data_compressed_bytes", kCount},
         {"data_uncompressed_bytes", kCount},
         {"is_in_partition_key", kFlag},
         {"is_in_sorting_key", kFlag},
         {"is_in_primary_key", kFlag}},
        FillColumns}},
      {"parts",
       {{{"database", kText},
         {"table", kText},
         {"partition", kText},
         {"name", kText},
         {"partition_id", kText},
         {"active", kFlag},
         {"part_type", kText},
         {"level", TypeId::kUInt32},
         {"min_block_number", kCount},
         {"max_block_number", kCount},
         {"rows", kCount},
         {"marks", kCount},
         {"bytes_on_disk", kCount},
         {"data_compressed_bytes", kCount},
         {"data_uncompressed_bytes", kCount},
         {"secondary_indices_compressed_bytes", kCount},
         {"modification_time", TypeId::kDateTime},
         {"has_lightweight_delete", kFlag},
         {"dead_rows", kCount},
         {"missing_indexes", DataType::Array(kText)}},
        FillParts}},
      {"settings",
       {settings_header,
        [](StatementContext& context, RowCollector& rows) {
          AddSettings(DescribeSettings(context.settings()), rows);
        }}},
      {"merge_tree_settings",
       {settings_header,
        [](StatementContext& context, RowCollector& rows) {
          AddSettings(DescribeSettings(context.engine().options().table_settings), rows);
        }}},
      {"processes",
       {{{"query_id", kText},
         {"query", kText},
         {"elapsed", TypeId::kFloat64},
         {"read_rows", kCount},
         {"read_bytes", kCount},
         {"total_rows_approx", kCount},
         {"memory_usage", kCount},
         {"peak_memory_usage", kCount},
         {"is_cancelled", kFlag}},
        FillProcesses}},
      {"merges",
       {{{"database", kText},
         {"table", kText},
         {"elapsed", TypeId::kFloat64},
         {"progress", TypeId::kFloat64},
         {"num_parts", kCount},
         {"source_part_names", DataType::Array(kText)},
         {"result_part_name", kText},
         {"partition_id", kText},
         {"is_mutation", kFlag},
         {"total_size_bytes_compressed", kCount},
         {"total_rows", kCount},
         {"rows_read", kCount},
         {"memory_usage", kCount}},
        FillMerges}},
      {"data_skipping_indices",
       {{{"database", kText},
         {"table", kText},
         {"name", kText},
         {"type", kText},
         {"type_full", kText},
         {"expr", kText},
         {"creation", kText},
         {"granularity", kCount},
         {"data_compressed_bytes", kCount},
         {"data_uncompressed_bytes", kCount},
         {"marks_bytes", kCount}},
        FillIndexes}},
      {"functions",
       {{{"name", kText},
         {"is_aggregate", kFlag},
         {"case_insensitive", kFlag},
         {"alias_to", kText},
         {"arguments", kText},
         {"categories", kText}},
        FillFunctions}},
      {"errors", {{{"name", kText}, {"code", TypeId::kInt32}}, FillErrors}},
      {"formats",
       {{{"name", kText}, {"is_input", kFlag}, {"is_output", kFlag}},
        [](StatementContext&, RowCollector& rows) {
          for (const FormatInfo& format : ListFormats()) {
            rows.Add({Text(format.name), Flag(format.is_input), Flag(format.is_output)});
          }
        }}},
  };
  return tables;
}

}  // namespace

PlanPtr PlanSystemTable(std::string_view name) {
  if (name == "numbers") {
    return NumbersPlan("number", 0, std::numeric_limits<uint64_t>::max(), 1);
  }
  const auto found = AllSystemTables().find(name);
  if (found == AllSystemTables().end()) {
    throw Error(ErrorCode::kUnknownTable, "Table 'system." + std::string(name) +
                                              "' does not exist" +
                                              CloseNamesHint(name, SystemTableNames()));
  }
  return std::make_shared<SystemTableStep>(found->first, &found->second);
}

std::vector<std::string> SystemTableNames() {
  std::vector<std::string> names = {"numbers"};
  for (const auto& [name, table] : AllSystemTables()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace granary
