#include "granary/query/planning/sources/table_functions.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include "granary/query/engine/engine.h"
#include "granary/query/engine/statement_context.h"
#include "granary/query/formats/input_format.h"
#include "granary/query/formats/registry.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/planning/sources/recall_function.h"
#include "granary/query/sql/parser.h"

namespace granary {
namespace {

constexpr uint64_t kNumbersPerPiece = 65536;

class NumberPieces final : public PieceReader {
 public:
  NumberPieces(std::string name, uint64_t first, uint64_t count, uint64_t step)
      : name_(std::move(name)), first_(first), count_(count), step_(step) {}

  size_t count() const override {
    return count_ / kNumbersPerPiece + (count_ % kNumbersPerPiece != 0 ? 1 : 0);
  }

  Block Read(size_t piece) const override {
    const uint64_t begin = piece * kNumbersPerPiece;
    const uint64_t count = std::min(kNumbersPerPiece, count_ - begin);
    Block block(count);
    block.Add(name_, FillNumbers<uint64_t>(TypeId::kUInt64, count,
                                           [&](size_t i) { return first_ + (begin + i) * step_; }));
    return block;
  }

 private:
  const std::string name_;
  const uint64_t first_;
  const uint64_t count_;
  const uint64_t step_;
};

class NumbersStep final : public PlanStep {
 public:
  NumbersStep(std::string name, uint64_t first, uint64_t count, uint64_t step)
      : PlanStep({{name, TypeId::kUInt64}}), first_(first), count_(count), step_(step) {}

  BlockStreamPtr Open(StatementContext& context) const override {
    return std::make_unique<PieceStream>(
        std::make_unique<NumberPieces>(header()[0].name, first_, count_, step_), &context.task());
  }
  StepDescription Describe(StatementContext&, bool) const override {
    return {"ReadFromSystemNumbers", {"Numbers: " + std::to_string(count_)}, {}};
  }

 private:
  const uint64_t first_;
  const uint64_t count_;
  const uint64_t step_;
};

// A file, mapped and read by a format.
class FileStream final : public BlockStream {
 public:
  FileStream(std::shared_ptr<const FileMap> map, const std::string& format, Header header,
             const StatementContext& context)
      : map_(std::move(map)), rows_max_(context.settings().max_block_size), task_(context.task()) {
    map_->Populate(0, map_->bytes().size());
    const std::string_view text(reinterpret_cast<const char*>(map_->bytes().data()),
                                map_->bytes().size());
    input_ = InputFormat::Create(format, std::move(header), InputBytes(text),
                                 {.settings = context.settings(), .evaluate = {}});
  }

  std::optional<Block> Next() override {
    task_.CheckCancelled();
    std::optional<Block> block = input_->ReadBlock(rows_max_);
    if (block) task_.progress().rows_done += block->rows();
    return block;
  }

  const Header& header() const { return input_->header(); }

 private:
  std::shared_ptr<const FileMap> map_;
  std::unique_ptr<InputFormat> input_;
  size_t rows_max_;
  const TaskContext& task_;
};

class FileStep final : public PlanStep {
 public:
  FileStep(Header header, std::string path, std::string format)
      : PlanStep(std::move(header)), path_(std::move(path)), format_(std::move(format)) {}

  BlockStreamPtr Open(StatementContext& context) const override {
    return std::make_unique<FileStream>(context.engine().user_files().Map(path_), format_, header(),
                                        context);
  }
  StepDescription Describe(StatementContext&, bool) const override {
    return {"ReadFromFile", {"Format: " + format_}, {}};
  }

