// Distances and norms of vectors. Those that skip indexes know are computed by the kernels of
// skipindex/distance, so that they agree with scans and re-ranking to the bit.
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "granary/query/functions/array_rows.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/type_rules.h"
#include "granary/skipindex/distance/distance.h"

namespace granary {
namespace {

bool IsFloat32Like(const DataType& element) {
  return element.id() == TypeId::kFloat32 || element.id() == TypeId::kBFloat16;
}

// Checks that argument `index` is a vector and returns its element type.
const DataType& RequireVector(std::string_view name, std::span<const FunctionArgument> arguments,
                              size_t index) {
  const DataType& element = RequireArray(name, arguments, index);
  if (!IsNumberOrBool(element)) {
    ThrowIllegalType(name, index, arguments[index].type, "an array of numbers");
  }
  return element;
}

const DistanceKernels& KernelsOf(const FunctionContext& context) {
  return context.kernels != nullptr ? *context.kernels : BestDistanceKernels();
}

template <class T>
VectorElement ElementOf(const DataType& element) {
  if (element.id() == TypeId::kBFloat16) return VectorElement::kBFloat16;
  return element.id() == TypeId::kFloat32 ? VectorElement::kFloat32 : VectorElement::kFloat64;
}

[[noreturn]] void ThrowLengths(std::string_view name, size_t a, size_t b) {
  throw Error(ErrorCode::kSizesOfArraysDontMatch,
              fmt::format("The vectors of function {} have {} and {} elements; they must be of "
                          "equal length",
                          name, a, b));
}

// Two columns of vectors; `a` has elements of T, `b` any that the kernels take rows of.
template <class T>
class VectorPairs {
 public:
  VectorPairs(std::string_view name, const ColumnPtr& a, const ColumnPtr& b)
      : name_(name),
        element_(sizeof(T) == 4 ? TypeId::kFloat32 : TypeId::kFloat64),
        a_(DenseArrays(StoredRows(a), element_)),
        b_(DenseArrays(StoredRows(b), RowElement(b->type().element()))),
        a_step_(a->is_constant() ? 0 : 1),
        b_step_(b->is_constant() ? 0 : 1) {}

  size_t LengthA(size_t row) const { return a_->Length(row * a_step_); }
  size_t LengthB(size_t row) const { return b_->Length(row * b_step_); }
  size_t Dimensions(size_t row) const {
    const size_t a = LengthA(row), b = LengthB(row);
    if (a != b) ThrowLengths(name_, a, b);
    return a;
  }
  std::span<const T> A(size_t row) const {
    return {AsNumbers<T>(*a_->elements()).data() + a_->Begin(row * a_step_), Dimensions(row)};
  }
  // Row `row` of b as the only one of its kind.
  VectorRows B(size_t row) const { return BRows(row, Dimensions(row), 1); }

  // Whether one query is compared with rows of its own length, stored one behind the other.
  bool IsScan(size_t rows) const {
    return a_step_ == 0 && b_step_ == 1 && rows > 1 && b_->UniformLength() == a_->Length(0);
  }
  VectorRows AllB(size_t rows) const { return BRows(0, a_->Length(0), rows); }

 private:
  // Rows are read as they are if a kernel for T can.
  static DataType RowElement(const DataType& element) {
    const bool is_readable = sizeof(T) == 4 ? IsFloat32Like(element) : element.is_float();
    if (is_readable) return element;
    return sizeof(T) == 4 ? TypeId::kFloat32 : TypeId::kFloat64;
  }

  VectorRows BRows(size_t row, size_t dimensions, size_t rows) const {
    return VisitFixedType(b_->elements()->type().id(), [&]<class Element>() -> VectorRows {
      const Element* base = AsNumbers<Element>(*b_->elements()).data() + b_->Begin(row * b_step_);
      return {reinterpret_cast<const std::byte*>(base), dimensions * sizeof(Element), rows,
              dimensions, ElementOf<T>(b_->elements()->type())};
    });
  }

