#include "granary/tests/parts/test_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <sstream>

#include "granary/parts/part_reader.h"
#include "granary/tests/merge/column_expression.h"

namespace granary::testing {
namespace {

class RangePruner final : public Pruner, public SubIndex {
 public:
  RangePruner(std::string expression, uint64_t min, uint64_t max)
      : expression_(std::move(expression)), min_(min), max_(max) {}
  const Pruner* pruner() const override { return this; }
  bool MayMatch(const Predicate& predicate) const override {
    return predicate
        .Judge([&](const PredicateAtom& atom) -> Verdict {
          if (atom.expression != expression_) return {};
          return JudgeRange(atom, {Value(min_), Value(max_)});
        })
        .can_be_true;
  }

 private:
  const std::string expression_;
  const uint64_t min_;
  const uint64_t max_;
};

class RangeBuilder final : public SubIndexBuilder {
 public:
  void AddGranule(const Column& values) override {
    for (const uint64_t value : AsNumbers<uint64_t>(values).values()) {
      min_ = std::min(min_, value);
      max_ = std::max(max_, value);
    }
  }
  void Finish(const SubIndexInput&, ByteSink& out) override {
    const uint64_t range[2] = {min_, max_};
    out.Append(std::as_bytes(std::span(range)));
  }

 private:
  uint64_t min_ = ~uint64_t{0};
  uint64_t max_ = 0;
};

class RangeIndex final : public SkipIndex {
 public:
  explicit RangeIndex(std::string expression) : expression_(std::move(expression)) {}
  bool CanPrune(const Predicate& predicate) const override {
    return predicate.Mentions(expression_);
  }
  std::string description() const override { return "range"; }
  std::unique_ptr<SubIndexBuilder> NewBuilder() const override {
    return std::make_unique<RangeBuilder>();
  }
  std::shared_ptr<const SubIndex> Open(std::span<const std::byte> bytes,
                                       const SubIndexInput&) const override {
    ByteReader in(bytes, "range");
    const auto min = in.Read<uint64_t>();
    const auto max = in.Read<uint64_t>();
    in.ExpectEnd();
    return std::make_shared<RangePruner>(expression_, min, max);
  }

 private:
  const std::string expression_;
};

class CopyBuilder final : public SubIndexBuilder {
 public:
  void AddGranule(const Column&) override { FAIL() << "vectors come with Finish"; }
  void Finish(const SubIndexInput& input, ByteSink& out) override {
    out.Append({input.vectors->base, input.rows * input.vectors->stride_bytes});
  }
};

class NoAbilities final : public SubIndex {};

class CopyIndex final : public SkipIndex {
 public:
  CopyIndex(std::string column, std::optional<size_t> dimensions) {
    ability_.column = std::move(column);
    ability_.dimensions = dimensions;
  }
  const VectorSearchAbility* vector_search() const override { return &ability_; }
  std::string description() const override { return "copy"; }
  void CheckRows(const Column& values, size_t first_row) const override {
    const auto& rows = AsArrays(values);
    for (size_t row = 0; row < rows.size(); ++row) {
      if (rows.Length(row) == ability_.dimensions) continue;
      throw Error(
          ErrorCode::kIncorrectData,
          std::string("row ").append(std::to_string(first_row + row)) + " has another length");
    }
  }
  std::unique_ptr<SubIndexBuilder> NewBuilder() const override {
    return std::make_unique<CopyBuilder>();
  }
  std::shared_ptr<const SubIndex> Open(std::span<const std::byte> bytes,
                                       const SubIndexInput& input) const override {
    const size_t expected = input.rows * input.vectors->stride_bytes;
    if (bytes.size() != expected || input.vectors->dimensions != ability_.dimensions ||
        std::memcmp(bytes.data(), input.vectors->base, expected) != 0) {
      throw Error(ErrorCode::kCorruptedData, "the copy differs from the column");
    }
    return std::make_shared<NoAbilities>();
  }

