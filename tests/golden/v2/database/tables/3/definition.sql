CREATE TABLE merged
(
    a UInt64
)
ENGINE = MergeTree
ORDER BY a