  std::string_view name_;
  DataType element_;
  std::shared_ptr<const ArrayColumn> a_, b_;
  size_t a_step_, b_step_;
};

// may_lack: which of the two is no constant of the statement, so that an empty array stands for a
// vector that is not there. Its distance to a vector is NaN.
template <class T>
ColumnPtr KernelDistances(DistanceFunction function, const DistanceKernels& kernels,
                          std::string_view name, const ColumnPtr& left, const ColumnPtr& right,
                          std::array<bool, 2> may_lack, size_t rows) {
  // The functions are symmetric: the constant, if there is one, is the query.
  const bool swap = right->is_constant() && !left->is_constant();
  const VectorPairs<T> pairs(name, swap ? right : left, swap ? left : right);
  if (swap) std::swap(may_lack[0], may_lack[1]);
  const auto lacks_vector = [&](size_t row) {
    const size_t a = pairs.LengthA(row), b = pairs.LengthB(row);
    return a != b && ((a == 0 && may_lack[0]) || (b == 0 && may_lack[1]));
  };
  NumberBuffer<T> result(rows);
  if (pairs.IsScan(rows)) {
    ComputeDistances(kernels, function, pairs.A(0), pairs.AllB(rows), 0, rows, result.data());
  } else {
    for (size_t row = 0; row < rows; ++row) {
      if (lacks_vector(row)) {
        result[row] = std::numeric_limits<T>::quiet_NaN();
      } else {
        ComputeDistances(kernels, function, pairs.A(row), pairs.B(row), 0, 1, result.data() + row);
      }
    }
  }
  return result.Finish(sizeof(T) == 4 ? TypeId::kFloat32 : TypeId::kFloat64);
}

// Float32 if both are Float32 or BFloat16, else Float64.
DataType DistanceType(const DataType& a, const DataType& b) {
  return IsFloat32Like(a) && IsFloat32Like(b) ? TypeId::kFloat32 : TypeId::kFloat64;
}

// The products of integers lose no digit; sums beyond 64 bits wrap, as those of integers do.
template <class T>
ColumnPtr IntegerProducts(std::string_view name, const ColumnPtr& left, const ColumnPtr& right,
                          size_t rows) {
  const TypeId type = std::is_signed_v<T> ? TypeId::kInt64 : TypeId::kUInt64;
  const auto a = DenseArrays(StoredRows(left), type), b = DenseArrays(StoredRows(right), type);
  const size_t a_step = left->is_constant() ? 0 : 1, b_step = right->is_constant() ? 0 : 1;
  const T* const a_elements = AsNumbers<T>(*a->elements()).data();
  const T* const b_elements = AsNumbers<T>(*b->elements()).data();
  NumberBuffer<T> result(rows);
  for (size_t row = 0; row < rows; ++row) {
    const size_t length = a->Length(row * a_step);
    if (length != b->Length(row * b_step)) ThrowLengths(name, length, b->Length(row * b_step));
    const T* const x = a_elements + a->Begin(row * a_step);
    const T* const y = b_elements + b->Begin(row * b_step);
    uint64_t sum = 0;
    for (size_t i = 0; i < length; ++i) {
      sum += static_cast<uint64_t>(x[i]) * static_cast<uint64_t>(y[i]);
    }
    result[row] = static_cast<T>(sum);
  }
  return result.Finish(type);
}

// Functions that are always given the kernels may fail only by unequal lengths.
FunctionBinder KernelBinder(std::string name, DistanceFunction function) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext& context) {
    const DataType& a = RequireVector(name, arguments, 0);
    const DataType& b = RequireVector(name, arguments, 1);
    if (function == DistanceFunction::kDotProduct && !a.is_float() && !b.is_float()) {
      const bool is_signed = IsSigned(a) || IsSigned(b);
      const auto body = [=](std::span<const ColumnPtr> values, size_t rows) {
        return is_signed ? IntegerProducts<int64_t>(name, values[0], values[1], rows)
                         : IntegerProducts<uint64_t>(name, values[0], values[1], rows);
      };
      return Function(IntegerType(is_signed, 8), body);
    }
    const DataType type = DistanceType(a, b);
    const DistanceKernels& kernels = KernelsOf(context);
    const std::array<bool, 2> may_lack = {!arguments[0].constant, !arguments[1].constant};
    const auto body = [=, &kernels](std::span<const ColumnPtr> values, size_t rows) {
      return type.id() == TypeId::kFloat32
                 ? KernelDistances<float>(function, kernels, name, values[0], values[1], may_lack,
                                          rows)
                 : KernelDistances<double>(function, kernels, name, values[0], values[1], may_lack,
                                           rows);
    };
    return Function(type, body, true);
  };
}

