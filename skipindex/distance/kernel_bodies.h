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

// Eight rows of a block against one query, as DistanceKernels::Packed wants them.
inline void PackedEight(const PackedRows& rows, const uint8_t* bytes, const int8_t* query,
                        uint32_t* sums) {
  uint32_t total[8] = {};
  for (size_t i = 0; i < rows.quads; ++i) {
    const uint8_t* quad = bytes + i * PackedRows::kBlockRows * PackedRows::kQuadBytes;
    const int8_t* q = query + i * PackedRows::kQuadBytes;
    for (size_t r = 0; r < 8; ++r) {
      const uint8_t* x = quad + r * PackedRows::kQuadBytes;
      total[r] += static_cast<uint32_t>(x[0] * q[0] + x[1] * q[1] + x[2] * q[2] + x[3] * q[3]);
    }
  }
  for (size_t r = 0; r < 8; ++r) sums[r] = total[r];
}

// Eight(rows, bytes, query, sums): as PackedEight.
template <class Eight>
void PackedByEight(const PackedRows& rows, const PackedQueries& queries, uint32_t* out,
                   Eight eight) {
  constexpr size_t kBlock = PackedRows::kBlockRows;
  const size_t query_bytes = rows.quads * PackedRows::kQuadBytes;
  for (size_t first = 0; first < rows.blocks * kBlock; first += 8) {
    const uint8_t* bytes = rows.bytes + first / kBlock * kBlock * query_bytes +
                           first % kBlock * PackedRows::kQuadBytes;
    for (size_t q = 0; q < queries.count; ++q) {
      uint32_t* sums = out + q * rows.blocks * kBlock + first;
      eight(rows, bytes, queries.bytes + q * query_bytes, sums);
      if (rows.offsets == nullptr) continue;
      for (size_t r = 0; r < 8; ++r) {
        sums[r] = queries.offsets[q] + rows.offsets[first + r] - 2 * sums[r];
      }
    }
  }
}

// The wanted-th smallest of kBlockRows numbers, by halving the range of values.
inline uint32_t SmallestOf(const uint32_t* numbers, size_t wanted) {
  uint32_t low = 0;
  uint32_t high = 0xFFFFFFFF;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    uint32_t count = 0;
    for (size_t i = 0; i < PackedRows::kBlockRows; ++i) count += numbers[i] <= middle ? 1 : 0;
    if (count >= wanted) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

inline size_t SmallestKeys(const uint32_t* keys, size_t blocks, size_t wanted, uint32_t* places) {
  constexpr size_t kBlock = PackedRows::kBlockRows;
  uint32_t minima[kBlock];
  for (size_t i = 0; i < kBlock; ++i) minima[i] = keys[i];
  for (size_t block = 1; block < blocks; ++block) {
    const uint32_t* of_block = keys + block * kBlock;
    for (size_t i = 0; i < kBlock; ++i)
      minima[i] = minima[i] < of_block[i] ? minima[i] : of_block[i];
  }
  const uint32_t limit = SmallestOf(minima, wanted);
  size_t count = 0;
  for (size_t i = 0; i < blocks * kBlock; ++i) {
    places[count] = static_cast<uint32_t>(i);
    count += keys[i] <= limit ? 1 : 0;
  }
  return count;
}

// The kernels that only work on integers.
struct IntegerKernels {
  DistanceKernels::Integer dot;
  DistanceKernels::Packed packed;
  DistanceKernels::Smallest smallest;
  DistanceKernels::Bits hamming;
};

template <class F, class D>
constexpr DistanceKernels MakeKernels(std::string_view name, IntegerKernels integer) {
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
      .dot_u8_i8 = integer.dot,
      .packed_u8_i8 = integer.packed,
      .smallest = integer.smallest,
      .hamming = integer.hamming,
  };
}
