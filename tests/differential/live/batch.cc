#include "batch.h"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <stdexcept>

#include <unistd.h>

#include "../granary_peer.h"
#include "../recording.h"
#include "granary/bench/clickhouse_peer.h"
#include "reduction.h"

namespace granary::differential {
namespace {

constexpr size_t kStatementsPerTable = 60;
constexpr size_t kStatementsPerChange = 15;
constexpr unsigned kSecondsPerStatement = 60;

// One thread does everything: the order of rows is fixed, and no statement waits for another
// thread. The names of columns come once (parallel formatting repeats them).
constexpr const char* kTheirSettings[] = {"session_timezone = 'UTC'",
                                          "max_threads = 1",
                                          "max_insert_threads = 1",
                                          "mutations_sync = 2",
                                          "max_execution_time = 20",
                                          "max_memory_usage = 2000000000",
                                          "local_filesystem_read_method = 'pread'",
                                          "load_marks_asynchronously = 0",
                                          "query_profiler_real_time_period_ns = 0",
                                          "query_profiler_cpu_time_period_ns = 0",
                                          "output_format_parallel_formatting = 0"};

// "ClickHouse: Code: 43. DB::Exception: ..." as an answer.
Answer ErrorAnswer(const std::string& text) {
  Answer answer{.error = 1, .message = text};
  const size_t code = text.find("Code: ");
  if (code == text.npos) return answer;
  answer.error = std::atoi(text.c_str() + code + 6);
  const size_t message = text.find("DB::Exception: ");
  if (message != text.npos) answer.message = text.substr(message + 15);
  return answer;
}

// Whether an error may be one of a single row: a text that is no number, a division by zero.
bool IsAboutValues(int error) {
  constexpr int kCodes[] = {6,  12,  25,  26,  32,  36,  38,  41,  53,  69, 70,
                            72, 117, 128, 130, 135, 153, 190, 353, 407, 467};
  return std::find(std::begin(kCodes), std::end(kCodes), error) != std::end(kCodes);
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

Answer WithoutNegativeZeros(Answer answer) {
  for (std::string& row : answer.rows) {
    row = Replaced("\t" + row + "\t", "\t-0\t", "\t0\t");
  }
  return answer;
}

// What findings of one kind have in common: values and names of columns do not count.
std::string KindOf(const Verdict& verdict) {
  std::string kind = verdict.outcome + " ";
  const std::string& sql = verdict.statement.sql;
  for (size_t i = 0; i < sql.size(); ++i) {
    if (sql[i] == '\'' && sql.compare(i, 6, "'Array") != 0) {
      for (++i; i < sql.size() && sql[i] != '\''; ++i) i += sql[i] == '\\';
      kind += '\'';
    } else if (!std::isdigit(static_cast<unsigned char>(sql[i])) && sql[i] != '-' &&
               sql[i] != '.') {
      kind += sql[i];
    }
  }
  if (verdict.ours.error != 0) kind += " " + std::to_string(verdict.ours.error);
  if (verdict.theirs.error != 0) kind += " " + std::to_string(verdict.theirs.error);
  return kind;
}

class Batch {
 public:
  Batch(const BatchOptions& options, const Callables& callables, const Differences& differences,
        Tally& tally)
      : options_(options),
        differences_(differences),
        tally_(tally),
        generator_(callables, options.seed),
        theirs_(bench::ClickHousePeer::Open(options.library, options.directory.string())) {
    if (theirs_ == nullptr) throw std::runtime_error("there is no library " + options.library);
    // ClickHouse's handlers wait for a thread that writes a trace.
    for (const int signal_number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
      signal(signal_number, SIG_DFL);
    }
    for (const char* setting : kTheirSettings) theirs_->Query(std::string("SET ") + setting);
    if (!options.recording.empty()) recording_.open(options.recording, std::ios::app);
  }

  void Run() {
    const uint64_t end = tally_.statements + options_.statements;
    while (tally_.statements < end) RunTable();
  }

 private:
  struct Asked {
    Statement statement;
    Answer ours;
  };

  void RunTable() {
    for (const std::string& sql : generator_.MakeTable()) {
      const bool is_create = sql.starts_with("CREATE");
      if (is_create) Change("DROP TABLE IF EXISTS plain");
      if (!Change(sql)) return;
    }
    CopyTable();
    for (size_t i = 1; i <= kStatementsPerTable; ++i) {
      RunQuery(generator_.MakeQuery());
      PartitionRows(generator_.MakeCondition());
      if (i % kStatementsPerChange == 0 && !ChangeRows()) return;
    }
    MergeParts();
  }

  // ---- Both ----

  Answer AskOurs(const Statement& statement) {
    Announce("granary", statement.sql);
    return ours_.Ask(statement);
  }

  Answer AskTheirs(const Statement& statement) {
    Announce("clickhouse", statement.sql);
    const std::string format =
        statement.format.empty() ? "TabSeparatedWithNamesAndTypes" : statement.format;
    try {
      std::string text = theirs_->Query(statement.sql, format.c_str());
      if (!statement.format.empty()) return ParseLines(text);
      return ParseTypedRows(text.substr(std::min(text.size(), text.find('\n') + 1)));
    } catch (const std::runtime_error& error) {
      // What a failed statement has already written would come with the next answer.
      theirs_->Query("SELECT 1");
      return ErrorAnswer(error.what());
    }
  }

  void Announce(const char* where, const std::string& sql) {
    alarm(kSecondsPerStatement);
    std::snprintf(tally_.running.data(), Tally::kStatementMax, "%s: %s", where, sql.c_str());
  }

  Verdict Check(const Statement& statement) {
    Verdict verdict{.statement = statement};
    verdict.ours = AskOurs(statement);
    verdict.theirs = AskTheirs(statement);
    verdict.outcome = CompareAnswers(statement, verdict.ours, verdict.theirs);
    return verdict;
  }

  void RunQuery(const Query& query) {
    const Verdict verdict = Check(query.AsStatement());
    ++tally_.statements;
    if (verdict.outcome.empty()) {
      tally_.refusals += verdict.ours.error != 0;
      Record(verdict, "");
    } else {
      const Reduction reduction([&](const Statement& smaller) { return Check(smaller); },
                                [&](const Statement& ours) { return AskOurs(ours); });
      Report(reduction.Reduce(query, verdict), verdict);
    }
    AskAgain(verdict);
  }

  // Both or neither. False if the tables may differ from now on.
  bool Change(const std::string& sql) {
    const Verdict verdict = Check({.sql = sql});
    ++tally_.statements;
    if (verdict.outcome == "code") return true;
    if (!verdict.outcome.empty()) {
      Report(verdict, verdict);
      return false;
    }
    if (verdict.ours.error == 0 && recording_.is_open()) {
      recording_ << RecordedText({.is_change = true, .statement = verdict.statement});
    }
    return true;
  }

  // A change whose expressions agree, as the queries that were made of it have shown.
  bool ChangeRows() {
    MergeParts();
    const Generator::ChangeOfRows change = generator_.MakeChange();
    for (const Query& query : change.expressions) {
      const Verdict verdict = Check(query.AsStatement());
      if (!verdict.outcome.empty() || verdict.ours.error != 0) return true;
    }
    if (!Change(change.sql)) return false;
    CopyTable();
    const Verdict rows = Check({.sql = "SELECT * FROM plain ORDER BY id"});
    ++tally_.statements;
    if (rows.outcome.empty()) {
      Record(rows, "");
      return true;
    }
    Verdict changed = rows;
    changed.statement.sql = change.sql + "; " + rows.statement.sql;
    Report(changed, changed);
    return false;
  }

  // ---- Findings ----

  void Report(const Verdict& reduced, const Verdict& original) {
    const auto entry =
        differences_.Find(reduced.outcome, reduced.statement.sql, reduced.ours, reduced.theirs);
    if (entry) {
      ++tally_.listed;
      ++tally_.of_entry[std::min(*entry, Tally::kEntriesMax - 1)];
      Record(reduced, differences_.all()[*entry].name);
      return;
    }
    ++tally_.unlisted;
    Print(KindOf(reduced), reduced, original.statement.sql);
  }

  // Once for each kind.
  void Print(const std::string& kind, const Verdict& verdict, const std::string& original) {
    const uint64_t hash = std::hash<std::string>()(kind);
    const auto end = tally_.found.begin() + static_cast<ptrdiff_t>(tally_.found_count);
    if (std::find(tally_.found.begin(), end, hash) != end) return;
    if (tally_.found_count < Tally::kFoundMax) tally_.found[tally_.found_count++] = hash;
    std::printf("%s (seed %llu)\n  %s\n  granary:    %.400s\n  clickhouse: %.400s\n",
                verdict.outcome.c_str(), static_cast<unsigned long long>(options_.seed),
                verdict.statement.sql.c_str(), verdict.ours.Text().c_str(),
                verdict.theirs.Text().c_str());
    if (original != verdict.statement.sql) std::printf("  found in:   %.600s\n", original.c_str());
    std::fflush(stdout);
  }

  void Record(const Verdict& verdict, const std::string& difference) {
    constexpr size_t kBytesMax = 700;
    if (!recording_.is_open()) return;
    // Which of several rows fails first depends on parts, and merges are not recorded.
    const bool reads_rows = verdict.statement.sql.find("plain") != std::string::npos;
    if (reads_rows && IsAboutValues(verdict.theirs.error)) return;
    const std::string text = RecordedText(
        {.statement = verdict.statement, .answer = verdict.theirs, .difference = difference});
    if (text.size() > kBytesMax) return;
    recording_ << text;
    ++tally_.recorded;
  }

  // ---- Granary with itself ----

  void CopyTable() {
    std::string columns;
    for (const auto& [name, type] : PlainColumns()) {
      columns += (columns.empty() ? "" : ", ") + name + " " + type;
    }
    for (const std::string& sql : {std::string("DROP TABLE IF EXISTS other"),
                                   "CREATE TABLE other (" + columns +
                                       ", INDEX near v TYPE vector_similarity('hnsw', "
                                       "'L2Distance', 4)) ENGINE = MergeTree ORDER BY id",
                                   std::string("INSERT INTO other SELECT * FROM plain")}) {
      const Answer answer = AskOurs({.sql = sql});
      if (answer.error != 0) throw std::runtime_error(sql + ": " + answer.Text());
    }
    asked_.clear();
  }

  void Expect(const char* oracle, const Statement& statement, const Answer& first,
              const Answer& second) {
    ++tally_.oracles;
    // Which row fails first, and whether one is reached that does, is a matter of the plan.
    if (IsAboutValues(first.error) || IsAboutValues(second.error)) return;
    // 0.0 and -0.0 are one key: which of them is shown is a matter of the order of rows.
    const std::string outcome =
        CompareAnswers(statement, WithoutNegativeZeros(second), WithoutNegativeZeros(first));
    if (outcome.empty()) return;
    ++tally_.unlisted;
    Verdict verdict{statement, std::string(oracle) + " " + outcome, second, first};
    std::printf("(below, \"clickhouse\" is Granary's own first answer)\n");
    Print(KindOf(verdict), verdict, statement.sql);
  }

  // Without indexes, and from one part.
  void AskAgain(const Verdict& verdict) {
    const Statement& statement = verdict.statement;
    if (statement.sql.find("plain") == statement.sql.npos) return;
    Announce("granary, without indexes", statement.sql);
    Expect("without indexes", statement, verdict.ours, ours_.AskWithoutIndexes(statement));
    Statement copied = statement;
    copied.sql = Replaced(copied.sql, "plain", "other");
    Expect("in one part", statement, verdict.ours, AskOurs(copied));
    asked_.push_back({statement, verdict.ours});
  }

  // What was asked since the rows changed last has the same answers after a merge.
  void MergeParts() {
    const Answer merged = AskOurs({.sql = "OPTIMIZE TABLE plain FINAL"});
    if (merged.error != 0) throw std::runtime_error("OPTIMIZE: " + merged.Text());
    for (const Asked& asked : asked_) {
      Expect("after OPTIMIZE FINAL", asked.statement, asked.ours, AskOurs(asked.statement));
    }
    asked_.clear();
  }

  // Every row matches a condition or its negation.
  void PartitionRows(const ExprPtr& condition) {
    const std::string where = " FROM plain WHERE " + condition->Text();
    const Answer with = AskOurs({.sql = "SELECT count()" + where});
    const Answer without =
        AskOurs({.sql = "SELECT count() FROM plain WHERE NOT (" + condition->Text() + ")"});
    const Answer all = AskOurs({.sql = "SELECT count() FROM plain"});
    ++tally_.oracles;
    if (with.error != 0 || without.error != 0) return;
    if (std::stoull(with.rows[0]) + std::stoull(without.rows[0]) == std::stoull(all.rows[0]))
      return;
    ++tally_.unlisted;
    Verdict verdict{{.sql = where}, "a condition and its negation", with, without};
    Print(KindOf(verdict), verdict, where);
  }

  const BatchOptions& options_;
  const Differences& differences_;
  Tally& tally_;
  Generator generator_;
  GranaryPeer ours_;
  std::unique_ptr<bench::ClickHousePeer> theirs_;
  std::ofstream recording_;
  std::vector<Asked> asked_;
};

}  // namespace

void RunBatch(const BatchOptions& options, const Callables& callables,
              const Differences& differences, Tally& tally) {
  Batch(options, callables, differences, tally).Run();
}

}  // namespace granary::differential