// The other norms: of a vector, or of the differences of two.

enum class Norm { kL1, kL2, kL2Squared, kLinf, kLp };

template <class T>
T AddToNorm(Norm norm, T sum, T value, T p) {
  const T magnitude = std::fabs(value);
  switch (norm) {
    case Norm::kL1:
      return sum + magnitude;
    case Norm::kL2:
    case Norm::kL2Squared:
      return sum + magnitude * magnitude;
    case Norm::kLinf:
      return magnitude > sum || std::isnan(magnitude) ? magnitude : sum;
    case Norm::kLp:
      break;
  }
  return sum + std::pow(magnitude, p);
}

template <class T>
T FinishNorm(Norm norm, T sum, T p) {
  if (norm == Norm::kL2) return std::sqrt(sum);
  return norm == Norm::kLp ? std::pow(sum, 1 / p) : sum;
}

// The p of an Lp function: its last argument.
double ReadP(std::string_view name, Norm norm, std::span<const FunctionArgument> arguments) {
  if (norm != Norm::kLp) return 0;
  const size_t index = arguments.size() - 1;
  RequireNumber(name, arguments, index);
  const double p = RequireConstant(name, index, arguments[index])->ValueAt(0).as_double();
  if (p >= 1 && std::isfinite(p)) return p;
  throw Error(ErrorCode::kArgumentOutOfBound,
              fmt::format("The last argument of function {} must be a finite number that is at "
                          "least 1, not {}",
                          name, p));
}

template <class T>
ColumnPtr NormDistances(Norm norm, T p, std::string_view name, std::span<const ColumnPtr> values,
                        size_t rows) {
  const DataType element = sizeof(T) == 4 ? TypeId::kFloat32 : TypeId::kFloat64;
  const auto a = DenseArrays(StoredRows(values[0]), element);
  const auto b = DenseArrays(StoredRows(values[1]), element);
  const size_t a_step = values[0]->is_constant() ? 0 : 1, b_step = values[1]->is_constant() ? 0 : 1;
  return FillNumbers<T>(element, rows, [&](size_t row) {
    const size_t x = row * a_step, y = row * b_step;
    if (a->Length(x) != b->Length(y)) ThrowLengths(name, a->Length(x), b->Length(y));
    const T* left = AsNumbers<T>(*a->elements()).data() + a->Begin(x);
    const T* right = AsNumbers<T>(*b->elements()).data() + b->Begin(y);
    T sum = 0;
    for (size_t i = 0; i < a->Length(x); ++i) sum = AddToNorm(norm, sum, left[i] - right[i], p);
    return FinishNorm(norm, sum, p);
  });
}

FunctionBinder NormDistanceBinder(std::string name, Norm norm) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    const DataType type =
        DistanceType(RequireVector(name, arguments, 0), RequireVector(name, arguments, 1));
    const double p = ReadP(name, norm, arguments);
    const auto body = [=](std::span<const ColumnPtr> values, size_t rows) {
      return type.id() == TypeId::kFloat32
                 ? NormDistances<float>(norm, static_cast<float>(p), name, values, rows)
                 : NormDistances<double>(norm, p, name, values, rows);
    };
    return Function(type, body, true);
  };
}

template <class T>
std::vector<T> RowNorms(Norm norm, T p, const ArrayColumn& arrays) {
  const T* elements = AsNumbers<T>(*arrays.elements()).data();
  std::vector<T> norms(arrays.size());
  for (size_t row = 0; row < arrays.size(); ++row) {
    T sum = 0;
    for (uint64_t i = arrays.Begin(row); i < arrays.End(row); ++i) {
      sum = AddToNorm(norm, sum, elements[i], p);
    }
    norms[row] = FinishNorm(norm, sum, p);
  }
  return norms;
}

