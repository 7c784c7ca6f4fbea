// The variants of the kernels, as kernels.cc chooses among them; internal to distance/.
#pragma once

#include <bit>
#include <cstdint>

#include "granary/skipindex/distance/kernels.h"

namespace granary {

// Stored 16-bit floats, told apart by type.
enum BFloat16Bits : uint16_t {};
enum Float16Bits : uint16_t {};

extern const DistanceKernels kPortableKernels;
#if defined(__x86_64__)
// Only to be called on a CPU that has the instructions.
extern const DistanceKernels kAvx2Kernels;    // AVX2, F16C
extern const DistanceKernels kAvx512Kernels;  // AVX-512 F, BW, DQ, VL, VNNI; hamming: VPOPCNTDQ
#endif
#if defined(__aarch64__)
extern const DistanceKernels kNeonKernels;  // what every such CPU has
#endif

// Without loss.
float Float16ToFloat(Float16Bits bits);
// To nearest, ties to even; beyond the range of the type: infinite.
Float16Bits FloatToFloat16(float value);

}  // namespace granary
