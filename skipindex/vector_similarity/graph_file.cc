#include "granary/skipindex/vector_similarity/graph_file.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace granary {
namespace {

constexpr uint64_t kMagic = 0x3157534E484E5247;  // "GRNHNSW1"
constexpr uint32_t kVersion = 2;
// In version 1 codes are where the quantization says. Files in which they are there still have it.
constexpr uint32_t kVersionOfUsualPlaces = 1;
constexpr size_t kSectionAlignment = 64;
constexpr size_t kEncodeRows = 1024;

enum class CodePlace : uint8_t { kNowhere = 0, kColumn = 1, kFile = 2 };

struct LayerRecord {
  uint32_t nodes = 0;
  uint32_t capacity = 0;
  uint64_t links_offset = 0;
  uint64_t rows_offset = 0;
  uint64_t below_offset = 0;
};

struct Header {
  uint32_t version = kVersionOfUsualPlaces;
  Metric metric = Metric::kL2;
  Quantization quantization = Quantization::kFloat32;
  CodePlace place = CodePlace::kNowhere;
  uint64_t rows = 0;
  uint32_t dimensions = 0;
  uint32_t max_connections = 0;
  uint64_t codes_offset = 0;
  uint64_t codes_stride = 0;
  uint64_t lengths_offset = 0;
  uint64_t codec_offset = 0;
  std::vector<LayerRecord> layers;
};

std::vector<std::byte> Serialize(const Header& header) {
  ByteWriter out;
  out.Write(kMagic);
  out.Write(header.version);
  out.Write(header.metric);
  out.Write(header.quantization);
  out.Write(header.place);
  out.Write(static_cast<uint8_t>(header.layers.size()));
  out.Write(header.rows);
  out.Write(header.dimensions);
  out.Write(header.max_connections);
  out.Write(header.codes_offset);
  out.Write(header.codes_stride);
  out.Write(header.lengths_offset);
  out.Write(header.codec_offset);
  for (const LayerRecord& layer : header.layers) {
    out.Write(layer.nodes);
    out.Write(layer.capacity);
    out.Write(layer.links_offset);
    out.Write(layer.rows_offset);
    out.Write(layer.below_offset);
  }
  out.AlignTo(kSectionAlignment);
  return out.Take();
}

Header Parse(ByteReader& in) {
  if (in.Read<uint64_t>() != kMagic) in.ThrowCorrupted("no graph begins here");
  Header header;
  header.version = in.Read<uint32_t>();
  if (header.version < kVersionOfUsualPlaces || header.version > kVersion) {
    throw Error(
        ErrorCode::kUnknownFormatVersion,
        fmt::format("vector_similarity sub-index of version {}; this library reads up to {}",
                    header.version, kVersion));
  }
  header.metric = in.Read<Metric>();
  header.quantization = in.Read<Quantization>();
  header.place = in.Read<CodePlace>();
  header.layers.resize(in.Read<uint8_t>());
  header.rows = in.Read<uint64_t>();
  header.dimensions = in.Read<uint32_t>();
  header.max_connections = in.Read<uint32_t>();
  header.codes_offset = in.Read<uint64_t>();
  header.codes_stride = in.Read<uint64_t>();
  header.lengths_offset = in.Read<uint64_t>();
  header.codec_offset = in.Read<uint64_t>();
  for (LayerRecord& layer : header.layers) {
    layer.nodes = in.Read<uint32_t>();
    layer.capacity = in.Read<uint32_t>();
    layer.links_offset = in.Read<uint64_t>();
    layer.rows_offset = in.Read<uint64_t>();
    layer.below_offset = in.Read<uint64_t>();
  }
  return header;
}

Header HeaderOf(const VectorSimilarityDeclaration& declaration, const VectorRows& vectors) {
  Header header;
  header.metric = declaration.metric;
  header.quantization = declaration.quantization;
  header.rows = vectors.rows;
  header.dimensions = static_cast<uint32_t>(vectors.dimensions);
  header.max_connections = static_cast<uint32_t>(declaration.max_connections);
  return header;
}

uint64_t RoundUpToSection(uint64_t bytes) {
  return (bytes + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
}

// The sections behind the header, in the order in which they are placed and then written.
class SectionList {
 public:
  explicit SectionList(size_t header_bytes) : end_(header_bytes) {}

  // Sets `offset`; `bytes` live until Append.
  void Place(std::span<const std::byte> bytes, uint64_t& offset) {
    offset = end_;
    end_ = RoundUpToSection(end_ + bytes.size());
    sections_.push_back(bytes);
  }
  // Where a further section would begin.
  uint64_t end() const { return end_; }

  void Append(ByteSink& out) const {
    static constexpr std::byte kZeros[kSectionAlignment] = {};
    for (std::span<const std::byte> bytes : sections_) {
      out.Append(bytes);
      out.Append({kZeros, RoundUpToSection(bytes.size()) - bytes.size()});
    }
  }

 private:
  uint64_t end_;
  std::vector<std::span<const std::byte>> sections_;
};

std::vector<float> InverseLengths(const VectorRows& vectors, const TaskContext& context) {
  const VectorReader reader(vectors, Metric::kL2);
  std::vector<float> vector(vectors.dimensions);
  std::vector<float> inverse(vectors.rows);
  for (size_t row = 0; row < vectors.rows; ++row) {
    if (row % kEncodeRows == 0) context.CheckCancelled();
    reader.Read(row, vector.data());
    double sum = 0;
    for (float value : vector) sum += double{value} * value;
    if (sum > 0) inverse[row] = static_cast<float>(1 / std::sqrt(sum));
  }
  return inverse;
}

// Of codes that are no bytes.
size_t CodeStride(Quantization quantization, size_t dimensions) {
  return quantization == Quantization::kBit ? BitCodeStride(dimensions)
                                            : FloatCodeStride(quantization, dimensions);
}

void AppendCodes(const VectorSimilarityDeclaration& declaration, const VectorRows& vectors,
                 const TaskContext& context, ByteSink& out) {
  const VectorReader reader(vectors, declaration.metric);
  const size_t stride = CodeStride(declaration.quantization, vectors.dimensions);
  const size_t chunk_rows = std::max<size_t>(1, kEncodeRows * 100 / (vectors.dimensions + 100));
  std::vector<std::byte> codes(chunk_rows * stride);
  std::vector<float> vector(vectors.dimensions);
  for (size_t first = 0; first < vectors.rows; first += chunk_rows) {
    context.CheckCancelled();
    const size_t count = std::min(chunk_rows, vectors.rows - first);
    for (size_t i = 0; i < count; ++i) {
      reader.Read(first + i, vector.data());
      std::byte* const code = codes.data() + i * stride;
      if (declaration.quantization == Quantization::kBit) {
        EncodeBits(vector, code);
      } else {
        EncodeFloats(declaration.quantization, vector, code);
      }
    }
    out.Append({codes.data(), count * stride});
  }
}

// Hands out parts of the file after checking that they lie within it.
class Sections {
 public:
  Sections(std::span<const std::byte> bytes, const ByteReader& reader)
      : bytes_(bytes), reader_(reader) {}

  std::span<const std::byte> At(uint64_t offset, uint64_t count, uint64_t each_bytes) const {
    if (offset == 0 || offset % kSectionAlignment != 0 || offset > bytes_.size() ||
        (each_bytes != 0 && count > (bytes_.size() - offset) / each_bytes)) {
      reader_.ThrowCorrupted("a section of the graph lies outside of it");
    }
    return bytes_.subspan(offset, count * each_bytes);
  }
  template <class T>
  const T* Array(uint64_t offset, uint64_t count) const {
    return reinterpret_cast<const T*>(At(offset, count, sizeof(T)).data());
  }

 private:
  std::span<const std::byte> bytes_;
  const ByteReader& reader_;
};

GraphLayer OpenLayer(const Sections& sections, const LayerRecord& record, bool bottom) {
  GraphLayer layer;
  layer.nodes = record.nodes;
  layer.capacity = record.capacity;
  layer.links =
      sections.Array<uint32_t>(record.links_offset, uint64_t{record.nodes} * record.capacity);
  if (!bottom) {
    layer.rows = sections.Array<uint32_t>(record.rows_offset, record.nodes);
    layer.below = sections.Array<uint32_t>(record.below_offset, record.nodes);
  }
  return layer;
}

void WriteErrors(const ByteCodeErrors& errors, ByteWriter& out) {
  out.Write(errors.bound);
  out.Write(static_cast<uint32_t>(errors.rows.size()));
  out.WriteBytes(errors.rows.data(), errors.rows.size_bytes());
  out.WriteBytes(errors.errors.data(), errors.errors.size_bytes());
}

ByteCodeErrors ReadErrors(ByteReader& in) {
  ByteCodeErrors errors;
  errors.bound = in.Read<float>();
  const size_t count = in.Read<uint32_t>();
  const auto rows = in.ReadBytes(count * sizeof(uint32_t));
  const auto bounds = in.ReadBytes(count * sizeof(float));
  errors.rows = {reinterpret_cast<const uint32_t*>(rows.data()), count};
  errors.errors = {reinterpret_cast<const float*>(bounds.data()), count};
  if (!(errors.bound >= 0)) in.ThrowCorrupted("the errors of the codes have no bound");
  return errors;
}

void OpenByteCodec(const Header& header, size_t file_bytes, const Sections& sections,
                   GraphFile& file) {
  const uint64_t rest = file_bytes - std::min<uint64_t>(header.codec_offset, file_bytes);
  ByteReader in(sections.At(header.codec_offset, rest, 1), "codec of a vector_similarity index");
  file.byte_codec = ByteCodec::Read(in, header.metric, header.dimensions);
  file.byte_errors = ReadErrors(in);
}

ByteCodeRows OpenByteCodes(const Header& header, const ByteCodec& codec, const Sections& sections,
                           const ByteReader& in) {
  if (header.codes_stride != codec.stride_bytes()) {
    in.ThrowCorrupted("the codes have the wrong size");
  }
  ByteCodeRows codes;
  codes.base = sections.At(header.codes_offset, header.rows, header.codes_stride).data();
  codes.stride_bytes = header.codes_stride;
  codes.dimensions = codec.dimensions();
  codes.scaled = codec.metric() == Metric::kDotProduct;
  return codes;
}

FloatCodeRows OpenFloatCodes(const Header& header, const VectorRows& vectors,
                             const Sections& sections, const ByteReader& in) {
  FloatCodeRows codes;
  codes.dimensions = header.dimensions;
  if (header.place == CodePlace::kColumn) {
    codes.base = vectors.base;
    codes.stride_bytes = vectors.stride_bytes;
    codes.element = static_cast<RowElement>(vectors.element);
    if (header.metric == Metric::kCosine) {
      codes.inverse_lengths = sections.Array<float>(header.lengths_offset, header.rows);
    }
    return codes;
  }
  if (header.codes_stride != FloatCodeStride(header.quantization, header.dimensions)) {
    in.ThrowCorrupted("the codes have the wrong size");
  }
  codes.element = CodeElement(header.quantization);
  codes.stride_bytes = header.codes_stride;
  codes.base = sections.At(header.codes_offset, header.rows, header.codes_stride).data();
  return codes;
}

BitCodeRows OpenBitCodes(const Header& header, const Sections& sections, const ByteReader& in) {
  if (header.codes_stride != BitCodeStride(header.dimensions)) {
    in.ThrowCorrupted("the codes have the wrong size");
  }
  return {.base = sections.At(header.codes_offset, header.rows, header.codes_stride).data(),
          .stride_bytes = header.codes_stride,
          .dimensions = header.dimensions};
}

void CheckFits(const Header& header, const VectorSimilarityDeclaration& declaration,
               const VectorRows& vectors, const ByteReader& in) {
  if (header.metric != declaration.metric || header.quantization != declaration.quantization ||
      header.rows != vectors.rows || header.dimensions != vectors.dimensions) {
    in.ThrowCorrupted("the graph was built for other vectors");
  }
  const bool in_column = CodesAreColumn(declaration.quantization, vectors.element);
  const bool may_be_coarse = header.version > kVersionOfUsualPlaces &&
                             declaration.quantization == Quantization::kInt8 &&
                             declaration.metric != Metric::kDotProduct;
  const CodePlace place = in_column || (may_be_coarse && header.place == CodePlace::kColumn)
                              ? CodePlace::kColumn
                              : CodePlace::kFile;
  if (header.place == CodePlace::kNowhere ? !header.layers.empty() : header.place != place) {
    in.ThrowCorrupted("the codes of the graph are not where they should be");
  }
  if (header.place == CodePlace::kNowhere) return;
  const bool layers_fit =
      !header.layers.empty() && header.layers.back().nodes == header.rows &&
      std::all_of(header.layers.begin(), header.layers.end(), [](const LayerRecord& layer) {
        return layer.nodes > 0 && layer.nodes <= kMaxLayerNodes && layer.capacity > 0 &&
               layer.capacity <= 2 * 4096;
      });
  if (!layers_fit) in.ThrowCorrupted("the layers of the graph do not fit its rows");
}

}  // namespace

bool CodesAreColumn(Quantization quantization, VectorElement column) {
  switch (quantization) {
    case Quantization::kFloat64:
      return true;
    case Quantization::kFloat32:
      return column != VectorElement::kFloat64;
    case Quantization::kBFloat16:
      return column == VectorElement::kBFloat16;
    case Quantization::kFloat16:
    case Quantization::kInt8:
    case Quantization::kBit:
      break;
  }
  return false;
}

void WriteFlatFile(const VectorSimilarityDeclaration& declaration, const VectorRows& vectors,
                   ByteSink& out) {
  out.Append(Serialize(HeaderOf(declaration, vectors)));
}

void WriteGraphFile(const VectorSimilarityDeclaration& declaration, const VectorRows& vectors,
                    std::span<const OwnedLayer> layers, const ByteCodec& byte_codec,
                    const ByteCodeRows& byte_codes, const ByteCodeErrors& errors,
                    const TaskContext& context, ByteSink& out) {
  const bool is_coarse =
      declaration.quantization == Quantization::kInt8 && byte_codes.exact != nullptr;
  const bool in_column = is_coarse || CodesAreColumn(declaration.quantization, vectors.element);
  const bool bytes = declaration.quantization == Quantization::kInt8 && !is_coarse;
  Header header = HeaderOf(declaration, vectors);
  if (is_coarse) header.version = kVersion;
  header.place = in_column ? CodePlace::kColumn : CodePlace::kFile;
  header.layers.resize(layers.size());
  SectionList sections(Serialize(header).size());
  for (size_t i = 0; i < layers.size(); ++i) {
    const OwnedLayer& layer = layers[i];
    LayerRecord& record = header.layers[i];
    record = {.nodes = layer.nodes, .capacity = layer.capacity};
    sections.Place(std::as_bytes(std::span(layer.links)), record.links_offset);
    if (layer.rows.empty()) continue;
    sections.Place(std::as_bytes(std::span(layer.rows)), record.rows_offset);
    sections.Place(std::as_bytes(std::span(layer.below)), record.below_offset);
  }
  std::vector<float> inverse_lengths;
  if (in_column && declaration.metric == Metric::kCosine) {
    inverse_lengths = InverseLengths(vectors, context);
    sections.Place(std::as_bytes(std::span(inverse_lengths)), header.lengths_offset);
  }
  ByteWriter codec;
  if (bytes) {
    byte_codec.Write(codec);
    WriteErrors(errors, codec);
    sections.Place(codec.bytes(), header.codec_offset);
    header.codes_stride = byte_codes.stride_bytes;
    sections.Place({byte_codes.base, vectors.rows * byte_codes.stride_bytes}, header.codes_offset);
  } else if (!in_column) {
    header.codes_stride = CodeStride(declaration.quantization, vectors.dimensions);
    header.codes_offset = sections.end();
  }
  out.Append(Serialize(header));
  sections.Append(out);
  if (!bytes && !in_column) AppendCodes(declaration, vectors, context, out);
}

GraphFile GraphFile::Open(std::span<const std::byte> bytes,
                          const VectorSimilarityDeclaration& declaration,
                          const VectorRows& vectors) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(uint64_t) != 0) {
    throw Error(ErrorCode::kLogicalError, "a graph must be opened at an aligned address");
  }
  ByteReader in(bytes, "graph of a vector_similarity index");
  const Header header = Parse(in);
  CheckFits(header, declaration, vectors, in);

  GraphFile file;
  file.rows = header.rows;
  file.dimensions = header.dimensions;
  file.flat = header.place == CodePlace::kNowhere;
  if (file.flat) return file;

  const Sections sections(bytes, in);
  for (size_t i = 0; i + 1 < header.layers.size(); ++i) {
    file.upper.push_back(OpenLayer(sections, header.layers[i], false));
  }
  file.bottom = OpenLayer(sections, header.layers.back(), true);

  if (header.place == CodePlace::kColumn) {
    file.float_codes = OpenFloatCodes(header, vectors, sections, in);
  } else if (declaration.quantization == Quantization::kInt8) {
    OpenByteCodec(header, bytes.size(), sections, file);
    file.byte_codes = OpenByteCodes(header, *file.byte_codec, sections, in);
  } else if (declaration.quantization == Quantization::kBit) {
    file.bit_codes = OpenBitCodes(header, sections, in);
  } else {
    file.float_codes = OpenFloatCodes(header, vectors, sections, in);
  }
  return file;
}

}  // namespace granary
