// min, max, any, anyLast and argMin, argMax: those that keep one of the values they see.
#include <cmath>

#include "granary/query/functions/aggregate_families.h"
#include "granary/table/long_vector.h"

namespace granary {
namespace {

// How the values of a type are read from columns, kept, and written.

template <class T>
struct NumberCells {
  using View = NumberView<T>;
  using Kept = T;
  static void Keep(Kept& kept, T value) { kept = value; }
  static bool IsLess(T a, T b) { return a < b; }
  static bool IsNan(T value) {
    if constexpr (std::is_integral_v<T>) return false;
    return std::isnan(static_cast<float>(value));
  }
};

struct StringCells {
  using View = StringView;
  using Kept = ChargedString;
  static void Keep(Kept& kept, std::string_view text) {
    kept.clear();
    AppendLongText(kept, text);
  }
  static bool IsLess(std::string_view a, std::string_view b) { return a < b; }
  static bool IsNan(std::string_view) { return false; }
};

// A row of a column; kept as a column of one row.
struct ArrayRow {
  const Column* column;
  size_t row;

  explicit operator ColumnPtr() const {
    const uint32_t number = static_cast<uint32_t>(row);
    return column->Gather({&number, 1});
  }
};

class ArrayRowView {
 public:
  explicit ArrayRowView(const Column& column) : column_(&StoredRows(column)) {
    step_ = column.is_constant() ? 0 : 1;
  }
  ArrayRow operator[](size_t row) const { return {column_, row * step_}; }

 private:
  const Column* column_;
  size_t step_;
};

struct ArrayCells {
  using View = ArrayRowView;
  using Kept = ColumnPtr;
  template <class A>
  static void Keep(Kept& kept, const A& row) {
    kept = ColumnPtr(row);
  }
  static ArrayRow RowOf(const ArrayRow& row) { return row; }
  static ArrayRow RowOf(const ColumnPtr& kept) { return {kept.get(), 0}; }
  template <class A, class B>
  static bool IsLess(const A& a, const B& b) {
    return RowOf(a).column->Compare(RowOf(a).row, *RowOf(b).column, RowOf(b).row) < 0;
  }
  template <class A>
  static bool IsNan(const A&) {
    return false;
  }
};

// Calls f<Cells>() with those of a type.
template <class F>
auto VisitCells(const DataType& type, F&& f) {
  if (type.is_string()) return f.template operator()<StringCells>();
  if (type.is_array()) return f.template operator()<ArrayCells>();
  return VisitFixedType(type.id(),
                        [&]<class T>() { return f.template operator()<NumberCells<T>>(); });
}

// A value for each group.
class KeptValues {
 public:
  virtual ~KeptValues() = default;
  virtual void Resize(size_t groups) = 0;
  virtual void Keep(uint32_t group, const Column& column, size_t row) = 0;
  // Of an object of the same type.
  virtual void KeepThatOf(uint32_t group, const KeptValues& other, size_t other_group) = 0;
  // The default for groups that have none.
  virtual ColumnPtr Finish(const DataType& type, std::span<const uint8_t> has_value) const = 0;
};

template <class T>
ColumnPtr ColumnOf(const ChargedVector<T>& kept, const DataType& type, std::span<const uint8_t>) {
  return std::make_shared<NumberColumn<T>>(type, kept);
}

ColumnPtr ColumnOf(const ChargedVector<ChargedString>& kept, const DataType&,
                   std::span<const uint8_t>) {
  StringBuffer texts(kept.size());
  for (const ChargedString& text : kept) texts.AppendRow(text);
  return texts.Finish();
}

ColumnPtr ColumnOf(const ChargedVector<ColumnPtr>& kept, const DataType& type,
                   std::span<const uint8_t> has_value) {
  const auto builder = ColumnBuilder::Create(type);
  for (size_t group = 0; group < kept.size(); ++group) {
    if (has_value[group] != 0) {
      builder->AppendRange(*kept[group], 0, 1);
    } else {
      builder->AppendDefault();
    }
  }
  return builder->Finish();
}

template <class Cells>
class KeptCells final : public KeptValues {
 public:
  void Resize(size_t groups) override { kept_.resize(groups); }
  void Keep(uint32_t group, const Column& column, size_t row) override {
    Cells::Keep(kept_[group], typename Cells::View(column)[row]);
  }
  void KeepThatOf(uint32_t group, const KeptValues& other, size_t other_group) override {
    Cells::Keep(kept_[group], static_cast<const KeptCells&>(other).kept_[other_group]);
  }
  ColumnPtr Finish(const DataType& type, std::span<const uint8_t> has_value) const override {
    return ColumnOf(kept_, type, has_value);
  }

