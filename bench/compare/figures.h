// The figures of compare, by subject. Each function measures and adds figures and notes to a
// report; what it writes to disk lies in a scratch directory below the current one.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "granary/bench/compare/report.h"
#include "granary/bench/vector_set.h"

namespace granary::bench {

// A set and the limits that its figures are held to.
struct VectorSetLimits {
  double default_recall;
  // Recalls at which the speed of the graph is compared with hnswlib, and how much faster it is.
  std::vector<std::pair<double, double>> compared_recalls;
  double bytes_per_vector;  // at most, of those of hnswlib
  // Recalls at which a prepared statement is compared with ClickHouse, and how much faster it is.
  std::vector<std::pair<double, double>> clickhouse_recalls = {};
  // How much faster the graph is at recall 0.95 than a scan by codes.
  double graph_over_scan = 0;
};

// Recall at defaults, a prepared statement against the bare search, open and first query; one
// thread searches.
void MeasureTable(const VectorSet& set, const VectorSetLimits& limits, size_t rounds,
                  Report& report);

// Bare search in a graph with the default codes against hnswlib, both with M 16 and ef_construction
// 200, at equal recall, single-threaded, in interleaved rounds; and their sizes.
void MeasureGraphAgainstHnswlib(const VectorSet& set, const VectorSetLimits& limits, size_t rounds,
                                Report& report);

// Building those graphs on one thread and on two, and whether they find as much at equal width.
void MeasureBuild(const VectorSet& set, Report& report);

// Bare search in ten graphs over a tenth of the rows each, against one graph, at equal recall.
void MeasureSubIndexes(const VectorSet& set, const VectorSetLimits& limits, size_t rounds,
                       Report& report);

// A prepared statement, the planner free, against the C interface of ClickHouse at equal recall on
// one thread; an insert with index on two. `library` is the path of libchdb.so.
void MeasureClickHouse(const VectorSet& set, const VectorSetLimits& limits,
                       const std::string& library, size_t rounds, Report& report);

// Searches with WHERE: against ClickHouse at its fastest strategy that finds enough, and against
// searches without.
void MeasureFilters(const VectorSet& set, const std::string& library, size_t rounds,
                    Report& report);

// Writes DIRECTORY/recall-SET.svg: recall against speed of a prepared statement with default
// arguments, of hnswlib and Faiss (M 16, ef_construction 200) and of ClickHouse, as far as they are
// there.
void PlotRecall(const VectorSet& set, const std::string& library, const std::string& directory,
                Report& report);

// Recall, speed, time of a build and bytes by the arguments of an index, as rows of a table: set, M
// and ef_construction, CPU time of a build, bytes per vector, then recall@10 and queries per second
// of CPU time of a bare search for widths of 32, 64, 128, 256 and 512.
void MeasureParameters(const VectorSet& set, size_t rounds, Report& report);

// The exact scan through a prepared statement against a plain sum of the same mapped bytes, and one
// by one against a batch.
void MeasureScan(const VectorSet& set, size_t rounds, Report& report);

// The exact scan that reads codes first against the plain one, and the graph at recall 0.95 against
// it: default index, through prepared statements.
void MeasureCodeScan(const VectorSet& set, const VectorSetLimits& limits, size_t rounds,
                     Report& report);

// Searches with filters that leave 50 % of the rows down to one, independent of, aligned with and
// opposed to the queries, as planned, against the exact scan of the rows that match and against
// searches without a filter; one thread.
void MeasureSelectivity(const VectorSet& set, size_t rounds, Report& report);

// Parsing a vector literal of 1,536 numbers of 8 digits against a bare loop of std::from_chars.
void MeasureLiteral(size_t rounds, Report& report);

// Inserting ten numeric columns through the block interface: alone, and against writing and syncing
// the same bytes.
void MeasureInsert(size_t rounds, Report& report);

// The memory that a merge of ten parts with graphs needs.
void MeasureMerge(const VectorSet& set, Report& report);

// The size of the shared library without symbols for debugging and linking.
void MeasureLibrary(Report& report);

}  // namespace granary::bench
