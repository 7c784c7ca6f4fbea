// The bodies of the distance kernels, written once over lanes. Included by each
// kernels_<variant>.cc within an anonymous namespace and a region compiled for its instruction set,
// so that no copy of them can be shared with another variant. `F` and `D` are the variant's lanes
// of float and double:
//
//   F::Vector, F::Scalar, F::kLanes; F::Zero(), Sub, Mul, Add; F::Sum (the tree of kernels.h), and
//   F::SumFour(const Vector[4], Scalar* out), four of them at once
//   F::Load(const Element*), F::LoadPart(const Element*, n < kLanes): the rest is 0
//
// No include guard and no includes: the including file decides.

template <class Element>
const Element* RowAt(const RowSet& rows, size_t i) {
  const size_t id = rows.ids != nullptr ? rows.ids[i] : i;
  return reinterpret_cast<const Element*>(rows.base + id * rows.stride_bytes);
}

template <class L>
struct SquaredDifference {
  static typename L::Vector Term(typename L::Vector row, typename L::Vector query) {
    const auto difference = L::Sub(row, query);
    return L::Mul(difference, difference);
  }
};

template <class L>
struct Product {
  static typename L::Vector Term(typename L::Vector row, typename L::Vector query) {
    return L::Mul(row, query);
  }
};

inline constexpr size_t kRowsAtOnce = 4;

// Rows in sequence are asked for this far ahead, into the second-level cache: the processor's own
// prefetching stops at the end of each page and cannot look past the arithmetic of a row. Beyond
// the last row it does nothing or fetches what follows.
inline constexpr size_t kAheadBytes = 3200;

template <bool kSequential, class Element>
void FetchAhead(const Element* row) {
  if constexpr (kSequential) {
    const auto address = reinterpret_cast<uintptr_t>(row) + kAheadBytes;
    __builtin_prefetch(reinterpret_cast<const void*>(address), 0, 2);
  }
}

template <class L, size_t kRows>
void SumAll(const typename L::Vector* sums, typename L::Scalar* out) {
  if constexpr (kRows == 4) {
    L::SumFour(sums, out);
  } else {
    for (size_t r = 0; r < kRows; ++r) out[r] = L::Sum(sums[r]);
  }
}

template <class L, class Term, class Element, size_t kRows, bool kSequential>
void SumRows(const Element* const* row, const typename L::Scalar* query, size_t dimensions,
             typename L::Scalar* out) {
  typename L::Vector sums[kRows];
  for (size_t r = 0; r < kRows; ++r) sums[r] = L::Zero();
  size_t i = 0;
  for (; i + L::kLanes <= dimensions; i += L::kLanes) {
    const auto q = L::Load(query + i);
    for (size_t r = 0; r < kRows; ++r) {
      FetchAhead<kSequential>(row[r] + i);
      sums[r] = L::Add(sums[r], Term::Term(L::Load(row[r] + i), q));
    }
  }
  if (i < dimensions) {
    const size_t rest = dimensions - i;
    const auto q = L::LoadPart(query + i, rest);
    for (size_t r = 0; r < kRows; ++r) {
      sums[r] = L::Add(sums[r], Term::Term(L::LoadPart(row[r] + i, rest), q));
    }
  }
  SumAll<L, kRows>(sums, out);
}

template <class L, class Element, size_t kRows, bool kSequential>
void DotAndNormRows(const Element* const* row, const typename L::Scalar* query, size_t dimensions,
                    typename L::Scalar* dot, typename L::Scalar* norm) {
  typename L::Vector dots[kRows];
  typename L::Vector norms[kRows];
  for (size_t r = 0; r < kRows; ++r) dots[r] = norms[r] = L::Zero();
  size_t i = 0;
  for (; i + L::kLanes <= dimensions; i += L::kLanes) {
    const auto q = L::Load(query + i);
    for (size_t r = 0; r < kRows; ++r) {
      FetchAhead<kSequential>(row[r] + i);
      const auto x = L::Load(row[r] + i);
      dots[r] = L::Add(dots[r], L::Mul(x, q));
      norms[r] = L::Add(norms[r], L::Mul(x, x));
    }
  }
  if (i < dimensions) {
    const size_t rest = dimensions - i;
    const auto q = L::LoadPart(query + i, rest);
    for (size_t r = 0; r < kRows; ++r) {
      const auto x = L::LoadPart(row[r] + i, rest);
      dots[r] = L::Add(dots[r], L::Mul(x, q));
      norms[r] = L::Add(norms[r], L::Mul(x, x));
    }
  }
  SumAll<L, kRows>(dots, dot);
  SumAll<L, kRows>(norms, norm);
}

