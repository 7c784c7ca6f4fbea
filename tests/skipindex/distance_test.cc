#include "granary/skipindex/distance/distance.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/skipindex/distance/kernel_variants.h"
#include "granary/table/error.h"
#include "granary/table/types.h"

namespace granary {
namespace {

constexpr size_t kRows = 7;  // one group of four and three single rows

std::vector<size_t> Lengths() {
  std::vector<size_t> lengths;
  for (size_t i = 0; i <= 257; ++i) lengths.push_back(i);
  for (size_t i : {384, 784, 1000, 1536, 3072, 4099}) lengths.push_back(i);
  return lengths;
}

template <class T>
std::vector<T> RandomValues(size_t count, std::mt19937_64& random) {
  std::normal_distribution<double> normal(0.1, 3);
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(static_cast<float>(normal(random)));
  return values;
}

// The definition of kernels.h, literally.
template <class T, class Term>
T ReferenceSum(size_t dimensions, Term term) {
  constexpr size_t kLanes = 64 / sizeof(T);
  T lanes[kLanes] = {};
  for (size_t i = 0; i < dimensions; ++i) {
    const volatile T product = term(i);
    lanes[i % kLanes] += product;
  }
  for (size_t half = kLanes / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

template <class T, class Element>
T Reference(DistanceFunction function, const T* query, const Element* row, size_t dimensions) {
  auto x = [&](size_t i) { return static_cast<T>(static_cast<T>(row[i])); };
  auto dot = [&] { return ReferenceSum<T>(dimensions, [&](size_t i) { return query[i] * x(i); }); };
  auto squared = [&] {
    return ReferenceSum<T>(dimensions,
                           [&](size_t i) { return (x(i) - query[i]) * (x(i) - query[i]); });
  };
  switch (function) {
    case DistanceFunction::kL2:
      return std::sqrt(squared());
    case DistanceFunction::kL2Squared:
      return squared();
    case DistanceFunction::kDotProduct:
      return dot();
    case DistanceFunction::kCosine:
      break;
  }
  const T query_norm = ReferenceSum<T>(dimensions, [&](size_t i) { return query[i] * query[i]; });
  const T row_norm = ReferenceSum<T>(dimensions, [&](size_t i) { return x(i) * x(i); });
  return T{1} - dot() / (std::sqrt(query_norm) * std::sqrt(row_norm));
}

template <class T>
bool SameBits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0 || (std::isnan(a) && std::isnan(b));
}

constexpr DistanceFunction kFunctions[] = {DistanceFunction::kL2, DistanceFunction::kCosine,
                                           DistanceFunction::kDotProduct,
                                           DistanceFunction::kL2Squared};

// Rows of `Element` in guarded memory: exactly as long as they must be, so that sanitizers see any
// read beyond them.
template <class T, class Element>
void CheckAgainstReference(VectorElement element) {
  std::mt19937_64 random(5);
  for (size_t dimensions : Lengths()) {
    const auto query = RandomValues<T>(dimensions, random);
    const auto values = RandomValues<Element>(dimensions * kRows, random);
    const VectorRows rows{.base = reinterpret_cast<const std::byte*>(values.data()),
                          .stride_bytes = dimensions * sizeof(Element),
                          .rows = kRows,
                          .dimensions = dimensions,
                          .element = element};
    const std::vector<uint32_t> ids{6, 0, 3, 3, 1};
    for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
      for (DistanceFunction function : kFunctions) {
        T all[kRows];
        T gathered[5];
        ComputeDistances(*kernels, function, std::span<const T>(query), rows, 0, kRows, all);
        ComputeDistances(*kernels, function, std::span<const T>(query), rows, ids, gathered);
        for (size_t r = 0; r < kRows; ++r) {
          const T expected =
              Reference<T>(function, query.data(), values.data() + r * dimensions, dimensions);
          ASSERT_TRUE(SameBits(all[r], expected))
              << kernels->name << " function " << static_cast<int>(function) << " length "
              << dimensions << " row " << r << ": " << all[r] << " is not " << expected;
        }
        for (size_t i = 0; i < ids.size(); ++i) {
          ASSERT_TRUE(SameBits(gathered[i], all[ids[i]])) << kernels->name << " " << dimensions;
        }
      }
    }
  }
}

TEST(DistanceTest, EveryVariantGivesTheBitsOfTheDefinition) {
  CheckAgainstReference<float, float>(VectorElement::kFloat32);
  CheckAgainstReference<float, BFloat16>(VectorElement::kBFloat16);
  CheckAgainstReference<double, float>(VectorElement::kFloat32);
  CheckAgainstReference<double, double>(VectorElement::kFloat64);
  CheckAgainstReference<double, BFloat16>(VectorElement::kBFloat16);
}

TEST(DistanceTest, QueryAndRowMayBeSwapped) {
  std::mt19937_64 random(6);
  const auto a = RandomValues<float>(131, random);
  const auto b = RandomValues<float>(131, random);
  auto rows_of = [](const std::vector<float>& v) {
    return VectorRows{reinterpret_cast<const std::byte*>(v.data()), v.size() * 4, 1, v.size(),
                      VectorElement::kFloat32};
  };
  for (DistanceFunction function : kFunctions) {
    float ab, ba;
    ComputeDistances(BestDistanceKernels(), function, std::span(a), rows_of(b), 0, 1, &ab);
    ComputeDistances(BestDistanceKernels(), function, std::span(b), rows_of(a), 0, 1, &ba);
    EXPECT_TRUE(SameBits(ab, ba));
  }
}

TEST(DistanceTest, CosineOfAZeroVectorIsNaN) {
  const std::vector<float> zero(10), one(10, 1.0f);
  const VectorRows rows{reinterpret_cast<const std::byte*>(zero.data()), 40, 1, 10,
                        VectorElement::kFloat32};
  for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
    float distance;
    ComputeDistances(*kernels, DistanceFunction::kCosine, std::span(one), rows, 0, 1, &distance);
    EXPECT_TRUE(std::isnan(distance)) << kernels->name;
  }
}

TEST(DistanceTest, ManyRowsOfCosineAreChunked) {
  std::mt19937_64 random(8);
  const auto values = RandomValues<float>(3 * 1000, random);
  const auto query = RandomValues<float>(3, random);
  const VectorRows rows{reinterpret_cast<const std::byte*>(values.data()), 12, 1000, 3,
                        VectorElement::kFloat32};
  std::vector<uint32_t> backwards(1000);
  for (uint32_t i = 0; i < 1000; ++i) backwards[i] = 999 - i;
  std::vector<float> all(1000), gathered(1000);
  const auto& kernels = BestDistanceKernels();
  ComputeDistances(kernels, DistanceFunction::kCosine, std::span(query), rows, 0, 1000, all.data());
  ComputeDistances(kernels, DistanceFunction::kCosine, std::span(query), rows, backwards,
                   gathered.data());
  for (size_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(all[i],
              Reference<float>(DistanceFunction::kCosine, query.data(), values.data() + 3 * i, 3));
    ASSERT_EQ(gathered[i], all[999 - i]);
  }
}

TEST(DistanceTest, ByteKernelsAreExactAndEqual) {
  std::mt19937_64 random(7);
  for (size_t dimensions : Lengths()) {
    std::vector<uint8_t> rows(dimensions * kRows);
    std::vector<int8_t> query(dimensions);
    for (auto& x : rows) x = static_cast<uint8_t>(random());
    for (auto& x : query) x = static_cast<int8_t>(random());
    if (dimensions == 4099) {  // the extremes saturate where a variant adds pairs in 16 bits
      std::fill(rows.begin(), rows.end(), uint8_t{255});
      std::fill(query.begin(), query.end(), int8_t{-128});
    }
    for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
      int32_t sums[kRows];
      kernels->dot_u8_i8({.base = reinterpret_cast<const std::byte*>(rows.data()),
                          .stride_bytes = dimensions,
                          .dimensions = dimensions,
                          .count = kRows},
                         query.data(), sums);
      for (size_t r = 0; r < kRows; ++r) {
        int64_t expected = 0;
        for (size_t i = 0; i < dimensions; ++i) {
          expected += int64_t{rows[r * dimensions + i]} * query[i];
        }
        ASSERT_EQ(sums[r], expected) << kernels->name << " length " << dimensions;
      }
    }
  }
}

