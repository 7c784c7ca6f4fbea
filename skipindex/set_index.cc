#include "granary/skipindex/set_index.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "granary/skipindex/row_order.h"
#include "granary/skipindex/value_memory.h"

namespace granary {
namespace {

constexpr uint8_t kVersion = 1;

bool IsLess(const Value& a, const Value& b) { return CompareValues(a, b) < 0; }

class SetSubIndex final : public SubIndex, public Pruner {
 public:
  SetSubIndex(std::string expression, std::optional<std::vector<Value>> values)
      : expression_(std::move(expression)), values_(std::move(values)) {}

  const Pruner* pruner() const override { return this; }
  size_t heap_bytes() const override {
    size_t bytes = sizeof(*this) + expression_.capacity();
    if (!values_) return bytes;
    bytes += values_->capacity() * sizeof(Value);
    for (const Value& value : *values_) bytes += HeapBytes(value);
    return bytes;
  }

  bool MayMatch(const Predicate& predicate) const override {
    return !values_ || std::any_of(values_->begin(), values_->end(), [&](const Value& value) {
      return MayMatch(predicate, {value, value});
    });
  }

 private:
  bool MayMatch(const Predicate& predicate, const ValueRange& value) const {
    return predicate
        .Judge([&](const PredicateAtom& atom) {
          return atom.expression == expression_ ? JudgeRange(atom, value) : Verdict{};
        })
        .can_be_true;
  }

  const std::string expression_;
  const std::optional<std::vector<Value>> values_;  // nothing: too many
};

// Row numbers of the distinct values, ascending by value.
std::vector<uint32_t> DistinctRows(const Column& values) {
  std::vector<uint32_t> rows(values.size());
  std::iota(rows.begin(), rows.end(), 0);
  VisitRowOrder(values, [&](const auto& precedes) {
    std::sort(rows.begin(), rows.end(), precedes);
    const auto is_equal = [&](uint32_t a, uint32_t b) { return !precedes(a, b); };
    rows.erase(std::unique(rows.begin(), rows.end(), is_equal), rows.end());
  });
  return rows;
}

// Bytes: version uint8, has_values uint8, then if it has them their number as a varint and the
// values in ascending order.
class SetBuilder final : public SubIndexBuilder {
 public:
  explicit SetBuilder(uint64_t values_max) : values_max_(values_max) {}

  void AddGranule(const Column& values) override {
    if (has_too_many_) return;
    const std::vector<uint32_t> rows = DistinctRows(values);
    has_too_many_ = IsTooMany(rows.size());
    if (!has_too_many_) Include(values, rows);
    if (has_too_many_) values_ = {};
  }

  void Finish(const SubIndexInput&, ByteSink& out) override {
    ByteWriter bytes;
    bytes.Write(kVersion);
    bytes.Write(static_cast<uint8_t>(!has_too_many_));
    if (!has_too_many_) {
      bytes.WriteVarint(values_.size());
      for (const Value& value : values_) WriteValue(value, bytes);
    }
    out.Append(bytes.bytes());
  }

 private:
  bool IsTooMany(size_t values) const { return values_max_ != 0 && values > values_max_; }

  void Include(const Column& values, const std::vector<uint32_t>& rows) {
    std::vector<Value> added;
    for (const uint32_t row : rows) added.push_back(values.ValueAt(row));
    std::vector<Value> all;
    std::set_union(std::make_move_iterator(values_.begin()), std::make_move_iterator(values_.end()),
                   std::make_move_iterator(added.begin()), std::make_move_iterator(added.end()),
                   std::back_inserter(all), IsLess);
    values_ = std::move(all);
    has_too_many_ = IsTooMany(values_.size());
  }

  const uint64_t values_max_;
  bool has_too_many_ = false;
  std::vector<Value> values_;
};

class SetIndex final : public SkipIndex {
 public:
  SetIndex(std::string expression, uint64_t values_max)
      : expression_(std::move(expression)), values_max_(values_max) {}

  bool CanPrune(const Predicate& predicate) const override {
    return predicate.Mentions(expression_);
  }
  std::string description() const override { return fmt::format("set({})", values_max_); }

  std::unique_ptr<SubIndexBuilder> NewBuilder() const override {
    return std::make_unique<SetBuilder>(values_max_);
  }

  std::shared_ptr<const SubIndex> Open(std::span<const std::byte> bytes,
                                       const SubIndexInput&) const override {
    ByteReader in(bytes, "set index");
    if (const auto version = in.Read<uint8_t>(); version != kVersion) {
      throw Error(
          ErrorCode::kUnknownFormatVersion,
          fmt::format("set sub-index of version {}; this library reads {}", version, kVersion));
    }
    const auto has_values = in.Read<uint8_t>();
    if (has_values > 1) in.ThrowCorrupted("neither with nor without values");
    std::optional<std::vector<Value>> values;
    if (has_values == 1) values = ReadValues(in);
    in.ExpectEnd();
    return std::make_shared<SetSubIndex>(expression_, std::move(values));
  }

 private:
  static std::vector<Value> ReadValues(ByteReader& in) {
    std::vector<Value> values(in.ReadCount(1));
    for (Value& value : values) value = ReadValue(in);
    const auto is_misplaced = [](const Value& a, const Value& b) { return !IsLess(a, b); };
    if (std::adjacent_find(values.begin(), values.end(), is_misplaced) != values.end()) {
      in.ThrowCorrupted("its values do not ascend");
    }
    return values;
  }

  const std::string expression_;
  const uint64_t values_max_;
};

}  // namespace

std::shared_ptr<const SkipIndex> SetKind::Declare(const IndexDeclaration& declaration,
                                                  const TableSettings&) const {
  const auto& arguments = declaration.arguments;
  if (arguments.size() != 1) {
    throw Error(ErrorCode::kIncorrectQuery,
                fmt::format("a set index takes one argument, the most values of a block (0: no "
                            "limit), but {} has {}",
                            declaration.name, arguments.size()));
  }
  if (!arguments[0].value.is_uint()) {
    throw Error(ErrorCode::kIncorrectQuery,
                fmt::format("the argument of set index {} must be an integer of at least 0",
                            declaration.name));
  }
  return std::make_shared<SetIndex>(declaration.expression->text(), arguments[0].value.as_uint());
}

}  // namespace granary
