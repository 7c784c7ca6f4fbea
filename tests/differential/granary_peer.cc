#include "granary_peer.h"

#include "granary/query/formats/output_format.h"
#include "granary/query/formats/value_writer.h"

namespace granary::differential {
namespace {

std::string FormattedText(Result& result, const std::string& format) {
  ByteWriter bytes;
  const auto output = OutputFormat::Create(format, result.columns(), bytes, result.settings());
  while (const auto block = result.Next()) output->WriteBlock(*block);
  output->Finish();
  return std::string(reinterpret_cast<const char*>(bytes.bytes().data()), bytes.size());
}

Answer TypedRows(Result& result) {
  Answer answer;
  for (const HeaderColumn& column : result.columns()) answer.types.push_back(column.type.name());
  while (const auto block = result.Next()) {
    const std::vector<ColumnPtr> columns = MaterializedColumns(*block);
    for (size_t row = 0; row < block->rows(); ++row) {
      std::string text;
      for (size_t i = 0; i < columns.size(); ++i) {
        if (i > 0) text += '\t';
        AppendValueText(*columns[i], row, {.style = TextStyle::kTabSeparated}, text);
      }
      answer.rows.push_back(std::move(text));
    }
  }
  return answer;
}

Answer AskIn(Session& session, const Statement& statement) {
  try {
    Result result = session.Execute(statement.sql);
    return statement.format.empty() ? TypedRows(result)
                                    : ParseLines(FormattedText(result, statement.format));
  } catch (const Error& error) {
    return {.error = static_cast<int>(error.code()), .message = error.message()};
  } catch (const std::exception& error) {
    return {.error = 1001, .message = error.what()};
  }
}

}  // namespace

GranaryPeer::GranaryPeer()
    : database_(Database::Open({.threads = 1, .background_merges = false})),
      session_(std::make_unique<Session>(database_.get())),
      without_indexes_(std::make_unique<Session>(database_.get())) {
  without_indexes_->Execute("SET use_skip_indexes = 0");
}

Answer GranaryPeer::Ask(const Statement& statement) { return AskIn(*session_, statement); }

Answer GranaryPeer::AskWithoutIndexes(const Statement& statement) {
  return AskIn(*without_indexes_, statement);
}

}  // namespace granary::differential
