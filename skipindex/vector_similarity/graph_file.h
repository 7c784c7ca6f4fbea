// The bytes of a vector_similarity sub-index: written once, then used where they lie, usually a
// memory map. Opening reads the header and checks that every section lies within the file; numbers
// inside the sections are checked when they are used.
//
// All numbers are little-endian; offsets count from the first byte of the sub-index.
//
//   header   magic "GRNHNSW1" · version uint32 = 1 · metric uint8 · quantization uint8 · where the
//            codes are uint8 (0 nowhere: the block is flat, 1 in the column, 2 here) · number of
//            layers uint8 · rows uint64 · dimensions uint32 · M uint32 · offset and stride of the
//            codes uint64 × 2 · offset of the inverse lengths uint64 (0: none) · offset of the
//            codec of i8 codes uint64 (0: none) · then per layer, the top one first: nodes uint32 ·
//            capacity uint32 · offsets of links, rows and below uint64 × 3 (the last two 0 in layer
//            0)
//   sections each at a multiple of 64 bytes: per layer links (uint32 × nodes × capacity,
//            unused ones 0xFFFFFFFF), rows and below (uint32 × nodes); inverse lengths (float ×
//            rows); codec
//            (step float · longest length double · length cut double · center float ×
//            dimensions · bound of the errors float · exceptions uint32 · their rows uint32 and
//            their errors float × exceptions); codes (rows × stride)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "granary/skipindex/vector_similarity/bit_codes.h"
#include "granary/skipindex/vector_similarity/byte_codes.h"
#include "granary/skipindex/vector_similarity/declaration.h"
#include "granary/skipindex/vector_similarity/float_codes.h"
#include "granary/skipindex/vector_similarity/graph_builder.h"
#include "granary/table/task_context.h"

namespace granary {

// True if the walk can read the column instead of codes: it is of the declared type, or of one that
// loses nothing by it.
bool CodesAreColumn(Quantization quantization, VectorElement column);

// Writes a block without a graph.
void WriteFlatFile(const VectorSimilarityDeclaration& declaration, const VectorRows& vectors,
                   ByteSink& out);

// Writes the layers (top first) and whatever codes the quantization needs. `byte_codec` and
// `byte_codes`, off by `errors`, are those the graph was built on. Checks for cancellation.
void WriteGraphFile(const VectorSimilarityDeclaration& declaration, const VectorRows& vectors,
                    std::span<const OwnedLayer> layers, const ByteCodec& byte_codec,
                    const ByteCodeRows& byte_codes, const ByteCodeErrors& errors,
                    const TaskContext& context, ByteSink& out);

// A view of an opened file; the bytes, and the vectors where the codes are in the column, outlive
// it.
struct GraphFile {
  bool flat = false;
  size_t rows = 0;
  size_t dimensions = 0;
  std::vector<GraphLayer> upper;  // top first
  GraphLayer bottom;
  FloatCodeRows float_codes;             // unless the quantization is i8 or b1
  std::optional<BitCodeRows> bit_codes;  // if it is b1
  std::optional<ByteCodec> byte_codec;   // if it is i8
  ByteCodeRows byte_codes;
  ByteCodeErrors byte_errors;

  // Throws CORRUPTED_DATA for anything that does not fit the declaration, the vectors or itself.
  static GraphFile Open(std::span<const std::byte> bytes,
                        const VectorSimilarityDeclaration& declaration, const VectorRows& vectors);
};

}  // namespace granary
