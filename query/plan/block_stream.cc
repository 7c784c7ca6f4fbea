#include "granary/query/plan/block_stream.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace granary {
namespace {

class MappedPieces final : public PieceReader {
 public:
  MappedPieces(BlockStreamPtr input, std::function<Block(Block)> map)
      : input_(std::move(input)), map_(std::move(map)) {}

  size_t count() const override { return input_->pieces()->count(); }
  Block Read(size_t piece) const override {
    Block block = input_->pieces()->Read(piece);
    return block.rows() == 0 ? Block() : map_(std::move(block));
  }

 private:
  BlockStreamPtr input_;
  std::function<Block(Block)> map_;
};

class MappedStream final : public BlockStream {
 public:
  MappedStream(BlockStreamPtr input, std::function<Block(Block)> map, const TaskContext* task)
      : input_(std::move(input)), map_(std::move(map)), task_(task) {}

  std::optional<Block> Next() override {
    while (std::optional<Block> block = input_->Next()) {
      task_->CheckCancelled();
      Block mapped = map_(std::move(*block));
      if (mapped.rows() > 0) return mapped;
    }
    return std::nullopt;
  }

 private:
  BlockStreamPtr input_;
  std::function<Block(Block)> map_;
  const TaskContext* task_;
};

}  // namespace

std::optional<Block> PieceStream::Next() {
  while (ready_.empty()) {
    if (next_piece_ == reader_->count()) return std::nullopt;
    ReadAhead();
  }
  Block block = std::move(ready_.front());
  ready_.pop_front();
  return block;
}

void PieceStream::ReadAhead() {
  const size_t first = next_piece_;
  const size_t count = std::min(window_, reader_->count() - first);
  std::vector<Block> blocks(count);
  task_->executor().ParallelFor(count, [&](size_t index) {
    task_->CheckCancelled();
    blocks[index] = reader_->Read(first + index);
  });
  for (Block& block : blocks) {
    if (block.rows() > 0) ready_.push_back(std::move(block));
  }
  next_piece_ += count;
  window_ = std::min(window_ * 2, 2 * task_->executor().threads());
}

std::optional<Block> StoredStream::Next() {
  while (!blocks_.empty()) {
    Block block = std::move(blocks_.front());
    blocks_.pop_front();
    if (block.rows() > 0) return block;
  }
  return std::nullopt;
}

std::optional<Block> DeferredStream::Next() {
  if (make_) block_ = std::exchange(make_, nullptr)();
  const size_t rows = std::min(rows_max_, block_.rows() - delivered_);
  if (rows == 0) return std::nullopt;
  if (rows == block_.rows()) return std::exchange(block_, {});
  Block slice = block_.Slice(delivered_, rows);
  delivered_ += rows;
  return slice;
}

BlockStreamPtr MapStream(BlockStreamPtr input, std::function<Block(Block)> map,
                         const TaskContext* task) {
  if (input->pieces() == nullptr) {
    return std::make_unique<MappedStream>(std::move(input), std::move(map), task);
  }
  return std::make_unique<PieceStream>(
      std::make_unique<MappedPieces>(std::move(input), std::move(map)), task);
}

size_t WorkersFor(const BlockStream& stream, const TaskContext& task) {
  if (stream.pieces() == nullptr) return 1;
  return std::clamp<size_t>(stream.pieces()->count(), 1, task.executor().threads());
}

void ConsumeAll(BlockStream& stream, const TaskContext& task,
                const std::function<void(size_t worker, Block block)>& consume) {
  const PieceReader* pieces = stream.pieces();
  if (pieces == nullptr) {
    while (std::optional<Block> block = stream.Next()) {
      task.CheckCancelled();
      consume(0, std::move(*block));
    }
    return;
  }
  const size_t workers = WorkersFor(stream, task);
  task.executor().ParallelFor(workers, [&](size_t worker) {
    const size_t end = pieces->count() * (worker + 1) / workers;
    for (size_t piece = pieces->count() * worker / workers; piece < end; ++piece) {
      task.CheckCancelled();
      Block block = pieces->Read(piece);
      if (block.rows() > 0) consume(worker, std::move(block));
    }
  });
}

std::vector<Block> Collect(BlockStream& stream, const TaskContext& task) {
  std::vector<std::vector<Block>> of_worker(WorkersFor(stream, task));
  ConsumeAll(stream, task,
             [&](size_t worker, Block block) { of_worker[worker].push_back(std::move(block)); });
  std::vector<Block> blocks = std::move(of_worker.front());
  for (size_t worker = 1; worker < of_worker.size(); ++worker) {
    std::move(of_worker[worker].begin(), of_worker[worker].end(), std::back_inserter(blocks));
  }
  return blocks;
}

}  // namespace granary
