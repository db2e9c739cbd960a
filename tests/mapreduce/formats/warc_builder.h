// WARC files for tests.
#pragma once

#include <bzlib.h>
#include <fmt/format.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <string>

namespace quern::mr {

// One gzip member.
inline std::string GzipOf(const std::string& text, int level = 6, int window_bits = 15 + 16) {
  z_stream stream = {};
  deflateInit2(&stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
inline std::string ZlibOf(const std::string& text) { return GzipOf(text, 6, 15); }
inline std::string DeflateOf(const std::string& text) { return GzipOf(text, 6, -15); }

// One zstd frame.
inline std::string ZstdOf(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

inline std::string Bzip2Of(const std::string& text) {
  std::string out(text.size() + text.size() / 100 + 600, '\0');
  auto size = static_cast<unsigned>(out.size());
  BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(text.data()),
                           static_cast<unsigned>(text.size()), 1, 0, 0);
  out.resize(size);
  return out;
}

inline std::string XzOf(const std::string& text) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, nullptr,
                          reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                          reinterpret_cast<uint8_t*>(out.data()), &size, out.size());
  out.resize(size);
  return out;
}

// One frame with a checksum.
inline std::string Lz4Of(const std::string& text) {
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  std::string out(LZ4F_compressFrameBound(text.size(), &preferences), '\0');
  out.resize(LZ4F_compressFrame(out.data(), out.size(), text.data(), text.size(), &preferences));
  return out;
}

inline std::string WarcRecord(const std::string& type, const std::string& uri,
                              const std::string& content_type, const std::string& block,
                              const std::string& more = "") {
  return fmt::format(
      "WARC/1.0\r\nWARC-Type: {}\r\nWARC-Target-URI: {}\r\nContent-Type: {}\r\n{}"
      "Content-Length: {}\r\n\r\n{}\r\n\r\n",
      type, uri, content_type, more, block.size(), block);
}

// A response with the status 200, the body as it is sent.
inline std::string WarcResponse(const std::string& uri, const std::string& body,
                                const std::string& http_fields = "", const std::string& more = "") {
  return WarcRecord(
      "response", uri, "application/http; msgtype=response",
      fmt::format("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{}\r\n{}", http_fields, body),
      more);
}

}  // namespace quern::mr
