// What the tests of this folder share: a database on a disk in memory that can be reopened, and
// short ways to ask it.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "granary/parts/simulated_disk.h"
#include "granary/query/database.h"
#include "granary/tests/random_seed.h"

namespace granary::testing {

class StressDatabase {
 public:
  explicit StressDatabase(size_t threads)
      : disk_(std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful)), threads_(threads) {
    Open();
  }

  Database& operator*() { return *database_; }
  Database* operator->() { return database_.get(); }

  // Closes the database and opens it again, on the same disk or as a power cut would leave it.
  void Restart() {
    database_.reset();
    Open();
  }
  void CutPower() {
    database_.reset();
    disk_ = disk_->AfterPowerCut(SimulatedDisk::Survivors::kSynced);
    Open();
  }

  void Run(const std::string& sql) { database_->Execute(sql).ReadAll(); }
  Block Rows(const std::string& sql) { return database_->Execute(sql).ReadAll(); }
  // The only value of the only row, as a number.
  uint64_t Number(const std::string& sql) { return Rows(sql).column(0)->ValueAt(0).as_uint(); }
  // Of all files of the database.
  uint64_t used_bytes() const { return disk_->used_bytes(); }
  // The lines of EXPLAIN.
  std::string Explain(const std::string& sql) {
    const Block block = Rows("EXPLAIN indexes = 1 " + sql);
    std::string text;
    for (size_t row = 0; row < block.rows(); ++row) {
      text += block.column(0)->ValueAt(row).as_string() + "\n";
    }
    return text;
  }

  std::vector<std::string> warnings() {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }

 private:
  void Open() {
    DatabaseOptions options;
    options.settings.vector_search_method = VectorSearchMethod::kGraph;  // although they are small
    options.path = "db";
    options.threads = threads_;
    options.file_system = disk_;
    options.on_warning = [this](const std::string& warning) {
      const std::lock_guard lock(mutex_);
      warnings_.push_back(warning);
    };
    database_ = Database::Open(options);
  }

  std::shared_ptr<SimulatedDisk> disk_;
  size_t threads_;
  std::mutex mutex_;
  std::vector<std::string> warnings_;
  std::unique_ptr<Database> database_;
};

// Builds a column of values made by a function of the row.
template <class F>
ColumnPtr MakeColumn(const DataType& type, size_t rows, F&& value) {
  const std::unique_ptr<ColumnBuilder> builder = ColumnBuilder::Create(type);
  for (size_t row = 0; row < rows; ++row) builder->Append(Value(value(row)));
  return builder->Finish();
}

inline Value VectorValue(const std::vector<float>& vector) {
  return ValueArray(vector.begin(), vector.end());
}

inline double Distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

inline std::string VectorText(const std::vector<float>& vector) {
  std::string text = "[";
  for (const float value : vector) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(value);
  }
  return text + "]";
}

}  // namespace granary::testing
