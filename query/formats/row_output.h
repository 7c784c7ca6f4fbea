// Writers of formats that print row by row. TabSeparated and CSV end each row with a line end,
// JSONEachRow is an object per line, Values is one comma-separated line without end.
#pragma once

#include <string>
#include <vector>

#include "granary/query/formats/output_format.h"
#include "granary/query/formats/value_writer.h"

namespace granary {

// Collects text and hands it to the sink in large pieces.
class RowOutputFormat : public OutputFormat {
 public:
  void WriteBlock(const Block& block) final;
  void Finish() final;

 protected:
  RowOutputFormat(Header header, ByteSink& sink) : header_(std::move(header)), sink_(sink) {}

  // Appends row `row` of the columns, none of which is constant, to `out`.
  virtual void WriteRow(const std::vector<ColumnPtr>& columns, size_t row, std::string& out) = 0;
  // Appends what stands before the first row, with or without rows.
  virtual void WritePrefix(std::string&) {}
  virtual void WriteSuffix(std::string&) {}

  const Header header_;
  uint64_t rows_written_ = 0;

 private:
  void Flush();
  void BeginOnce();

  ByteSink& sink_;
  std::string out_;
  bool is_begun_ = false;
};

class TabSeparatedOutput : public RowOutputFormat {
 public:
  TabSeparatedOutput(Header header, ByteSink& sink, const QuerySettings&)
      : RowOutputFormat(std::move(header), sink) {}

 protected:
  void WriteRow(const std::vector<ColumnPtr>& columns, size_t row, std::string& out) final;
};

class TabSeparatedWithNamesOutput final : public TabSeparatedOutput {
 public:
  using TabSeparatedOutput::TabSeparatedOutput;

 private:
  void WritePrefix(std::string& out) override;
};

class CsvOutput : public RowOutputFormat {
 public:
  CsvOutput(Header header, ByteSink& sink, const QuerySettings& settings)
      : RowOutputFormat(std::move(header), sink), delimiter_(settings.format_csv_delimiter) {}

 protected:
  void WriteRow(const std::vector<ColumnPtr>& columns, size_t row, std::string& out) final;

  const std::string delimiter_;
};

class CsvWithNamesOutput final : public CsvOutput {
 public:
  using CsvOutput::CsvOutput;

 private:
  void WritePrefix(std::string& out) override;
};

class JsonEachRowOutput final : public RowOutputFormat {
 public:
  JsonEachRowOutput(Header header, ByteSink& sink, const QuerySettings& settings);

 private:
  void WriteRow(const std::vector<ColumnPtr>& columns, size_t row, std::string& out) override;

  TextOptions options_{.style = TextStyle::kJson};
  std::vector<std::string> keys_;  // {"a": and ,"b":
};

class ValuesOutput final : public RowOutputFormat {
 public:
  ValuesOutput(Header header, ByteSink& sink, const QuerySettings&)
      : RowOutputFormat(std::move(header), sink) {}

 private:
  void WriteRow(const std::vector<ColumnPtr>& columns, size_t row, std::string& out) override;
};

// Row 1:
// ──────
// id:   7
// name: x
class VerticalOutput final : public RowOutputFormat {
 public:
  VerticalOutput(Header header, ByteSink& sink, const QuerySettings& settings);

 private:
  void WriteRow(const std::vector<ColumnPtr>& columns, size_t row, std::string& out) override;
  void WriteSuffix(std::string& out) override;

  const uint64_t rows_max_;
  std::vector<std::string> labels_;  // names with colons, padded to one width
};

class NullOutput final : public OutputFormat {
 public:
  NullOutput(Header, ByteSink&, const QuerySettings&) {}
  void WriteBlock(const Block&) override {}
  void Finish() override {}
};

}  // namespace granary