TEST(DistanceTest, BitKernelsAreExactAndEqual) {
  std::mt19937_64 random(9);
  for (size_t bytes : Lengths()) {
    std::vector<std::byte> rows(bytes * kRows);
    std::vector<std::byte> query(bytes);
    for (auto& x : rows) x = static_cast<std::byte>(random());
    for (auto& x : query) x = static_cast<std::byte>(random());
    if (bytes == 4099) {  // every bit differs: the largest sums
      std::fill(rows.begin(), rows.end(), std::byte{255});
      std::fill(query.begin(), query.end(), std::byte{0});
    }
    const std::vector<uint32_t> ids{6, 0, 3, 3, 1};
    for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
      uint32_t all[kRows];
      uint32_t gathered[5];
      RowSet set{
          .base = rows.data(), .stride_bytes = bytes, .dimensions = 8 * bytes, .count = kRows};
      kernels->hamming(set, query.data(), all);
      set.ids = ids.data();
      set.count = ids.size();
      kernels->hamming(set, query.data(), gathered);
      for (size_t r = 0; r < kRows; ++r) {
        int expected = 0;
        for (size_t i = 0; i < bytes; ++i) {
          expected += std::popcount(static_cast<uint8_t>(rows[r * bytes + i] ^ query[i]));
        }
        ASSERT_EQ(all[r], static_cast<uint32_t>(expected)) << kernels->name << " length " << bytes;
      }
      for (size_t i = 0; i < ids.size(); ++i) {
        ASSERT_EQ(gathered[i], all[ids[i]]) << kernels->name << " length " << bytes;
      }
    }
  }
}

