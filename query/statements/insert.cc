// INSERT: rows from VALUES, a format, a file or a query become blocks, blocks become parts.
#include <algorithm>

#include "granary/query/engine/engine.h"
#include "granary/query/formats/input_format.h"
#include "granary/query/formats/registry.h"
#include "granary/query/planning/planner.h"
#include "granary/query/planning/sources/source.h"
#include "granary/query/planning/sources/table_functions.h"
#include "granary/query/sql/parser.h"
#include "granary/query/statements/insertion.h"
#include "granary/query/statements/statement.h"

namespace granary {
namespace {

Header HeaderOf(const RowCompletion& completion) {
  Header header;
  for (size_t i = 0; i < completion.columns().size(); ++i) {
    header.push_back({completion.columns()[i], completion.type(i)});
  }
  return header;
}

// The bytes behind INSERT: in the text, from the caller, or a file that is kept mapped.
struct InsertBytes {
  std::shared_ptr<const FileMap> file;
  std::string format;
};

InputBytes OpenBytes(const sql::InsertStatement& statement, const StatementCall& call,
                     InsertBytes& bytes) {
  if (!statement.infile.empty()) {
    const std::string path = ResolveUserFile(statement.infile, *call.context);
    bytes.file = call.context->engine().user_files().Map(path);
    bytes.file->Populate(0, bytes.file->bytes().size());
    if (bytes.format.empty()) {
      const auto format = FormatOfFile(statement.infile);
      if (!format) {
        throw Error(ErrorCode::kUnknownFormat, "The format of file '" + statement.infile +
                                                   "' cannot be told from its name; add FORMAT");
      }
      bytes.format = *format;
    }
    return InputBytes(
        {reinterpret_cast<const char*>(bytes.file->bytes().data()), bytes.file->bytes().size()});
  }
  std::string_view text;
  if (statement.data) {
    text = call.text.substr(statement.data->begin, statement.data->end - statement.data->begin);
  }
  return call.input ? InputBytes(text, call.input) : InputBytes(text);
}

InputFormatOptions FormatOptions(StatementContext& context) {
  InputFormatOptions options;
  options.settings = context.settings();
  options.evaluate = [&context](std::string_view text, const HeaderColumn& column) {
    ExpressionScope scope;
    scope.context = context.functions();
    scope.parameters = &context.parameters();
    return EvaluateConstantAs(*sql::ParseExpression(text), column.type, scope)->ValueAt(0);
  };
  return options;
}

void InsertFromFormat(const sql::InsertStatement& statement, const StatementCall& call,
                      Insertion& insertion) {
  InsertBytes bytes{.file = nullptr, .format = statement.input_format};
  InputBytes input = OpenBytes(statement, call, bytes);
  const auto format = InputFormat::Create(bytes.format, HeaderOf(insertion.completion()),
                                          std::move(input), FormatOptions(*call.context));
  const QuerySettings& settings = call.context->settings();
  const size_t rows_max = std::min(settings.max_insert_block_size, settings.max_block_size);
  insertion.Run([&]() -> std::optional<IncomingRows> {
    std::optional<Block> block = format->ReadBlock(rows_max);
    if (!block) return std::nullopt;
    return IncomingRows{std::move(*block), format->absent()};
  });
}

// The columns of the query by position, converted to the table's types.
void InsertFromQuery(const sql::InsertStatement& statement, StatementContext& context,
                     Insertion& insertion) {
  const PlanPtr plan = Planner(&context).PlanQuery(*statement.query);
  const RowCompletion& completion = insertion.completion();
  if (plan->header().size() != completion.columns().size()) {
    throw Error(ErrorCode::kIncorrectNumberOfColumns,
                "INSERT takes " + std::to_string(completion.columns().size()) +
                    " columns, the query has " + std::to_string(plan->header().size()));
  }
  ExpressionScope scope;
  scope.context = context.functions();
  for (size_t i = 0; i < plan->header().size(); ++i) {
    scope.AddColumn("#" + std::to_string(i), plan->header()[i].type);
  }
  std::vector<CompiledExpressionPtr> conversions;
  for (size_t i = 0; i < plan->header().size(); ++i) {
    sql::Identifier column;
    column.parts = {scope.columns[i].name};
    conversions.push_back(CompileExpressionAs(column, completion.type(i), scope));
  }
  const BlockStreamPtr stream = plan->Open(context);
  insertion.Run([&]() -> std::optional<IncomingRows> {
    const std::optional<Block> block = stream->Next();
    if (!block) return std::nullopt;
    Block numbered(block->rows());
    for (size_t i = 0; i < block->column_count(); ++i) {
      numbered.Add(scope.columns[i].name, block->column(i));
    }
    Block converted(block->rows());
    for (size_t i = 0; i < conversions.size(); ++i) {
      converted.Add(completion.columns()[i], conversions[i]->Evaluate(numbered));
    }
    return IncomingRows{std::move(converted), {}};
  });
}

}  // namespace

PlanPtr RunInsert(const sql::InsertStatement& statement, const StatementCall& call) {
  StatementContext& context = *call.context;
  context.engine().CheckWritable();
  const TablePtr table = ResolveTable(statement.table, context);
  Insertion insertion(table, statement.columns, &context);
  if (statement.query) {
    InsertFromQuery(statement, context, insertion);
  } else {
    InsertFromFormat(statement, call, insertion);
  }
  return nullptr;
}

}  // namespace granary