 private:
  VectorSearchAbility ability_;
};

class RangeKind final : public SkipIndexKind {
 public:
  std::string_view name() const override { return "range"; }
  std::shared_ptr<const SkipIndex> Declare(const IndexDeclaration& declaration,
                                           const TableSettings&) const override {
    return std::make_shared<RangeIndex>(declaration.expression->text());
  }
};

class CopyKind final : public SkipIndexKind {
 public:
  std::string_view name() const override { return "copy"; }
  std::shared_ptr<const SkipIndex> Declare(const IndexDeclaration& declaration,
                                           const TableSettings&) const override {
    return std::make_shared<CopyIndex>(declaration.expression->text(),
                                       declaration.inferred_dimensions);
  }
};

void ReadLine(const std::string& line, Schema& schema) {
  std::istringstream words(line);
  std::string verb;
  std::string name;
  words >> verb >> name;
  if (verb == "column") {
    std::string type;
    words >> type;
    schema.columns.push_back({name, DataType::Parse(type), nullptr});
  } else if (verb == "order") {
    schema.sorting_key.push_back(ColumnRef(name, schema.FindColumn(name)->type));
    schema.primary_key = schema.sorting_key;
  } else if (verb == "partition") {
    schema.partition_key.push_back(ColumnRef(name, schema.FindColumn(name)->type));
  } else if (verb == "index") {
    IndexDeclaration index;
    std::string column;
    index.name = name;
    words >> column >> index.kind >> index.granularity;
    index.expression = ColumnRef(column, schema.FindColumn(column)->type);
    index.text = line.substr(line.find(column));
    schema.indexes.push_back(index);
  } else if (verb == "set") {
    std::string value;
    words >> value;
    ApplySetting(schema.settings, name, Value(value));
  }
}

template <class T>
ColumnPtr RandomNumbers(const DataType& type, size_t rows, std::mt19937_64& random) {
  std::vector<T> values(rows);
  for (T& value : values) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      value = BFloat16(static_cast<float>(random() % 1000));
    } else {
      value = static_cast<T>(type.id() == TypeId::kBool ? random() % 2 : random() % 100000);
    }
  }
  return std::make_shared<NumberColumn<T>>(type, std::move(values));
}

ColumnPtr MakeRandom(const DataType& type, size_t rows, std::mt19937_64& random) {
  std::vector<uint64_t> ends(rows);
  uint64_t end = 0;
  if (type.is_string()) {
    std::vector<char> chars;
    for (uint64_t& row_end : ends) {
      for (size_t i = random() % 20; i > 0; --i) chars.push_back("abcxyz\0\n"[random() % 8]);
      row_end = chars.size();
    }
    return std::make_shared<StringColumn>(std::move(ends), std::move(chars));
  }
  if (type.is_array()) {
    for (uint64_t& row_end : ends) row_end = end += random() % 4;
    return std::make_shared<ArrayColumn>(MakeRandom(type.element(), end, random), std::move(ends));
  }
  return VisitFixedType(type.id(), [&]<class T>() { return RandomNumbers<T>(type, rows, random); });
}

}  // namespace

SchemaPtr CompileTestDefinition(const std::string& definition) {
  auto schema = std::make_shared<Schema>();
  schema->table_name = "t";
  schema->definition = definition;
  std::istringstream lines(definition);
  for (std::string line; std::getline(lines, line);) ReadLine(line, *schema);
  return schema;
}

SkipIndexRegistry TestRegistry() {
  SkipIndexRegistry registry;
  registry.Register(std::make_shared<RangeKind>());
  registry.Register(std::make_shared<CopyKind>());
  return registry;
}

TestContext::TestContext() {
  TaskContext::Parts parts;
  parts.executor = &executor;
  parts.memory = &memory;
  parts.clock = &clock;
  parts.cancel = &cancel;
  parts.warn = [this](const std::string& warning) {
    const std::lock_guard lock(mutex);
    warnings.push_back(warning);
  };
  context = std::make_unique<TaskContext>(std::move(parts));
}

