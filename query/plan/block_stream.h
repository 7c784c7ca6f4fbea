// Streams of blocks: what the steps of a plan hand to each other. A stream is pulled block by block
// and in order. Where its rows can also be read piece by piece (ranges of granules of a table), it
// says so, and whoever wants all rows reads the pieces from many threads.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "granary/table/block.h"
#include "granary/table/task_context.h"

namespace granary {

// Rows in numbered pieces that are independent of each other. May be used from many threads.
class PieceReader {
 public:
  virtual ~PieceReader() = default;
  virtual size_t count() const = 0;
  // The rows of a piece (piece < count()), maybe none.
  virtual Block Read(size_t piece) const = 0;
};

// One reader at a time.
class BlockStream {
 public:
  virtual ~BlockStream() = default;
  // The next block, with at least one row; nothing at the end.
  virtual std::optional<Block> Next() = 0;
  // All rows of a stream from which nothing was pulled yet, in pieces; null if it has none. Valid
  // as long as the stream.
  virtual const PieceReader* pieces() const { return nullptr; }
};
using BlockStreamPtr = std::unique_ptr<BlockStream>;

// The pieces of a reader in order, a few of them read ahead in parallel.
class PieceStream final : public BlockStream {
 public:
  PieceStream(std::unique_ptr<PieceReader> reader, const TaskContext* task)
      : reader_(std::move(reader)), task_(task) {}

  std::optional<Block> Next() override;
  const PieceReader* pieces() const override { return reader_.get(); }

 private:
  void ReadAhead();

  std::unique_ptr<PieceReader> reader_;
  const TaskContext* task_;
  size_t next_piece_ = 0;
  size_t window_ = 1;  // grows, so that a small LIMIT reads little
  std::deque<Block> ready_;
};

// Blocks that are there already.
class StoredStream final : public BlockStream {
 public:
  explicit StoredStream(std::vector<Block> blocks) : blocks_(blocks.begin(), blocks.end()) {}
  std::optional<Block> Next() override;

 private:
  std::deque<Block> blocks_;
};

// One block that is made when the first rows are asked for, delivered in slices: what sorting,
// grouping and searching give.
class DeferredStream final : public BlockStream {
 public:
  DeferredStream(std::function<Block()> make, size_t rows_max)
      : make_(std::move(make)), rows_max_(rows_max) {}
  std::optional<Block> Next() override;

 private:
  std::function<Block()> make_;  // empty once called
  const size_t rows_max_;
  Block block_;
  size_t delivered_ = 0;
};

// `input` with `map` applied to each block, in parallel where the input has pieces. `map` may be
// called from many threads and may return fewer rows.
BlockStreamPtr MapStream(BlockStreamPtr input, std::function<Block(Block)> map,
                         const TaskContext* task);

// Reads all rows, in parallel if the stream has pieces. There are WorkersFor(...) workers; each
// gets a contiguous run of the stream in order, worker 0 the first one. `consume` is called from
// many threads, but never twice at once for the same worker.
size_t WorkersFor(const BlockStream& stream, const TaskContext& task);
void ConsumeAll(BlockStream& stream, const TaskContext& task,
                const std::function<void(size_t worker, Block block)>& consume);

// All rows, in order.
std::vector<Block> Collect(BlockStream& stream, const TaskContext& task);

}  // namespace granary