// Calls measure.operator()<rows>(pointers to them, the first of them), for all rows of the set.
template <class Element, class Measure>
void ForRowsAtOnce(const RowSet& rows, Measure measure) {
  size_t i = 0;
  for (; i + kRowsAtOnce <= rows.count; i += kRowsAtOnce) {
    const Element* row[kRowsAtOnce];
    for (size_t r = 0; r < kRowsAtOnce; ++r) row[r] = RowAt<Element>(rows, i + r);
    measure.template operator()<kRowsAtOnce>(row, i);
  }
  for (; i < rows.count; ++i) {
    const Element* row = RowAt<Element>(rows, i);
    measure.template operator()<1>(&row, i);
  }
}

template <class L, class Term, class Element>
void SumKernel(const RowSet& rows, const typename L::Scalar* query, typename L::Scalar* out) {
  const auto sum = [&]<bool kSequential>() {
    ForRowsAtOnce<Element>(rows, [&]<size_t kRows>(const Element* const* row, size_t i) {
      SumRows<L, Term, Element, kRows, kSequential>(row, query, rows.dimensions, out + i);
    });
  };
  rows.ids == nullptr ? sum.template operator()<true>() : sum.template operator()<false>();
}

template <class L, class Element>
void DotNormKernel(const RowSet& rows, const typename L::Scalar* query, typename L::Scalar* dot,
                   typename L::Scalar* norm) {
  const auto sum = [&]<bool kSequential>() {
    ForRowsAtOnce<Element>(rows, [&]<size_t kRows>(const Element* const* row, size_t i) {
      DotAndNormRows<L, Element, kRows, kSequential>(row, query, rows.dimensions, dot + i,
                                                     norm + i);
    });
  };
  rows.ids == nullptr ? sum.template operator()<true>() : sum.template operator()<false>();
}

template <class F, class D>
constexpr DistanceKernels MakeKernels(std::string_view name, DistanceKernels::Integer integer,
                                      DistanceKernels::Bits bits) {
  using FL2 = SquaredDifference<F>;
  using DL2 = SquaredDifference<D>;
  using FDot = Product<F>;
  using DDot = Product<D>;
  return {
      .name = name,
      .l2_squared = {SumKernel<F, FL2, float>, nullptr, SumKernel<F, FL2, BFloat16Bits>,
                     SumKernel<F, FL2, Float16Bits>},
      .dot = {SumKernel<F, FDot, float>, nullptr, SumKernel<F, FDot, BFloat16Bits>,
              SumKernel<F, FDot, Float16Bits>},
      .dot_norm = {DotNormKernel<F, float>, nullptr, DotNormKernel<F, BFloat16Bits>,
                   DotNormKernel<F, Float16Bits>},
      .l2_squared_double = {SumKernel<D, DL2, float>, SumKernel<D, DL2, double>,
                            SumKernel<D, DL2, BFloat16Bits>, nullptr},
      .dot_double = {SumKernel<D, DDot, float>, SumKernel<D, DDot, double>,
                     SumKernel<D, DDot, BFloat16Bits>, nullptr},
      .dot_norm_double = {DotNormKernel<D, float>, DotNormKernel<D, double>,
                          DotNormKernel<D, BFloat16Bits>, nullptr},
      .dot_u8_i8 = integer,
      .hamming = bits,
  };
}
