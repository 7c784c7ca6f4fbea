// What a table is: columns, keys, index declarations, constraints and table settings. A Schema is
// immutable; ALTER makes a new one. Its expressions were compiled by query/.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/table/expression.h"
#include "granary/table/settings.h"
#include "granary/table/types.h"

namespace granary {

struct ColumnDeclaration {
  std::string name;
  DataType type;
  ExpressionPtr default_expression;  // null: the type's default value
};

// An argument of an index type: a number, a string or a bare identifier, perhaps with a name.
struct IndexArgument {
  Value value;
  bool is_identifier = false;
  std::string name = {};  // of `name = value`, else empty
};

// INDEX name expression TYPE kind(arguments) GRANULARITY granularity
struct IndexDeclaration {
  std::string name;
  ExpressionPtr expression;
  std::string kind;
  std::vector<IndexArgument> arguments;
  size_t granularity = 1;  // granules per index block; at least 1
  // For an index over vectors declared without a dimension: fixed by the first committed vector.
  std::optional<size_t> inferred_dimensions;
  // Everything above but the name, canonical: two declarations with equal texts build equal
  // sub-indexes. Parts remember it, so that a sub-index of another declaration is not used.
  std::string text;
};

struct ConstraintDeclaration {
  std::string name;
  ExpressionPtr expression;
  // N if the constraint is `length(column) = N`.
  struct FixedLength {
    std::string column;
    size_t length;
  };
  std::optional<FixedLength> fixed_length;
};

struct Schema {
  std::string table_name;
  std::vector<ColumnDeclaration> columns;
  std::vector<ExpressionPtr> sorting_key;    // empty: insertion order
  std::vector<ExpressionPtr> primary_key;    // a prefix of the sorting key
  std::vector<ExpressionPtr> partition_key;  // empty: one partition, "all"
  std::vector<IndexDeclaration> indexes;
  std::vector<ConstraintDeclaration> constraints;
  TableSettings settings;
  // The CREATE TABLE statement that makes this schema; what the commit log stores.
  std::string definition;

  // nullptr / nothing if there is none of that name.
  const ColumnDeclaration* FindColumn(std::string_view name) const;
  std::optional<size_t> ColumnIndex(std::string_view name) const;
  const IndexDeclaration* FindIndex(std::string_view name) const;
};
using SchemaPtr = std::shared_ptr<const Schema>;

}  // namespace granary
