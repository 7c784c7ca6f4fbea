// A stream of a part being written: in memory at first, and in a file of its own once the part
// turns out to be a wide one. What is in memory is charged to the task that writes. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "granary/parts/file_system.h"
#include "granary/table/byte_stream.h"
#include "granary/table/charged_bytes.h"

namespace granary {

class StreamWriter final : public ByteSink {
 public:
  explicit StreamWriter(uint64_t seed) : seed_(seed) {}

  void Append(std::span<const std::byte> bytes) override;
  void AlignTo(size_t alignment);

  uint64_t size() const { return size_; }
  uint64_t seed() const { return seed_; }
  bool in_file() const { return file_ != nullptr; }
  const std::string& path() const { return path_; }

  // Creates the file and moves everything there.
  void MoveToFile(FileSystem& files, std::string path);

  // Everything appended so far. In memory it is valid until the next Append; in a file, as long as
  // the view.
  struct View {
    std::shared_ptr<const FileMap> map;
    std::span<const std::byte> bytes;
  };
  View Everything(FileSystem& files);

  // Only in memory.
  std::span<const std::byte> memory() const {
    return std::as_bytes(std::span(memory_.data(), memory_.size()));
  }
  // Begins to write what is in a file to stable storage, once that is worth it; does not wait.
  void StartSync();
  // Only in a file: completes it.
  void Close(bool sync);

 private:
  const uint64_t seed_;
  uint64_t size_ = 0;
  uint64_t sync_started_ = 0;  // bytes
  ChargedBytes memory_;
  std::string path_;
  std::unique_ptr<WritableFile> file_;
};

}  // namespace granary
