column a UInt64
column i Int32
column d Float64
column s String
column b Bool
column day Date
column v Array(Float32)
column w Array(String)
column h BFloat16
order a
partition b
index r a range 1
index c v copy 100
set index_granularity 2
set min_bytes_for_wide_part 0
