// Volumes of untrusted origin: decoded where a crash or a flood costs one file.
#pragma once

namespace fovea::io {

/// While one is alive, read_volume of this process decodes in helper processes (fovea-slide-reader) under limits of
/// memory (max_bytes and 2 GiB), processor time (10 min) and file size, without core files: a file that crashes, hangs
/// or floods the decoder is an Error like any other.
class DecodeApart {
 public:
  DecodeApart();
  ~DecodeApart();
  DecodeApart(const DecodeApart&) = delete;
  DecodeApart& operator=(const DecodeApart&) = delete;
};

}  // namespace fovea::io
