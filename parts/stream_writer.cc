#include "granary/parts/stream_writer.h"

#include <array>
#include <utility>

#include "granary/parts/format.h"

namespace granary {
namespace {

constexpr uint64_t kSyncStartBytes = 1 << 20;

}  // namespace

void StreamWriter::Append(std::span<const std::byte> bytes) {
  size_ += bytes.size();
  if (file_) {
    file_->Append(bytes);
  } else {
    memory_.Append({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
}

void StreamWriter::AlignTo(size_t alignment) {
  static constexpr std::array<std::byte, kStreamAlignment> kZeros{};
  Append(std::span(kZeros).first(RoundUp(size_, alignment) - size_));
}

void StreamWriter::MoveToFile(FileSystem& files, std::string path) {
  path_ = std::move(path);
  file_ = files.Create(path_);
  file_->Append(memory());
  memory_ = ChargedBytes();
}

StreamWriter::View StreamWriter::Everything(FileSystem& files) {
  if (!file_) return {nullptr, memory()};
  file_->Flush();
  View view{files.Map(path_), {}};
  view.bytes = view.map->bytes();
  return view;
}

void StreamWriter::StartSync() {
  if (!file_ || size_ - sync_started_ < kSyncStartBytes) return;
  file_->StartSync();
  sync_started_ = size_;
}

void StreamWriter::Close(bool sync) {
  if (sync) file_->Sync();
  file_->Close();
}

}  // namespace granary
