// The Part behind every PartPtr: a directory with a manifest, and what its readers share.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "granary/parts/frame.h"
#include "granary/parts/manifest.h"
#include "granary/parts/part.h"
#include "granary/parts/sub_index_cache.h"
#include "granary/parts/table_directory.h"

namespace granary {

// A value made by the first who asks; an exception leaves it to the next. Thread-safe.
template <class T>
class LoadedOnce {
 public:
  template <class Load>
  const T& Get(Load&& load) const {
    if (const T* ready = ready_.load(std::memory_order_acquire)) return *ready;
    const std::lock_guard lock(mutex_);
    if (!value_) value_ = std::make_unique<const T>(load());
    ready_.store(value_.get(), std::memory_order_release);
    return *value_;
  }

 private:
  mutable std::atomic<const T*> ready_{nullptr};
  mutable std::mutex mutex_;
  mutable std::unique_ptr<const T> value_;
};

class StoredPart final : public Part, public std::enable_shared_from_this<StoredPart> {
 public:
  // Reads the manifest and checks the sizes of all files. Throws CORRUPTED_DATA,
  // UNKNOWN_FORMAT_VERSION or FILE_DOESNT_EXIST; not for files that hold indexes and nothing else.
  static std::shared_ptr<const StoredPart> Open(std::shared_ptr<PartDirectory> directory);
  ~StoredPart() override;

  const std::vector<ColumnPtr>& PrimaryKey() const override;
  const StoredVectors* Vectors(std::string_view column) const override;
  std::shared_ptr<const SubIndex> OpenSubIndex(const DeclaredIndex& index, size_t block,
                                               const TaskContext& context) const override;
  bool IsSubIndexVerified(const DeclaredIndex& index, size_t block) const override;
  bool IsIndexDamaged(const DeclaredIndex& index) const override;
  // Warns of the indexes whose files were missing, or of another size, when the part was opened.
  void WarnOfLostIndexes(const TaskContext& context) const;
  std::vector<std::string> Check(const TaskContext& context) const override;
  void Warm(bool only_indexes, const TaskContext& context) const override;

  // Whether the part on disk is still this one, and not another of its name. Throws what reading
  // throws, but if it is not there.
  bool IsUnchanged() const;

  PartDirectory& directory() const { return *directory_; }
  const Manifest& manifest() const { return manifest_; }
  // Unique in the process.
  uint64_t id() const { return id_; }

  // One mark per granule of a column of frames.
  const std::vector<Mark>& Marks(size_t column) const;
  // The offset in the stream at which the frame with this granule ends.
  uint64_t FrameEnd(size_t column, size_t granule) const;

  const std::string& FileName(const StreamLocation& stream) const;
  // Where the stream begins in its file.
  uint64_t FileOffset(const StreamLocation& stream) const;
  // Throws an Error that names part, file and offset.
  [[noreturn]] void ThrowDamaged(const StreamLocation& stream, uint64_t offset,
                                 const std::string& problem) const;
  // For error messages: "file column_0.bin of part all_1_1_0, offset 0".
  std::string Describe(const StreamLocation& stream, uint64_t offset) const;
  // Reads and decodes a frame of a stream.
  FramePtr ReadFrame(const ReadableFile& file, const StreamLocation& stream, uint64_t offset,
                     uint64_t bytes) const;
  std::unique_ptr<ReadableFile> OpenFile(const StreamLocation& stream) const;
  // The shared memory map of a stream's file.
  std::shared_ptr<const FileMap> MapFile(const StreamLocation& stream) const;

  explicit StoredPart(std::shared_ptr<PartDirectory> directory);

 private:
  class VectorColumn;

  void ReadManifest();
  void CheckFile(size_t number);
  void CheckFileSize(const Manifest::File& file) const;
  bool HoldsOnlyIndexes(size_t file) const;
  void FillMetadata();
  std::vector<uint64_t> ReadNumbers(const StreamLocation& stream, size_t count) const;
  std::vector<ColumnPtr> ReadPrimaryKey() const;
  std::vector<Mark> ReadMarks(size_t column) const;
  std::span<const std::byte> StreamBytes(const FileMap& map, const StreamLocation& stream) const;

  std::pair<std::shared_ptr<const OpenedSubIndex>, size_t> LoadSubIndex(
      const DeclaredIndex& index, size_t number, size_t block, const TaskContext& context) const;
  // The bytes of a sub-index in the map, which is made if need be. All of them have been verified
  // unless only recall depends on them.
  std::span<const std::byte> VerifiedPayload(const DeclaredIndex& index, size_t number,
                                             size_t block,
                                             std::shared_ptr<const FileMap>& map) const;
  // The page checksums of a sub-index, from its header.
  std::vector<uint64_t> ReadSubIndexHeader(std::span<const std::byte> stream, size_t number,
                                           size_t block) const;
  void CheckColumn(size_t column, const TaskContext& context) const;
  void CheckIndex(size_t number, const TaskContext& context) const;
  void HandOverUnverified() const;
  void WarmColumn(size_t number, const TaskContext& context) const;
  // An index that is not what was written: warns, and has the part rewritten.
  void SetDamaged(size_t number, const std::string& problem, const TaskContext& context) const;
  void WarnOfIndex(size_t number, const std::string& problem, const TaskContext& context) const;

  const std::shared_ptr<PartDirectory> directory_;
  const uint64_t id_;
  Manifest manifest_;
  uint64_t streams_offset_ = 0;  // in the manifest's file
  uint64_t checksum_ = 0;        // of the manifest, its first bytes

  LoadedOnce<std::vector<ColumnPtr>> primary_key_;
  std::unique_ptr<LoadedOnce<std::vector<Mark>>[]> marks_;                      // per column
  std::unique_ptr<LoadedOnce<std::unique_ptr<const VectorColumn>>[]> vectors_;  // per column
  std::unique_ptr<LoadedOnce<std::shared_ptr<const FileMap>>[]> maps_;          // per file
  std::unique_ptr<std::atomic<bool>[]> warned_;                                 // per index
  mutable std::atomic<bool> handed_over_{false};  // to who verifies indexes
  std::vector<std::string> lost_;  // per index: what was wrong with its file at open, or nothing
  std::unique_ptr<std::atomic<bool>[]> damaged_;   // per index
  std::unique_ptr<std::atomic<bool>[]> unusable_;  // per index: all its sub-indexes
  std::unique_ptr<std::atomic<bool>[]> verified_;  // per index: by Warm
};

inline const StoredPart& AsStored(const Part& part) { return static_cast<const StoredPart&>(part); }

}  // namespace granary