TEST(DistanceTest, PackedRowsMeetQueriesExactly) {
  std::mt19937_64 random(11);
  for (size_t quads : {1, 2, 25, 200, 1030}) {
    for (size_t queries : {1, 5, 6, 7, 24}) {
      constexpr size_t kBlocks = 3;
      constexpr size_t kRowCount = kBlocks * PackedRows::kBlockRows;
      const size_t dimensions = 4 * quads;
      std::vector<uint8_t> rows(dimensions * kRowCount), packed(rows.size());
      std::vector<int8_t> query(dimensions * queries);
      std::vector<uint32_t> row_offsets(kRowCount), query_offsets(queries);
      for (auto& x : rows) x = static_cast<uint8_t>(random());
      for (auto& x : query) x = static_cast<int8_t>(random());
      if (quads == 1030) {
        std::fill(rows.begin(), rows.end(), uint8_t{255});
        std::fill(query.begin(), query.end(), int8_t{-128});
      }
      for (auto& x : row_offsets) x = static_cast<uint32_t>(random());
      for (auto& x : query_offsets) x = static_cast<uint32_t>(random());
      for (size_t r = 0; r < kRowCount; ++r) {
        for (size_t i = 0; i < dimensions; ++i) {
          packed[((r / 64 * quads + i / 4) * 64 + r % 64) * 4 + i % 4] = rows[r * dimensions + i];
        }
      }
      for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
        for (const bool with_offsets : {false, true}) {
          const uint32_t* offsets = with_offsets ? row_offsets.data() : nullptr;
          std::vector<uint32_t> out(queries * kRowCount);
          kernels->packed_u8_i8(
              {.bytes = packed.data(), .offsets = offsets, .blocks = kBlocks, .quads = quads},
              {query.data(), query_offsets.data(), queries}, out.data());
          for (size_t q = 0; q < queries; ++q) {
            for (size_t r = 0; r < kRowCount; ++r) {
              uint32_t dot = 0;
              for (size_t i = 0; i < dimensions; ++i) {
                dot += static_cast<uint32_t>(rows[r * dimensions + i] * query[q * dimensions + i]);
              }
              const uint32_t expected =
                  offsets == nullptr ? dot : query_offsets[q] + offsets[r] - 2 * dot;
              ASSERT_EQ(out[q * kRowCount + r], expected) << kernels->name << " " << dimensions;
            }
          }
        }
      }
    }
  }
}

