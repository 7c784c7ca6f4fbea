#include "granary/skipindex/minmax_index.h"

#include <optional>

#include <fmt/format.h>

#include "granary/skipindex/row_order.h"
#include "granary/skipindex/value_memory.h"

namespace granary {
namespace {

constexpr uint8_t kVersion = 1;

class MinMaxSubIndex final : public SubIndex, public Pruner {
 public:
  MinMaxSubIndex(std::string expression, std::optional<ValueRange> range)
      : expression_(std::move(expression)), range_(std::move(range)) {}

  const Pruner* pruner() const override { return this; }
  size_t heap_bytes() const override {
    size_t bytes = sizeof(*this) + expression_.capacity();
    if (range_ && range_->min) bytes += HeapBytes(*range_->min);
    if (range_ && range_->max) bytes += HeapBytes(*range_->max);
    return bytes;
  }

  bool MayMatch(const Predicate& predicate) const override {
    if (!range_) return false;  // no rows
    return predicate
        .Judge([&](const PredicateAtom& atom) {
          return atom.expression == expression_ ? JudgeRange(atom, *range_) : Verdict{};
        })
        .can_be_true;
  }

 private:
  const std::string expression_;
  const std::optional<ValueRange> range_;
};

// Row numbers of a smallest and a greatest value.
struct ExtremeRows {
  size_t least = 0;
  size_t greatest = 0;
};

ExtremeRows Extremes(const Column& values) {
  return VisitRowOrder(values, [&](const auto& precedes) {
    ExtremeRows found;
    for (size_t row = 1; row < values.size(); ++row) {
      if (precedes(row, found.least)) found.least = row;
      if (precedes(found.greatest, row)) found.greatest = row;
    }
    return found;
  });
}

// Bytes: version uint8, has_rows uint8, then minimum and maximum as values.
class MinMaxBuilder final : public SubIndexBuilder {
 public:
  void AddGranule(const Column& values) override {
    if (values.size() == 0) return;
    const auto [least, greatest] = Extremes(values);
    Include(values.ValueAt(least));
    Include(values.ValueAt(greatest));
  }

  void Finish(const SubIndexInput&, ByteSink& out) override {
    ByteWriter bytes;
    bytes.Write(kVersion);
    bytes.Write(static_cast<uint8_t>(range_.min.has_value()));
    if (range_.min) {
      WriteValue(*range_.min, bytes);
      WriteValue(*range_.max, bytes);
    }
    out.Append(bytes.bytes());
  }

 private:
  void Include(Value value) {
    if (!range_.min || CompareValues(value, *range_.min) < 0) range_.min = value;
    if (!range_.max || CompareValues(value, *range_.max) > 0) range_.max = std::move(value);
  }

  ValueRange range_;
};

class MinMaxIndex final : public SkipIndex {
 public:
  explicit MinMaxIndex(std::string expression) : expression_(std::move(expression)) {}

  bool CanPrune(const Predicate& predicate) const override {
    return predicate.Mentions(expression_);
  }
  std::string description() const override { return "minmax"; }

  std::unique_ptr<SubIndexBuilder> NewBuilder() const override {
    return std::make_unique<MinMaxBuilder>();
  }

  std::shared_ptr<const SubIndex> Open(std::span<const std::byte> bytes,
                                       const SubIndexInput&) const override {
    ByteReader in(bytes, "minmax index");
    if (const auto version = in.Read<uint8_t>(); version != kVersion) {
      throw Error(
          ErrorCode::kUnknownFormatVersion,
          fmt::format("minmax sub-index of version {}; this library reads {}", version, kVersion));
    }
    std::optional<ValueRange> range;
    const auto has_rows = in.Read<uint8_t>();
    if (has_rows > 1) in.ThrowCorrupted("neither with nor without rows");
    if (has_rows == 1) {
      range.emplace();
      range->min = ReadValue(in);
      range->max = ReadValue(in);
      if (CompareValues(*range->min, *range->max) > 0) {
        in.ThrowCorrupted("the minimum is above the maximum");
      }
    }
    in.ExpectEnd();
    return std::make_shared<MinMaxSubIndex>(expression_, std::move(range));
  }

 private:
  const std::string expression_;
};

}  // namespace

std::shared_ptr<const SkipIndex> MinMaxKind::Declare(const IndexDeclaration& declaration,
                                                     const TableSettings&) const {
  if (!declaration.arguments.empty()) {
    throw Error(ErrorCode::kIncorrectQuery,
                fmt::format("a minmax index takes no arguments, but {} has {}", declaration.name,
                            declaration.arguments.size()));
  }
  return std::make_shared<MinMaxIndex>(declaration.expression->text());
}

}  // namespace granary