TestTable::TestTable(std::shared_ptr<FileSystem> files, std::string definition,
                     std::string directory, LogOwner owner)
    : files_(std::move(files)),
      definition_(std::move(definition)),
      directory_(std::move(directory)),
      owner_(owner),
      caches_(std::make_shared<StorageCaches>(StorageCaches::Limits{})) {}

TableStoreOptions TestTable::Options(bool read_only) {
  TableStoreOptions options;
  options.files = files_;
  options.directory = directory_;
  options.owner = owner_;
  options.caches = caches_;
  options.registry = &registry_;
  options.compile_schema = CompileTestDefinition;
  options.read_only = read_only;
  return options;
}

std::vector<std::string> PartDirectories(FileSystem& files, const std::string& table) {
  std::vector<std::string> names = files.List(table);
  std::erase_if(names, [&](const std::string& name) {
    return name == "detached" || !files.IsDirectory(JoinPath(table, name));
  });
  return names;
}

void TestTable::Create() { TableStore::Create(Options(), definition_); }

TableStore& TestTable::Open(bool read_only) {
  store_.reset();
  store_ = TableStore::Open(Options(read_only), context_);
  return *store_;
}

void TestTable::Insert(const Block& block, const InsertOptions& options) {
  store_->Insert(block, options, context_);
}

std::vector<std::string> TestTable::Rows() {
  std::vector<std::string> rows;
  const PartSetPtr set = store_->parts();
  std::vector<std::string> names;
  for (const ColumnDeclaration& column : set->schema->columns) names.push_back(column.name);
  for (const VisiblePart& visible : set->parts) {
    PartReader reader(visible.part, names, context_);
    Block block = reader.Read(visible.part->all_granules());
    if (visible.dead != nullptr) {
      block = block.Filter(visible.dead->LiveMask(0, block.rows()), visible.live_rows());
    }
    const auto texts = RowTexts(block);
    rows.insert(rows.end(), texts.begin(), texts.end());
  }
  return rows;
}

PartPtr TestTable::OnlyPart() {
  const PartSetPtr set = store_->parts();
  EXPECT_EQ(set->parts.size(), 1u);
  return set->parts.at(0).part;
}

std::vector<MergeOutput> Replacing(std::span<const PartPtr> inputs, const PartPtr& part) {
  MergeOutput output{{inputs.begin(), inputs.end()}, part, MergeRowMap(inputs.size())};
  for (size_t i = 0; i < inputs.size(); ++i) {
    output.rows.Append(static_cast<uint32_t>(i), inputs[i]->rows());
  }
  return {output};
}

ColumnPtr Numbers(std::vector<uint64_t> values) {
  return std::make_shared<NumberColumn<uint64_t>>(TypeId::kUInt64, std::move(values));
}

ColumnPtr Strings(const std::vector<std::string>& values) {
  const auto builder = ColumnBuilder::Create(TypeId::kString);
  for (const std::string& value : values) builder->Append(Value(value));
  return builder->Finish();
}

ColumnPtr Floats(const std::vector<std::vector<float>>& rows) {
  std::vector<uint64_t> ends;
  std::vector<float> elements;
  for (const auto& row : rows) {
    elements.insert(elements.end(), row.begin(), row.end());
    ends.push_back(elements.size());
  }
  return std::make_shared<ArrayColumn>(
      std::make_shared<NumberColumn<float>>(TypeId::kFloat32, std::move(elements)),
      std::move(ends));
}

ColumnPtr RandomColumn(const DataType& type, size_t rows, uint64_t seed) {
  std::mt19937_64 random(seed);
  return MakeRandom(type, rows, random);
}

std::vector<std::string> RowTexts(const Block& block) {
  std::vector<std::string> texts(block.rows());
  for (const NamedColumn& named : block.columns()) {
    for (size_t row = 0; row < block.rows(); ++row) {
      if (!texts[row].empty()) texts[row] += ' ';
      texts[row] += ValueToSql(named.column->ValueAt(row), named.column->type());
    }
  }
  return texts;
}

}  // namespace granary::testing
