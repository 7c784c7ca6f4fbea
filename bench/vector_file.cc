#include "granary/bench/vector_file.h"

#include <cstring>
#include <fstream>
#include <stdexcept>

namespace granary::bench {
namespace {

template <class T>
VectorFile<T> Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto bytes = static_cast<size_t>(std::max<std::streamoff>(file.tellg(), 0));
  int32_t dimensions = 0;
  file.seekg(0);
  file.read(reinterpret_cast<char*>(&dimensions), sizeof(dimensions));
  if (!file || dimensions <= 0) {
    throw std::runtime_error("cannot read vectors from " + path + "; bench/data.sh makes them");
  }
  VectorFile<T> result;
  result.dimensions = static_cast<size_t>(dimensions);
  const size_t row_bytes = result.dimensions * sizeof(T);
  const size_t record_bytes = sizeof(dimensions) + row_bytes;
  if (bytes % record_bytes != 0) throw std::runtime_error(path + " ends in the middle of a vector");
  result.rows = bytes / record_bytes;
  result.values.resize(result.rows * result.dimensions);
  file.seekg(0);
  std::vector<char> record(record_bytes);
  for (size_t row = 0; row < result.rows; ++row) {
    file.read(record.data(), static_cast<std::streamsize>(record_bytes));
    if (!file || std::memcmp(record.data(), &dimensions, sizeof(dimensions)) != 0) {
      throw std::runtime_error(path + ": vector " + std::to_string(row) + " differs in length");
    }
    std::memcpy(&result.values[row * result.dimensions], record.data() + sizeof(dimensions),
                row_bytes);
  }
  return result;
}

}  // namespace

FloatVectors ReadFvecs(const std::string& path) { return Read<float>(path); }
RowLists ReadIvecs(const std::string& path) { return Read<int32_t>(path); }

void WriteIvecs(const std::string& path, const RowLists& lists) {
  std::ofstream file(path, std::ios::binary);
  const auto dimensions = static_cast<int32_t>(lists.dimensions);
  for (size_t row = 0; row < lists.rows; ++row) {
    file.write(reinterpret_cast<const char*>(&dimensions), sizeof(dimensions));
    file.write(reinterpret_cast<const char*>(lists.Row(row).data()),
               static_cast<std::streamsize>(lists.dimensions * sizeof(int32_t)));
  }
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

}  // namespace granary::bench
