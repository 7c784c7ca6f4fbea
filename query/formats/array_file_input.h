// Readers of binary arrays. Npy: NumPy's format, versions 1 to 3, little-endian <f4 <f8 |i1 <i2 <i4
// <i8 |u1 <u2 <u4 <u8 |b1, in C order, of one dimension (a column of numbers) or two (a column of
// arrays, one per row). Fvecs, Ivecs, Bvecs (corpus-texmex.irisa.fr): per vector its dimension as a
// 32-bit integer, then as many floats, integers or bytes; all vectors of a file have one dimension.
//
// They know the type of their single column, which is named v unless the header names it. Files cut
// off in the middle, of unequal dimensions or with a header that promises other sizes are
// INCORRECT_DATA or CANNOT_READ_ALL_DATA.
#pragma once

#include "granary/query/formats/input_format.h"

namespace granary {

class ArrayFileInput final : public InputFormat {
 public:
  // The header is empty, or one column of the type of the file (else TYPE_MISMATCH).
  static std::unique_ptr<InputFormat> OpenNpy(Header header, InputBytes bytes);
  // `element` is Float32, Int32 or UInt8.
  static std::unique_ptr<InputFormat> OpenVecs(std::string_view format, TypeId element,
                                               Header header, InputBytes bytes);

  std::optional<Block> ReadBlock(size_t max_rows) override;

 private:
  struct Layout {
    std::string_view format;
    TypeId element = TypeId::kNothing;
    bool is_array = true;
    uint64_t row_elements = 1;
    uint64_t prefix_bytes = 0;                    // before each row: 4 with Vecs
    std::optional<uint64_t> rows = std::nullopt;  // nothing: as many as there are
  };

  ArrayFileInput(Layout layout, Header header, InputBytes bytes);

  // Fills `out` from the input; throws CANNOT_READ_ALL_DATA at the end of it.
  void ReadExactly(void* out, size_t bytes);
  void CheckPrefix();
  template <class T>
  void AppendRow(std::vector<T>& values);
  template <class T>
  ColumnPtr ReadRows(size_t max_rows, size_t& rows);

  Layout layout_;
};

}  // namespace granary