TEST(DistanceTest, SmallestKeysAreFoundTheSameWayByEveryVariant) {
  std::mt19937_64 random(12);
  for (size_t blocks : {1, 2, 7, 48}) {
    // All alike, few values, all values, the largest.
    for (uint64_t values : {uint64_t{1}, uint64_t{10}, uint64_t{1} << 32, uint64_t{0}}) {
      std::vector<uint32_t> keys(blocks * PackedRows::kBlockRows);
      for (auto& key : keys) {
        key = values == 0 ? UINT32_MAX : static_cast<uint32_t>(random() % values);
      }
      for (size_t wanted : {1, 13, 64}) {
        std::vector<uint32_t> minima(PackedRows::kBlockRows, UINT32_MAX);
        for (size_t i = 0; i < keys.size(); ++i) {
          minima[i % minima.size()] = std::min(minima[i % minima.size()], keys[i]);
        }
        std::sort(minima.begin(), minima.end());
        std::vector<uint32_t> expected;
        for (uint32_t i = 0; i < keys.size(); ++i) {
          if (keys[i] <= minima[wanted - 1]) expected.push_back(i);
        }
        ASSERT_GE(expected.size(), wanted);
        for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
          std::vector<uint32_t> places(keys.size() + 1);
          places.resize(kernels->smallest(keys.data(), blocks, wanted, places.data()));
          ASSERT_EQ(places, expected) << kernels->name << " " << blocks << " " << wanted;
        }
      }
    }
  }
}

TEST(DistanceTest, EveryVariantReadsEveryFloat16) {
  for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      const auto half = static_cast<uint16_t>(bits);
      const float one = 1;
      float value;
      kernels->dot[static_cast<size_t>(RowElement::kFloat16)](
          {.base = reinterpret_cast<const std::byte*>(&half),
           .stride_bytes = 2,
           .dimensions = 1,
           .count = 1},
          &one, &value);
      // A sum starts from +0, so that -0 becomes 0.
      ASSERT_TRUE(SameBits(value, 0.0f + Float16ToFloat(static_cast<Float16Bits>(half))))
          << kernels->name << " " << bits;
    }
  }
}

TEST(DistanceTest, Float16RoundTripsAndRounds) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<Float16Bits>(bits);
    if (std::isnan(Float16ToFloat(half))) continue;
    ASSERT_EQ(FloatToFloat16(Float16ToFloat(half)), half) << bits;
  }
  EXPECT_EQ(FloatToFloat16(1.0f + 0x1p-11f), FloatToFloat16(1.0f));            // tie to even
  EXPECT_EQ(FloatToFloat16(1.0f + 0x3p-11f), FloatToFloat16(1.0f + 0x1p-9f));  // tie to even
  EXPECT_EQ(FloatToFloat16(65519.0f), 0x7BFF);
  EXPECT_EQ(FloatToFloat16(65520.0f), 0x7C00);
  EXPECT_EQ(FloatToFloat16(-1e30f), 0xFC00);
  EXPECT_EQ(FloatToFloat16(std::numeric_limits<float>::quiet_NaN()) & 0x7E00, 0x7E00);
}

TEST(DistanceTest, VariantsAreChosenByName) {
  EXPECT_EQ(GetDistanceKernels("portable").name, "portable");
  EXPECT_EQ(&GetDistanceKernels("auto"), AvailableDistanceKernels().front());
  try {
    GetDistanceKernels("mmx");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidSettingValue);
    EXPECT_THAT(error.what(), testing::HasSubstr("portable"));
  }
}

}  // namespace
}  // namespace granary