template <class T>
ColumnPtr Norms(Norm norm, T p, const ColumnPtr& column) {
  const DataType element = sizeof(T) == 4 ? TypeId::kFloat32 : TypeId::kFloat64;
  return std::make_shared<NumberColumn<T>>(element,
                                           RowNorms(norm, p, *DenseArrays(column, element)));
}

// Each vector divided by its norm.
template <class T>
ColumnPtr Normalized(Norm norm, T p, const ColumnPtr& column) {
  const DataType element = sizeof(T) == 4 ? TypeId::kFloat32 : TypeId::kFloat64;
  const auto arrays = DenseArrays(column, element);
  const std::vector<T> norms = RowNorms(norm, p, *arrays);
  const T* elements = AsNumbers<T>(*arrays->elements()).data();
  NumberBuffer<T> result(arrays->elements()->size());
  for (size_t row = 0; row < arrays->size(); ++row) {
    for (uint64_t i = arrays->Begin(row); i < arrays->End(row); ++i) {
      result[i] = elements[i] / norms[row];
    }
  }
  return std::make_shared<ArrayColumn>(result.Finish(element), arrays, arrays->end_offsets(),
                                       arrays->size(), 0);
}

FunctionBinder NormBinder(std::string name, Norm norm, bool normalizes) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    const DataType& element = RequireVector(name, arguments, 0);
    const DataType type = DistanceType(element, element);
    const double p = ReadP(name, norm, arguments);
    const auto body = [=](std::span<const ColumnPtr> values, size_t) -> ColumnPtr {
      const float short_p = static_cast<float>(p);
      if (type.id() == TypeId::kFloat32) {
        return normalizes ? Normalized<float>(norm, short_p, values[0])
                          : Norms<float>(norm, short_p, values[0]);
      }
      return normalizes ? Normalized<double>(norm, p, values[0])
                        : Norms<double>(norm, p, values[0]);
    };
    return Function(normalizes ? DataType::Array(type) : type, body);
  };
}

}  // namespace

void RegisterVectors(FunctionRegistry& registry) {
  const auto add_kernel = [&](const char* name, DistanceFunction function) {
    registry.Add({name, 2, 2, KernelBinder(name, function)});
  };
  add_kernel("L2Distance", DistanceFunction::kL2);
  add_kernel("L2SquaredDistance", DistanceFunction::kL2Squared);
  add_kernel("cosineDistance", DistanceFunction::kCosine);
  add_kernel("dotProduct", DistanceFunction::kDotProduct);
  registry.AddAlias("distanceL2", "L2Distance");
  registry.AddAlias("distanceL2Squared", "L2SquaredDistance");
  registry.AddAlias("distanceCosine", "cosineDistance");
  registry.AddAlias("scalarProduct", "dotProduct");
  registry.AddAlias("arrayDotProduct", "dotProduct");
  constexpr std::pair<const char*, Norm> kNorms[] = {{"L1", Norm::kL1},
                                                     {"L2", Norm::kL2},
                                                     {"L2Squared", Norm::kL2Squared},
                                                     {"Linf", Norm::kLinf},
                                                     {"Lp", Norm::kLp}};
  for (const auto& [name, norm] : kNorms) {
    const std::string letter = name;
    const size_t with_p = norm == Norm::kLp ? 1 : 0;
    registry.Add(
        {letter + "Norm", 1 + with_p, 1 + with_p, NormBinder(letter + "Norm", norm, false)});
    registry.AddAlias("norm" + letter, letter + "Norm");
    if (norm == Norm::kL2Squared) continue;
    registry.Add({letter + "Normalize", 1 + with_p, 1 + with_p,
                  NormBinder(letter + "Normalize", norm, true)});
    registry.AddAlias("normalize" + letter, letter + "Normalize");
    if (norm == Norm::kL2) continue;
    registry.Add({letter + "Distance", 2 + with_p, 2 + with_p,
                  NormDistanceBinder(letter + "Distance", norm)});
    registry.AddAlias("distance" + letter, letter + "Distance");
  }
}

}  // namespace granary
