CREATE TABLE little
(
    a UInt64,
    s String DEFAULT 'none'
)
ENGINE = MergeTree
ORDER BY a