// Writes one part from blocks in sorting-key order: INSERT, merges and mutations all end here.
//
// The writer cuts granules, compresses and writes the columns, and builds the sub-index of each
// declared index whenever an index block is complete. Small parts are collected in memory and
// written as one file; a part that grows beyond min_bytes_for_wide_part streams from then on, one
// file per column, so that memory stays bounded by a granule per column, the builders' own state
// and the small streams.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "granary/parts/part.h"
#include "granary/table/block.h"
#include "granary/table/schema.h"

namespace granary {

class TableDirectory;  // table_directory.h

// What to do with rows that an index cannot hold (SkipIndex::CheckRows).
enum class IndexRowCheck {
  kAlreadyDone,  // the caller has checked all rows
  kFail,         // INCORRECT_DATA
  kSkipIndex,    // the part is written without that index, with a warning
};

struct PartWriterOptions {
  PartName name;
  std::vector<Value> partition;  // one value per partition key expression
  SchemaPtr schema;
  std::vector<DeclaredIndex> indexes;  // those to build; dimensions known
  IndexRowCheck index_rows = IndexRowCheck::kFail;
};

class PartWriter {
 public:
  // Usually made by TableStore::NewMergeWriter. The context outlives the writer.
  PartWriter(std::shared_ptr<TableDirectory> table, PartWriterOptions options,
             const TaskContext& context);
  // Removes what was written unless Finish succeeded.
  ~PartWriter();

  // The next rows, of any number, in sorting-key order. The block has at least the columns of the
  // schema, with their types. Uses the executor. After an exception only the destructor may be
  // called.
  void Append(const Block& block);
  uint64_t rows() const;

  // Completes the files, makes them durable as the table's fsync policy says, and opens the part.
  // It is not visible yet, and its files vanish with the last PartPtr unless a TableStore commits
  // it. nullptr if no row was appended. Called once, last.
  PartPtr Finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace granary
