// The one exception type of the library and its error codes.
//
// Codes and symbolic names are ClickHouse's wherever ClickHouse has one for the case, because
// people and test suites know them (UNKNOWN_IDENTIFIER is 47 in both). An Error that leaves the
// library says what happened, where, and what to do about it; context is added on the way up.
#pragma once

#include <exception>
#include <span>
#include <string>
#include <string_view>

namespace granary {

// X(constant, number, symbolic name)
#define GRANARY_ERROR_CODES(X)                                                  \
  X(kUnexpectedEndOfFile, 3, UNEXPECTED_END_OF_FILE)                            \
  X(kCannotParseText, 6, CANNOT_PARSE_TEXT)                                     \
  X(kIncorrectNumberOfColumns, 7, INCORRECT_NUMBER_OF_COLUMNS)                  \
  X(kNoSuchColumn, 8, THERE_IS_NO_COLUMN)                                       \
  X(kSizesOfColumnsDontMatch, 9, SIZES_OF_COLUMNS_DOESNT_MATCH)                 \
  X(kNotFoundColumnInBlock, 10, NOT_FOUND_COLUMN_IN_BLOCK)                      \
  X(kDuplicateColumn, 15, DUPLICATE_COLUMN)                                     \
  X(kNoSuchColumnInTable, 16, NO_SUCH_COLUMN_IN_TABLE)                          \
  X(kUnknownFormatVersion, 19, UNKNOWN_FORMAT_VERSION)                          \
  X(kCannotParseEscapeSequence, 25, CANNOT_PARSE_ESCAPE_SEQUENCE)               \
  X(kCannotParseQuotedString, 26, CANNOT_PARSE_QUOTED_STRING)                   \
  X(kCannotParseInput, 27, CANNOT_PARSE_INPUT_ASSERTION_FAILED)                 \
  X(kAttemptToReadAfterEof, 32, ATTEMPT_TO_READ_AFTER_EOF)                      \
  X(kCannotReadAllData, 33, CANNOT_READ_ALL_DATA)                               \
  X(kNumberOfArgumentsDoesntMatch, 42, NUMBER_OF_ARGUMENTS_DOESNT_MATCH)        \
  X(kIllegalTypeOfArgument, 43, ILLEGAL_TYPE_OF_ARGUMENT)                       \
  X(kIllegalColumn, 44, ILLEGAL_COLUMN)                                         \
  X(kUnknownFunction, 46, UNKNOWN_FUNCTION)                                     \
  X(kUnknownIdentifier, 47, UNKNOWN_IDENTIFIER)                                 \
  X(kNotImplemented, 48, NOT_IMPLEMENTED)                                       \
  X(kLogicalError, 49, LOGICAL_ERROR)                                           \
  X(kUnknownType, 50, UNKNOWN_TYPE)                                             \
  X(kEmptyListOfColumns, 51, EMPTY_LIST_OF_COLUMNS_QUERIED)                     \
  X(kTypeMismatch, 53, TYPE_MISMATCH)                                           \
  X(kUnknownStorage, 56, UNKNOWN_STORAGE)                                       \
  X(kTableAlreadyExists, 57, TABLE_ALREADY_EXISTS)                              \
  X(kIllegalTypeForFilter, 59, ILLEGAL_TYPE_OF_COLUMN_FOR_FILTER)               \
  X(kUnknownTable, 60, UNKNOWN_TABLE)                                           \
  X(kSyntaxError, 62, SYNTAX_ERROR)                                             \
  X(kUnknownAggregateFunction, 63, UNKNOWN_AGGREGATE_FUNCTION)                  \
  X(kArgumentOutOfBound, 69, ARGUMENT_OUT_OF_BOUND)                             \
  X(kCannotConvertType, 70, CANNOT_CONVERT_TYPE)                                \
  X(kCannotParseNumber, 72, CANNOT_PARSE_NUMBER)                                \
  X(kUnknownFormat, 73, UNKNOWN_FORMAT)                                         \
  X(kCannotReadFile, 74, CANNOT_READ_FROM_FILE_DESCRIPTOR)                      \
  X(kCannotWriteFile, 75, CANNOT_WRITE_TO_FILE_DESCRIPTOR)                      \
  X(kCannotOpenFile, 76, CANNOT_OPEN_FILE)                                      \
  X(kUnknownTypeOfQuery, 78, UNKNOWN_TYPE_OF_QUERY)                             \
  X(kIncorrectQuery, 80, INCORRECT_QUERY)                                       \
  X(kUnknownDatabase, 81, UNKNOWN_DATABASE)                                     \
  X(kBadArguments, 36, BAD_ARGUMENTS)                                           \
  X(kCannotParseDate, 38, CANNOT_PARSE_DATE)                                    \
  X(kChecksumDoesntMatch, 40, CHECKSUM_DOESNT_MATCH)                            \
  X(kCannotParseDateTime, 41, CANNOT_PARSE_DATETIME)                            \
  X(kFileDoesntExist, 107, FILE_DOESNT_EXIST)                                   \
  X(kNoDataToInsert, 108, NO_DATA_TO_INSERT)                                    \
  X(kUnknownSetting, 115, UNKNOWN_SETTING)                                      \
  X(kIncorrectData, 117, INCORRECT_DATA)                                        \
  X(kEngineRequired, 119, ENGINE_REQUIRED)                                      \
  X(kIncorrectResultOfScalarSubquery, 125, INCORRECT_RESULT_OF_SCALAR_SUBQUERY) \
  X(kTooLargeArraySize, 128, TOO_LARGE_ARRAY_SIZE)                              \
  X(kCannotReadArray, 130, CANNOT_READ_ARRAY_FROM_TEXT)                         \
  X(kTooLargeStringSize, 131, TOO_LARGE_STRING_SIZE)                            \
  X(kZeroArrayIndex, 135, ZERO_ARRAY_OR_TUPLE_INDEX)                            \
  X(kIllegalDivision, 153, ILLEGAL_DIVISION)                                    \
  X(kTimeoutExceeded, 159, TIMEOUT_EXCEEDED)                                    \
  X(kReadonly, 164, READONLY)                                                   \
  X(kTooDeepAst, 167, TOO_DEEP_AST)                                             \
  X(kTooBigAst, 168, TOO_BIG_AST)                                               \
  X(kBadTypeOfField, 169, BAD_TYPE_OF_FIELD)                                    \
  X(kCyclicAliases, 174, CYCLIC_ALIASES)                                        \
  X(kMultipleExpressionsForAlias, 179, MULTIPLE_EXPRESSIONS_FOR_ALIAS)          \
  X(kIllegalAggregation, 184, ILLEGAL_AGGREGATION)                              \
  X(kSizesOfArraysDontMatch, 190, SIZES_OF_ARRAYS_DONT_MATCH)                   \
  X(kUnknownElementOfEnum, 191, UNKNOWN_ELEMENT_OF_ENUM)                        \
  X(kNotAnAggregate, 215, NOT_AN_AGGREGATE)                                     \
  X(kQueryIdAlreadyRunning, 216, QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING)         \
  X(kNoSuchDataPart, 232, NO_SUCH_DATA_PART)                                    \
  X(kAborted, 236, ABORTED)                                                     \
  X(kMemoryLimitExceeded, 241, MEMORY_LIMIT_EXCEEDED)                           \
  X(kTableIsReadOnly, 242, TABLE_IS_READ_ONLY)                                  \
  X(kNotEnoughSpace, 243, NOT_ENOUGH_SPACE)                                     \
  X(kCorruptedData, 246, CORRUPTED_DATA)                                        \
  X(kTooManyParts, 252, TOO_MANY_PARTS)                                         \
  X(kIndexNotUsed, 277, INDEX_NOT_USED)                                         \
  X(kDatabaseAccessDenied, 291, DATABASE_ACCESS_DENIED)                         \
  X(kTooDeepRecursion, 306, TOO_DEEP_RECURSION)                                 \
  X(kUnfinished, 341, UNFINISHED)                                               \
  X(kNoCommonType, 386, NO_COMMON_TYPE)                                         \
  X(kQueryWasCancelled, 394, QUERY_WAS_CANCELLED)                               \
  X(kTooManyRowsOrBytes, 396, TOO_MANY_ROWS_OR_BYTES)                           \
  X(kMultipleAssignmentsToColumn, 419, MULTIPLE_ASSIGNMENTS_TO_COLUMN)          \
  X(kCannotUpdateColumn, 420, CANNOT_UPDATE_COLUMN)                             \
  X(kCannotCompileRegexp, 427, CANNOT_COMPILE_REGEXP)                           \
  X(kCannotScheduleTask, 439, CANNOT_SCHEDULE_TASK)                             \
  X(kInvalidLimitExpression, 440, INVALID_LIMIT_EXPRESSION)                     \
  X(kUnknownQueryParameter, 456, UNKNOWN_QUERY_PARAMETER)                       \
  X(kBadQueryParameter, 457, BAD_QUERY_PARAMETER)                               \
  X(kCannotParseBool, 467, CANNOT_PARSE_BOOL)                                   \
  X(kViolatedConstraint, 469, VIOLATED_CONSTRAINT)                              \
  X(kInvalidSettingValue, 471, INVALID_SETTING_VALUE)                           \
  X(kPathAccessDenied, 481, PATH_ACCESS_DENIED)                                 \
  X(kDeadlockAvoided, 473, DEADLOCK_AVOIDED)                                    \
  X(kLockedDirectory, 10001, DIRECTORY_IS_LOCKED)

enum class ErrorCode : int {
#define GRANARY_DECLARE_CODE(constant, number, name) constant = number,
  GRANARY_ERROR_CODES(GRANARY_DECLARE_CODE)
#undef GRANARY_DECLARE_CODE
};

// The symbolic name, for example "UNKNOWN_IDENTIFIER"; "UNKNOWN_ERROR" for a number outside the
// list.
std::string_view ErrorName(ErrorCode code);
// Every code of the list.
std::span<const ErrorCode> AllErrorCodes();

// What every failing call of the library throws. Copyable and immutable but for added context.
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message);

  ErrorCode code() const { return code_; }
  // The message without code or name, context included.
  const std::string& message() const { return message_; }
  // "Code: 47. Unknown column x. (UNKNOWN_IDENTIFIER)", valid as long as the Error.
  const char* what() const noexcept override { return what_.c_str(); }

  // Appends ": while <doing>" to the message; for use in `catch (Error& e) { e.AddContext(...);
  // throw; }`.
  void AddContext(std::string_view doing);

 private:
  ErrorCode code_;
  std::string message_;
  std::string what_;
};

}  // namespace granary