 private:
  std::string path_;
  std::string format_;
};

[[noreturn]] void ThrowArguments(const sql::Function& function, const char* usage) {
  throw Error(ErrorCode::kNumberOfArgumentsDoesntMatch,
              "Table function " + function.name + " is called as " + usage);
}

PlanPtr PlanNumbers(const sql::Function& function, const PlannerScope& scope) {
  std::vector<uint64_t> numbers;
  for (const sql::ExprPtr& argument : function.arguments) {
    const TypedValue value = ConstantArgument(argument, scope);
    if (!value.value.is_uint()) {
      throw Error(ErrorCode::kBadArguments, "numbers takes integers of at least 0, not " +
                                                ValueToSql(value.value, value.type));
    }
    numbers.push_back(value.value.as_uint());
  }
  switch (numbers.size()) {
    case 0:
      return NumbersPlan("number", 0, std::numeric_limits<uint64_t>::max(), 1);
    case 1:
      return NumbersPlan("number", 0, numbers[0], 1);
    case 2:
      return NumbersPlan("number", numbers[0], numbers[1], 1);
    default:
      ThrowArguments(function, "numbers(count) or numbers(first, count)");
  }
}

// Columns written as in CREATE TABLE: "id UInt64, name String".
Header ParseStructure(const std::string& structure) {
  const sql::StatementPtr statement =
      sql::ParseStatement("CREATE TABLE structure (" + structure + ") ORDER BY tuple()");
  Header header;
  for (const auto& column : sql::As<sql::CreateTableStatement>(*statement)->columns) {
    header.push_back({column.name, DataType::Parse(column.type)});
  }
  return header;
}

PlanPtr PlanFile(const sql::Function& function, const PlannerScope& scope) {
  constexpr const char* kUsage = "file('name'[, 'format'[, 'structure']])";
  std::vector<std::string> texts;
  for (size_t i = 0; i < function.arguments.size(); ++i) {
    // A format may be written as a bare word.
    const auto* word = sql::As<sql::Identifier>(*function.arguments[i]);
    if (i == 1 && word != nullptr && word->parts.size() == 1) {
      texts.push_back(word->parts.front());
      continue;
    }
    const TypedValue value = ConstantArgument(function.arguments[i], scope);
    if (!value.value.is_string()) ThrowArguments(function, kUsage);
    texts.push_back(value.value.as_string());
  }
  if (texts.empty() || texts.size() > 3) ThrowArguments(function, kUsage);

  StatementContext& context = *scope.context;
  const std::string path = ResolveUserFile(texts[0], context);
  std::string format;
  if (texts.size() > 1 && texts[1] != "auto") {
    format = CanonicalFormat(texts[1]);
  } else if (const auto found = FormatOfFile(texts[0])) {
    format = *found;
  } else {
    throw Error(ErrorCode::kUnknownFormat, "The format of file '" + texts[0] +
                                               "' cannot be told from its name; call " + kUsage);
  }
  Header header = texts.size() > 2 ? ParseStructure(texts[2]) : Header{};
  if (header.empty()) {
    header = FileStream(context.engine().user_files().Map(path), format, {}, context).header();
  }
  if (header.empty()) {
    throw Error(ErrorCode::kNotImplemented,
                "Columns of a " + format + " file are not guessed; give them: " + kUsage);
  }
  return std::make_shared<FileStep>(std::move(header), path, format);
}

}  // namespace

PlanPtr PlanTableFunction(const sql::Function& function, const PlannerScope& scope) {
  if (function.name == "numbers") return PlanNumbers(function, scope);
  if (function.name == "file") return PlanFile(function, scope);
  if (function.name == "vectorSearchRecall") return PlanRecallSampling(function, scope);
  throw Error(ErrorCode::kUnknownFunction, "Unknown table function " + function.name +
                                               "; there are numbers, file and vectorSearchRecall");
}

TypedValue ConstantArgument(const sql::ExprPtr& argument, const PlannerScope& scope) {
  ExpressionScope constants;
  constants.aliases = scope.expressions;
  constants.parameters = &scope.context->parameters();
  constants.context = scope.context->functions();
  return EvaluateForPlan(*argument, constants, *scope.dependencies);
}

PlanPtr NumbersPlan(std::string name, uint64_t first, uint64_t count, uint64_t step) {
  return std::make_shared<NumbersStep>(std::move(name), first, count, step);
}

std::string ResolveUserFile(const std::string& name, StatementContext& context) {
  namespace fs = std::filesystem;
  const std::optional<std::string>& root_option = context.engine().options().user_files_path;
  if (!root_option) {
    throw Error(ErrorCode::kPathAccessDenied, "SQL may not open files: user_files_path is not set");
  }
  // Symbolic links count as what they point to.
  std::error_code error;
  const fs::path root = fs::weakly_canonical(*root_option, error);
  const fs::path path = fs::weakly_canonical(root / name, error);
  const auto mismatch = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  if (error || mismatch.first != root.end()) {
    throw Error(ErrorCode::kPathAccessDenied,
                "File '" + name + "' is not below user_files_path '" + root.string() + "'");
  }
  // Opening and reading these could take for ever, and nothing could cancel it.
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    throw Error(ErrorCode::kCannotOpenFile,
                "File '" + name +
                    "' is a directory, a pipe, a socket or a device; only regular "
                    "files are read and written");
  }
  return path.string();
}

}  // namespace granary
