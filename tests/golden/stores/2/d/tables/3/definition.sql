CREATE TABLE after
(
    id UInt64,
    n UInt8 DEFAULT 3
)
ENGINE = MergeTree
ORDER BY id