// Bad inputs, built small: raw bytes where a library would refuse to write such a thing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <fovea/io/array.h>
#include <fovea/io/image.h>
#include <fovea/io/weights.h>

#include "shared.h"

namespace fovea::test {

namespace fs = std::filesystem;
using Tensors = std::map<std::string, io::Array>;

inline void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string read_bytes(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The first `share` of a file.
inline void truncate_copy(const fs::path& from, const fs::path& to, double share) {
  const std::string bytes = read_bytes(from);
  write_bytes(to, bytes.substr(0, static_cast<std::size_t>(share * static_cast<double>(bytes.size()))));
}

// --- volumes ---

/// NIfTI-1, float32, 1 mm, identity axes; `dims` gives 2 to 4 extents.
inline std::string nifti(const std::vector<std::int16_t>& dims, const std::vector<float>& values) {
  std::string header(352, '\0');
  const auto put = [&](std::size_t at, const auto& value) { std::memcpy(header.data() + at, &value, sizeof value); };
  put(0, std::int32_t{348});
  put(40, static_cast<std::int16_t>(dims.size()));
  for (std::size_t i = 0; i < 7; ++i) put(42 + 2 * i, i < dims.size() ? dims[i] : std::int16_t{1});
  put(70, std::int16_t{16});
  put(72, std::int16_t{32});
  for (std::size_t i = 0; i < 8; ++i) put(76 + 4 * i, 1.0f);
  put(108, 352.0f);
  put(112, 1.0f);
  header[123] = 2;  // millimetres
  put(254, std::int16_t{1});
  for (std::size_t row = 0; row < 3; ++row) put(280 + 16 * row + 4 * row, 1.0f);
  std::memcpy(header.data() + 344, "n+1", 4);
  return header + std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

/// A bright ball on a dark ground: something to crop, and something that is not constant.
inline std::vector<float> ball(int edge, int times = 1) {
  std::vector<float> values;
  for (int t = 0; t < times; ++t)
    for (int z = 0; z < edge; ++z)
      for (int y = 0; y < edge; ++y)
        for (int x = 0; x < edge; ++x) {
          const double c = (edge - 1) / 2.0, r2 = (x - c) * (x - c) + (y - c) * (y - c) + (z - c) * (z - c);
          values.push_back(r2 < 0.16 * edge * edge ? 100.0f + static_cast<float>(x) : 1.0f);
        }
  return values;
}

inline void good_volume(const fs::path& path) {
  write_bytes(path, nifti({16, 16, 16}, ball(16)));
}

/// Every `step`-th slice of the shared T1 series, at most `count`.
inline std::vector<fs::path> t1_slices(std::size_t count) {
  std::vector<fs::path> slices;
  for (const auto& entry : fs::directory_iterator(shared_dir() / "data/mri/t1-dicom"))
    if (entry.path().extension() == ".dcm") slices.push_back(entry.path());
  std::sort(slices.begin(), slices.end());
  slices.resize(std::min(slices.size(), count));
  return slices;
}

// --- weights ---

inline io::Array filled(std::vector<std::int64_t> shape, float value) {
  std::int64_t count = 1;
  for (std::int64_t extent : shape) count *= extent;
  const std::vector<float> values(static_cast<std::size_t>(count), value);
  return io::make_array<float>(values, shape);
}

/// ABMIL with `features` inputs and two classes.
inline Tensors abmil(std::int64_t features, std::int64_t inner = 4) {
  return {{"dimreduction.fc1.weight", filled({inner, features}, 0.1f)},
          {"attention.attention_V.0.weight", filled({3, inner}, 0.2f)},
          {"attention.attention_V.0.bias", filled({3}, 0.0f)},
          {"attention.attention_U.0.weight", filled({3, inner}, 0.1f)},
          {"attention.attention_U.0.bias", filled({3}, 0.0f)},
          {"attention.attention_weights.weight", filled({1, 3}, 0.5f)},
          {"attention.attention_weights.bias", filled({1}, 0.0f)},
          {"classifier.fc.weight", filled({2, inner}, 0.3f)},
          {"classifier.fc.bias", filled({2}, 0.0f)}};
}

/// A two-level AGUNet, two classes, 3-D.
inline Tensors agunet(std::int64_t channels = 1) {
  Tensors t;
  const auto conv = [&](const std::string& name, std::int64_t first, std::int64_t second, std::int64_t kernel,
                        std::int64_t bias) {
    t[name + ".weight"] = filled({first, second, kernel, kernel, kernel}, 0.05f);
    t[name + ".bias"] = filled({bias}, 0.01f);
  };
  const auto norm = [&](const std::string& name, std::int64_t width) {
    for (const char* part : {".weight", ".running_var"}) t[name + part] = filled({width}, 1.0f);
    for (const char* part : {".bias", ".running_mean"}) t[name + part] = filled({width}, 0.0f);
  };
  const auto block = [&](const std::string& name, std::int64_t in, std::int64_t out) {
    conv(name + ".conv0", out, in, 3, out), norm(name + ".bn0", out);
    conv(name + ".conv1", out, out, 3, out), norm(name + ".bn1", out);
  };
  block("enc0", channels, 2);
  block("bottom", 2, 4);
  conv("dec0.up", 4, 2, 3, 2), norm("dec0.up_bn", 2);
  for (const char* side : {"dec0.gate.g", "dec0.gate.x"}) conv(side, 1, 2, 1, 1), norm(std::string(side) + "_bn", 1);
  conv("dec0.gate.psi", 1, 2, 1, 1), norm("dec0.gate.psi_bn", 1);
  block("dec0", 4, 2);
  conv("head0", 2, 2, 1, 2);
  return t;
}

inline void write_model(const fs::path& path, const Tensors& tensors,
                        const std::map<std::string, std::string>& metadata = {}) {
  io::write_safetensors(path, tensors, metadata);
}

inline void good_network(const fs::path& path) {
  write_model(path, agunet(),
              {{"fovea.preprocessing",
                R"({"output_spacing":"1,1,1","new_axial_size":"16,16,16","normalization_method":"default"})"}});
}

/// The same over named modalities, or on the brain alone.
inline void network_with(const fs::path& path, std::int64_t channels, const std::string& keys) {
  write_model(
      path, agunet(channels),
      {{"fovea.preprocessing",
        R"({"output_spacing":"1,1,1","new_axial_size":"16,16,16","normalization_method":"default",)" + keys + "}"}});
}

// --- slides ---

/// A plain picture: `grey` everywhere, with a coloured square in the middle when `tissue`.
inline void picture(const fs::path& path, int edge, bool tissue) {
  io::Image image(edge, edge, 3, 245);
  for (int y = edge / 4; tissue && y < 3 * edge / 4; ++y)
    for (int x = edge / 4; x < 3 * edge / 4; ++x) {
      image.at(x, y)[0] = 180, image.at(x, y)[1] = static_cast<std::uint8_t>(60 + x % 40), image.at(x, y)[2] = 140;
    }
  io::write_png(path, image);
}

inline void write_bag(const fs::path& path, std::int64_t rows, std::int64_t width) {
  write_model(path, {{"features", filled({rows, width}, 0.5f)}});
}

}  // namespace fovea::test
