#include "granary/tests/parts/independent_reader.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <lz4.h>
#include <xxhash.h>

namespace independent {
namespace {

[[noreturn]] void Reject(const std::string& why) { throw std::runtime_error(why); }

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) Reject("cannot open " + path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

uint64_t Hash(const std::string& bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

// Takes things off the front of some bytes.
class Cursor {
 public:
  explicit Cursor(std::string bytes) : bytes_(std::move(bytes)) {}

  template <class T>
  T Number() {
    T value;
    std::memcpy(&value, Take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const auto byte = Number<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    Reject("a varint of more than 10 bytes");
  }
  std::string String() { return Take(Varint()); }
  std::string Take(uint64_t bytes) {
    if (bytes > bytes_.size() - position_) Reject("the end comes too early");
    position_ += bytes;
    return bytes_.substr(position_ - bytes, bytes);
  }
  // A piece of rows: padded to a multiple of 8.
  std::string Piece(uint64_t bytes) {
    std::string piece = Take(bytes);
    Take((8 - bytes % 8) % 8);
    return piece;
  }
  void Magic(const char* expected) {
    if (Take(4) != expected) Reject(std::string("not a ") + expected);
  }
  void Version() {
    if (Number<uint16_t>() != 1) Reject("a newer format");
  }
  bool at_end() const { return position_ == bytes_.size(); }

 private:
  std::string bytes_;
  size_t position_ = 0;
};

struct Record {
  uint64_t sequence = 0;
  std::string payload;
  size_t end = 0;
};

// The record at `offset`, whole or rejected.
Record ReadRecord(const std::string& log, size_t offset, uint64_t seed) {
  Cursor in(log.substr(offset));
  const auto hash = in.Number<uint64_t>();
  in.Magic("GRRC");
  const auto bytes = in.Number<uint32_t>();
  Record record;
  record.sequence = in.Number<uint64_t>();
  in.Number<uint64_t>();
  record.payload = in.Piece(bytes);
  record.end = offset + 32 + (bytes + 7) / 8 * 8;
  if (Hash(log.substr(offset + 8, record.end - offset - 8), seed + offset) != hash) {
    Reject("log record");
  }
  return record;
}

// Payloads of all whole records. Of logs of version 2 both copies are compared.
std::vector<std::string> ReadLog(const std::string& path) {
  const std::string log = ReadFile(path);
  Cursor header(log);
  const auto header_hash = header.Number<uint64_t>();
  header.Magic("GRLG");
  const auto version = header.Number<uint16_t>();
  if (version != 1 && version != 2) Reject("a newer format");
  const size_t header_bytes = version == 1 ? 16 : 40;
  if (Hash(log.substr(8, header_bytes - 8), 0) != header_hash) Reject("log header");
  uint64_t seed = 0;
  uint64_t sequence = 0;
  size_t offset = header_bytes;
  if (version == 2) {
    if (log.substr(0, 40) != log.substr(40, 40)) Reject("the second copy of the log header");
    header.Number<uint16_t>();
    seed = Hash(header.Take(16), 0);
    sequence = header.Number<uint64_t>();
    offset = 80;
  }
  std::vector<std::string> payloads;
  while (offset + 32 <= log.size()) {
    const Record record = ReadRecord(log, offset, seed);
    if (record.sequence != sequence++) Reject("log sequence");
    offset = record.end;
    if (version == 2) {
      const Record copy = ReadRecord(log, offset, seed);
      if (copy.sequence != record.sequence || copy.payload != record.payload) Reject("log copy");
      offset = copy.end;
    }
    payloads.push_back(record.payload);
  }
  return payloads;
}

std::string PartName(Cursor& in) {
  std::string name = in.String();
  for (int i = 0; i < 3; ++i) name.append("_").append(std::to_string(in.Varint()));
  const uint64_t version = in.Varint();
  return version == 0 ? name : name.append("_").append(std::to_string(version));
}

struct Location {
  uint64_t file = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t seed = 0;
};

Location ReadLocation(Cursor& in) {
  Location location;
  location.file = in.Varint();
  location.offset = in.Varint();
  location.bytes = in.Varint();
  location.seed = in.Number<uint64_t>();
  return location;
}

void SkipValue(Cursor& in) {
  const auto kind = in.Number<uint8_t>();
  if (kind <= 2) {
    in.Take(8);
  } else if (kind == 3) {
    in.String();
  } else {
    for (uint64_t n = in.Varint(); n > 0; --n) SkipValue(in);
  }
}

// The frame at `offset` of a stream.
std::string ReadFrame(const std::string& stream, uint64_t offset, uint64_t seed) {
  Cursor in(stream.substr(offset));
  const auto hash = in.Number<uint64_t>();
  in.Magic("GRFR");
  const auto codec = in.Number<uint32_t>();
  const auto raw_bytes = in.Number<uint64_t>();
  const auto stored_bytes = in.Number<uint64_t>();
  const std::string payload = in.Piece(stored_bytes);
  const uint64_t covered = 24 + (stored_bytes + 7) / 8 * 8;
  if (Hash(stream.substr(offset + 8, covered), seed + offset) != hash) Reject("frame checksum");
  if (codec == 0) return payload;
  if (codec != 1) Reject("frame codec");
  std::string raw(raw_bytes, '\0');
  const int got = LZ4_decompress_safe(payload.data(), raw.data(), static_cast<int>(payload.size()),
                                      static_cast<int>(raw.size()));
  if (got < 0 || static_cast<uint64_t>(got) != raw_bytes) Reject("frame does not decompress");
  return raw;
}

template <class T>
std::vector<T> NumbersIn(const std::string& bytes) {
  std::vector<T> numbers(bytes.size() / sizeof(T));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(T));
  return numbers;
}

template <class T>
std::vector<std::string> Decimal(Cursor& in, uint64_t rows) {
  std::vector<std::string> texts;
  for (const T value : NumbersIn<T>(in.Piece(rows * sizeof(T)))) {
    char text[64];
    if constexpr (std::is_floating_point_v<T>) {
      std::snprintf(text, sizeof(text), "%.*g", sizeof(T) == 4 ? 9 : 17, double{value});
      texts.emplace_back(text);
    } else {
      texts.push_back(std::to_string(value));
    }
  }
  return texts;
}

std::vector<std::string> BFloat16Texts(Cursor& in, uint64_t rows) {
  std::vector<std::string> texts;
  for (const uint16_t bits : NumbersIn<uint16_t>(in.Piece(rows * 2))) {
    const uint32_t wide = uint32_t{bits} << 16;
    float value;
    std::memcpy(&value, &wide, 4);
    char text[64];
    std::snprintf(text, sizeof(text), "%.9g", double{value});
    texts.emplace_back(text);
  }
  return texts;
}

std::vector<std::string> Rows(const std::string& type, uint64_t rows, Cursor& in) {
  if (type == "Int8") return Decimal<int8_t>(in, rows);
  if (type == "Int16") return Decimal<int16_t>(in, rows);
  if (type == "Int32") return Decimal<int32_t>(in, rows);
  if (type == "Int64") return Decimal<int64_t>(in, rows);
  if (type == "UInt8" || type == "Bool") return Decimal<uint8_t>(in, rows);
  if (type == "UInt16" || type == "Date") return Decimal<uint16_t>(in, rows);
  if (type == "UInt32" || type == "DateTime") return Decimal<uint32_t>(in, rows);
  if (type == "UInt64") return Decimal<uint64_t>(in, rows);
  if (type == "Float32") return Decimal<float>(in, rows);
  if (type == "Float64") return Decimal<double>(in, rows);
  if (type == "BFloat16") return BFloat16Texts(in, rows);
  const auto lengths = NumbersIn<uint32_t>(in.Piece(rows * 4));
  uint64_t total = 0;
  for (const uint32_t length : lengths) total += length;
  std::vector<std::string> texts;
  if (type == "String") {
    Cursor chars(in.Piece(total));
    for (const uint32_t length : lengths) {
      texts.emplace_back("'");
      texts.back() += chars.Take(length);
      texts.back() += "'";
    }
    return texts;
  }
  if (type.rfind("Array(", 0) != 0) Reject("unknown type " + type);
  const auto elements = Rows(type.substr(6, type.size() - 7), total, in);
  size_t next = 0;
  for (const uint32_t length : lengths) {
    std::string text = "[";
    for (uint32_t i = 0; i < length; ++i) {
      if (i > 0) text += ",";
      text += elements[next++];
    }
    texts.push_back(text + "]");
  }
  return texts;
}

class PartFiles {
 public:
  PartFiles(const std::string& directory, const std::string& name) : path_(directory + "/" + name) {
    part_.name = name;
    const std::string file = ReadFile(path_ + "/manifest");
    Cursor header(file);
    const auto hash = header.Number<uint64_t>();
    header.Magic("GRPT");
    version_ = header.Number<uint16_t>();
    if (version_ != 1 && version_ != 2) Reject("a newer format");
    header.Number<uint16_t>();
    const auto body_bytes = header.Number<uint64_t>();
    if (header.Number<uint64_t>() != file.size()) Reject("manifest size");
    Cursor body(header.Take(body_bytes));
    if (Hash(file.substr(8, 24 + body_bytes), 0) != hash) Reject("manifest checksum");
    files_.push_back(file.substr((32 + body_bytes + 63) / 64 * 64));
    ReadBody(body);
    if (!body.at_end()) Reject("manifest too long");
  }

  Part Take() { return std::move(part_); }

 private:
  void ReadBody(Cursor& body) {
    if (PartName(body) != part_.name) Reject("the manifest of another part");
    if (version_ == 2) part_.owner = body.Take(16);
    part_.rows = body.Varint();
    granule_rows_ = body.Varint();
    granules_ = (part_.rows + granule_rows_ - 1) / granule_rows_;
    body.Varint();
    body.Number<int64_t>();
    for (uint64_t n = body.Varint(); n > 0; --n) {
      files_.push_back(ReadFile(path_ + "/" + body.String()));
      if (files_.back().size() != body.Varint()) Reject("file size");
    }
    part_.values.resize(part_.rows);
    for (uint64_t n = body.Varint(); n > 0; --n) ReadColumn(body);
    ReadPrimaryKey(body);
    for (uint64_t n = body.Varint(); n > 0; --n) SkipValue(body);
    for (uint64_t n = body.Varint(); n > 0; --n) {
      body.String();
      for (int end = 0; end < 2; ++end) {
        if (body.Number<uint8_t>() != 0) SkipValue(body);
      }
    }
    for (uint64_t n = body.Varint(); n > 0; --n) ReadIndex(body);
  }

  std::string Stream(const Location& location) const {
    const std::string& file = files_.at(location.file);
    if (location.offset > file.size() || location.bytes > file.size() - location.offset) {
      Reject("a stream beyond its file");
    }
    return file.substr(location.offset, location.bytes);
  }

  uint64_t RowsOf(uint64_t granule) const {
    return std::min(granule_rows_, part_.rows - granule * granule_rows_);
  }

  static void Append(std::vector<std::string>& rows, uint64_t first,
                     const std::vector<std::string>& texts) {
    for (size_t i = 0; i < texts.size(); ++i) {
      std::string& row = rows.at(first + i);
      if (!row.empty()) row += " ";
      row += texts[i];
    }
  }

  static void CheckPages(const std::string& bytes, const std::vector<uint64_t>& sums,
                         uint64_t seed) {
    if (sums.size() != (bytes.size() + 65535) / 65536) Reject("number of pages");
    for (size_t page = 0; page < sums.size(); ++page) {
      if (Hash(bytes.substr(page * 65536, 65536), seed + page * 65536) != sums[page]) {
        Reject("page checksum");
      }
    }
  }

  void ReadColumn(Cursor& body) {
    const std::string name = body.String();
    const std::string type = body.String();
    part_.columns.push_back(name + " " + type);
    const auto layout = body.Number<uint8_t>();
    const uint64_t dimensions = body.Varint();
    body.Varint();
    const Location data = ReadLocation(body);
    const Location places = ReadLocation(body);
    const std::string stream = Stream(data);
    auto numbers = NumbersIn<uint64_t>(ReadFrame(Stream(places), 0, places.seed));
    if (layout == 1 || layout == 2) {
      const std::vector<bool> present = PresentRows(layout, stream, numbers);
      return ReadVectors(type, dimensions, present, stream, numbers, data.seed);
    }
    if (layout != 0) Reject("a layout of a column");
    for (uint64_t granule = 0; granule < granules_; ++granule) {
      const std::string raw = ReadFrame(stream, numbers.at(2 * granule), data.seed);
      Cursor rows(raw.substr(numbers.at(2 * granule + 1)));
      Append(part_.values, granule * granule_rows_, Rows(type, RowsOf(granule), rows));
    }
  }

  // Which rows have a vector; takes the bits behind the page checksums away.
  std::vector<bool> PresentRows(int layout, const std::string& stream,
                                std::vector<uint64_t>& numbers) const {
    std::vector<bool> present(part_.rows, true);
    if (layout == 1) return present;
    const size_t pages = (stream.size() + 65535) / 65536;
    if (numbers.size() != pages + (part_.rows + 63) / 64) Reject("number of present rows");
    for (uint64_t row = 0; row < part_.rows; ++row) {
      present[row] = (numbers[pages + row / 64] >> (row % 64) & 1) != 0;
    }
    numbers.resize(pages);
    return present;
  }

  void ReadVectors(const std::string& type, uint64_t dimensions, const std::vector<bool>& present,
                   const std::string& stream, const std::vector<uint64_t>& sums, uint64_t seed) {
    CheckPages(stream, sums, seed);
    // As a granule of arrays: the lengths, then the elements.
    std::string as_rows;
    for (uint64_t row = 0; row < part_.rows; ++row) {
      const auto length = static_cast<uint32_t>(present[row] ? dimensions : 0);
      as_rows.append(reinterpret_cast<const char*>(&length), 4);
    }
    as_rows.resize((as_rows.size() + 7) / 8 * 8);
    as_rows += stream;
    as_rows.resize((as_rows.size() + 7) / 8 * 8);
    Cursor rows(as_rows);
    Append(part_.values, 0, Rows(type, part_.rows, rows));
  }

  void ReadPrimaryKey(Cursor& body) {
    std::vector<std::string> types;
    for (uint64_t n = body.Varint(); n > 0; --n) types.push_back(body.String());
    const Location location = ReadLocation(body);
    Cursor rows(ReadFrame(Stream(location), 0, location.seed));
    if (types.empty()) return;
    part_.primary_key.resize(granules_ + 1);
    for (const std::string& type : types) {
      Append(part_.primary_key, 0, Rows(type, granules_ + 1, rows));
    }
  }

  void ReadIndex(Cursor& body) {
    const std::string name = body.String();
    const std::string kind = body.String();
    const std::string identity = body.String();
    const Location location = ReadLocation(body);
    const std::string stream = Stream(location);
    std::vector<IndexBlock>& blocks = part_.indexes[name];
    for (uint64_t n = body.Varint(); n > 0; --n) {
      body.Varint();
      body.Varint();
      IndexBlock block{body.Varint(), body.Varint(), ""};
      const uint64_t payload_offset = body.Varint();
      const uint64_t payload_bytes = body.Varint();
      const uint64_t header_offset = body.Varint();
      body.Varint();
      block.payload = stream.substr(payload_offset, payload_bytes);
      Cursor header(ReadFrame(stream, header_offset, location.seed));
      header.Magic("GRIX");
      header.Version();
      if (header.String() != kind || header.String() != identity) Reject("another sub-index");
      if (header.Varint() != block.first_row || header.Varint() != block.rows ||
          header.Varint() != payload_bytes) {
        Reject("a sub-index of other rows");
      }
      std::vector<uint64_t> sums(header.Varint());
      for (uint64_t& sum : sums) sum = header.Number<uint64_t>();
      CheckPages(block.payload, sums, location.seed + payload_offset);
      blocks.push_back(std::move(block));
    }
  }

  const std::string path_;
  Part part_;
  uint16_t version_ = 0;
  uint64_t granule_rows_ = 0;
  uint64_t granules_ = 0;
  std::vector<std::string> files_;  // the streams of the manifest, then the other files
};

// A mask, as one entry per row of the part; 1 for those that it says are dead.
std::vector<char> ReadMask(Cursor& in) {
  std::vector<char> dead(in.Varint());
  uint64_t row = 0;
  for (uint64_t n = in.Varint(); n > 0; --n) {
    row += in.Varint();
    for (uint64_t count = in.Varint(); count > 0; --count) dead.at(row++) = 1;
  }
  return dead;
}

void RemoveDead(const std::vector<char>& dead, Part& part) {
  std::vector<std::string> live;
  for (size_t row = 0; row < dead.size(); ++row) {
    if (dead[row] == 0) live.push_back(part.values[row]);
  }
  part.values = live;
}

}  // namespace

Table ReadTable(const std::string& directory) {
  Table table;
  std::map<std::string, bool> names;
  std::map<std::string, std::vector<std::vector<char>>> masks;
  for (const std::string& payload : ReadLog(directory + "/commit_log")) {
    Cursor in(payload);
    const auto flags = in.Number<uint8_t>();
    in.Varint();
    for (uint64_t n = in.Varint(); n > 0; --n) {
      const std::string name = PartName(in);
      if (names.erase(name) == 0) Reject("a part that is not there goes");
      masks.erase(name);
    }
    for (uint64_t n = in.Varint(); n > 0; --n) {
      if (!names.emplace(PartName(in), true).second) Reject("a part comes twice");
    }
    if ((flags & 1) != 0) table.definition = in.String();
    if ((flags & 2) != 0) {
      table.dimensions.clear();
      for (uint64_t n = in.Varint(); n > 0; --n) {
        const std::string index = in.String();
        table.dimensions[index] = in.Varint();
      }
    }
    if ((flags & 4) != 0) {
      for (uint64_t n = in.Varint(); n > 0; --n) {
        const std::string name = in.String();
        if (!names.contains(name)) Reject("rows of a part that is not there die");
        masks[name].push_back(ReadMask(in));
      }
    }
  }
  for (const auto& [name, exists] : names) {
    table.parts.push_back(PartFiles(directory, name).Take());
    const std::string& owner = table.parts.back().owner;
    if (!owner.empty() && owner != ReadFile(directory + "/commit_log").substr(16, 16)) {
      Reject("a part of another table");
    }
    if (!masks.contains(name)) continue;
    std::vector<char> dead(table.parts.back().values.size());
    for (const std::vector<char>& mask : masks[name]) {
      if (mask.size() != dead.size()) Reject("a mask of another part");
      for (size_t row = 0; row < dead.size(); ++row) dead[row] |= mask[row];
    }
    RemoveDead(dead, table.parts.back());
  }
  return table;
}

}  // namespace independent
