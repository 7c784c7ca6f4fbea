#include "granary/parts/sub_index_frame.h"

#include <fmt/format.h>

#include "granary/parts/format.h"
#include "granary/table/byte_stream.h"

namespace granary {

std::vector<std::byte> EncodeSubIndexHeader(const SubIndexHeader& header) {
  ByteWriter out;
  out.Write<uint32_t>(kSubIndexMagic);
  out.Write<uint16_t>(kSubIndexFormatVersion);
  out.WriteString(header.kind);
  out.WriteString(header.identity);
  out.WriteVarint(header.first_row);
  out.WriteVarint(header.rows);
  out.WriteVarint(header.payload_bytes);
  out.WriteVarint(header.page_checksums.size());
  for (const uint64_t checksum : header.page_checksums) out.Write<uint64_t>(checksum);
  return out.Take();
}

SubIndexHeader DecodeSubIndexHeader(std::span<const std::byte> bytes, std::string_view what) {
  ByteReader in(bytes, what);
  if (in.Read<uint32_t>() != kSubIndexMagic) in.ThrowCorrupted("not the header of a sub-index");
  const auto version = in.Read<uint16_t>();
  if (version != kSubIndexFormatVersion) {
    throw Error(ErrorCode::kUnknownFormatVersion,
                fmt::format("{} has sub-index format version {}; this build of Granary reads {}",
                            what, version, kSubIndexFormatVersion));
  }
  SubIndexHeader header;
  header.kind = in.ReadString();
  header.identity = in.ReadString();
  header.first_row = in.ReadVarint();
  header.rows = in.ReadVarint();
  header.payload_bytes = in.ReadVarint();
  header.page_checksums.resize(in.ReadCount(sizeof(uint64_t)));
  for (uint64_t& checksum : header.page_checksums) checksum = in.Read<uint64_t>();
  in.ExpectEnd();
  return header;
}

}  // namespace granary
