#include "granary/skipindex/distance/kernels.h"

#include <bit>

#include <fmt/format.h>

#include "granary/skipindex/distance/kernel_variants.h"
#include "granary/table/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace granary {

#if defined(__x86_64__)
namespace {

// __builtin_cpu_supports("f16c"), which Clang 14 does not know.
bool HasF16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

// The first processors with the other instructions cannot count bits.
const DistanceKernels& Avx512Kernels() {
  static const DistanceKernels kernels = [] {
    DistanceKernels chosen = kAvx512Kernels;
    if (!__builtin_cpu_supports("avx512vpopcntdq")) chosen.hamming = kAvx2Kernels.hamming;
    return chosen;
  }();
  return kernels;
}

}  // namespace
#endif

std::vector<const DistanceKernels*> AvailableDistanceKernels() {
  std::vector<const DistanceKernels*> available;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512vnni")) {
    available.push_back(&Avx512Kernels());
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && HasF16c() &&
      __builtin_cpu_supports("bmi2")) {
    available.push_back(&kAvx2Kernels);
  }
#endif
#if defined(__aarch64__)
  available.push_back(&kNeonKernels);
#endif
  available.push_back(&kPortableKernels);
  return available;
}

const DistanceKernels& BestDistanceKernels() {
  static const DistanceKernels* const best = AvailableDistanceKernels().front();
  return *best;
}

const DistanceKernels& GetDistanceKernels(std::string_view name) {
  if (name == "auto") return BestDistanceKernels();
  std::string names = "auto";
  for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
    if (kernels->name == name) return *kernels;
    names += fmt::format(", {}", kernels->name);
  }
  throw Error(ErrorCode::kInvalidSettingValue,
              fmt::format("distance kernels '{}' are not known or not supported by this CPU, "
                          "which can run: {}",
                          name, names));
}

float Float16ToFloat(Float16Bits bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 31;
  const uint32_t fraction = bits & 0x3FF;
  if (exponent == 31) {
    const uint32_t quiet = fraction == 0 ? 0 : 0x400000;
    return std::bit_cast<float>(sign | 0x7F800000 | quiet | fraction << 13);
  }
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float subnormal = static_cast<float>(fraction) * 0x1p-24f;
  return sign != 0 ? -subnormal : subnormal;
}

Float16Bits FloatToFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000;
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return static_cast<Float16Bits>(sign | 0x7E00);
  if (magnitude >= 0x477FF000) return static_cast<Float16Bits>(sign | 0x7C00);
  if (magnitude < 0x38800000) {
    // Adding 0.5 rounds the subnormal to a multiple of 2^-24 in the lowest bits.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<Float16Bits>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000));
  }
  const uint32_t rounded = magnitude - 0x38000000 + 0xFFF + (magnitude >> 13 & 1);
  return static_cast<Float16Bits>(sign | rounded >> 13);
}

}  // namespace granary