 private:
  ChargedVector<typename Cells::Kept> kept_;
};

// Whether a new value takes the place of the one that is kept. NaN gives way to numbers.

struct KeepMin {
  template <class Cells, class A, class B>
  static bool Replaces(const A& value, const B& kept) {
    return Cells::IsLess(value, kept) || (Cells::IsNan(kept) && !Cells::IsNan(value));
  }
};
struct KeepMax {
  template <class Cells, class A, class B>
  static bool Replaces(const A& value, const B& kept) {
    return Cells::IsLess(kept, value) || (Cells::IsNan(kept) && !Cells::IsNan(value));
  }
};
struct KeepFirst {
  template <class Cells, class A, class B>
  static bool Replaces(const A&, const B&) {
    return false;
  }
};
struct KeepLast {
  template <class Cells, class A, class B>
  static bool Replaces(const A&, const B&) {
    return true;
  }
};

// The value kept by each group; argMin and argMax keep another argument beside it (`payload`).
template <class Cells, class Policy>
class ChoosingStates final : public AggregateStates {
 public:
  ChoosingStates(DataType result, std::unique_ptr<KeptValues> payload)
      : result_(std::move(result)), payload_(std::move(payload)) {}

  size_t groups() const override { return kept_.size(); }
  void Resize(size_t groups) override {
    if (groups <= kept_.size()) return;
    kept_.resize(groups);
    has_value_.resize(groups);
    if (payload_ != nullptr) payload_->Resize(groups);
  }

  void Add(std::span<const uint32_t> group_of_row, std::span<const ColumnPtr> arguments) override {
    const typename Cells::View values(*arguments.back());
    for (size_t row = 0; row < group_of_row.size(); ++row) {
      Offer(group_of_row[row], values[row], *arguments[0], row);
    }
  }

  void AddAll(uint32_t group, size_t rows, std::span<const ColumnPtr> arguments) override {
    const typename Cells::View values(*arguments.back());
    for (size_t row = 0; row < rows; ++row) Offer(group, values[row], *arguments[0], row);
  }

  void Merge(const AggregateStates& other, std::span<const uint32_t> group_map) override {
    const auto& from = static_cast<const ChoosingStates&>(other);
    for (size_t group = 0; group < from.groups(); ++group) {
      const uint32_t to = group_map[group];
      if (!from.has_value_[group] || !IsBetter(to, from.kept_[group])) continue;
      Cells::Keep(kept_[to], from.kept_[group]);
      has_value_[to] = 1;
      if (payload_ != nullptr) payload_->KeepThatOf(to, *from.payload_, group);
    }
  }

  ColumnPtr Finish() const override {
    return payload_ != nullptr ? payload_->Finish(result_, has_value_)
                               : ColumnOf(kept_, result_, has_value_);
  }

 private:
  template <class V>
  bool IsBetter(uint32_t group, const V& value) const {
    return !has_value_[group] || Policy::template Replaces<Cells>(value, kept_[group]);
  }

  template <class V>
  void Offer(uint32_t group, const V& value, const Column& payload, size_t row) {
    if (!IsBetter(group, value)) return;
    Cells::Keep(kept_[group], value);
    has_value_[group] = 1;
    if (payload_ != nullptr) payload_->Keep(group, payload, row);
  }

  DataType result_;
  ChargedVector<typename Cells::Kept> kept_;
  ChargedVector<uint8_t> has_value_;
  const std::unique_ptr<KeptValues> payload_;  // null: the values themselves are the result
};

std::unique_ptr<KeptValues> MakeKeptValues(const DataType& type) {
  return VisitCells(type, []<class Cells>() -> std::unique_ptr<KeptValues> {
    return std::make_unique<KeptCells<Cells>>();
  });
}

template <class Policy>
AggregateFunctionPtr MakeChoosing(const DataType& chosen_by, const DataType& result,
                                  bool has_payload) {
  return VisitCells(chosen_by, [&]<class Cells>() {
    return MakeAggregate(result, [result, has_payload] {
      return std::make_unique<ChoosingStates<Cells, Policy>>(
          result, has_payload ? MakeKeptValues(result) : nullptr);
    });
  });
}

template <class Policy>
AggregateFunctionPtr BindChoosing(const AggregateArguments& arguments) {
  arguments.RequireNoParameters();
  arguments.RequireCount(1);
  return MakeChoosing<Policy>(arguments.types[0], arguments.types[0], false);
}

template <class Policy>
AggregateFunctionPtr BindArgument(const AggregateArguments& arguments) {
  arguments.RequireNoParameters();
  arguments.RequireCount(2);
  return MakeChoosing<Policy>(arguments.types[1], arguments.types[0], true);
}

}  // namespace

void AddChoosingAggregates(AggregateBinders& binders) {
  binders["min"] = BindChoosing<KeepMin>;
  binders["max"] = BindChoosing<KeepMax>;
  binders["any"] = binders["first_value"] = binders["any_value"] = BindChoosing<KeepFirst>;
  binders["anyLast"] = binders["last_value"] = BindChoosing<KeepLast>;
  binders["argMin"] = BindArgument<KeepMin>;
  binders["argMax"] = BindArgument<KeepMax>;
}

}  // namespace granary
