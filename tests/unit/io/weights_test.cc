// Weight files: round trips, the published checkpoints, and bytes that lie.
#include <cstring>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/io/hash.h>
#include <fovea/io/weights.h>

#include "shared.h"
#include "weights/pickle.h"

namespace {

namespace fs = std::filesystem;
using namespace fovea;
using testing::HasSubstr;

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}
std::string bytes_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}
std::string safetensors(const std::string& header, const std::string& data) {
  std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}
std::string message_of(const std::function<void()>& act, ErrorCode code) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(Safetensors, RoundTripKeepsBitsNamesAndMetadata) {
  test::TemporaryFolder folder;
  const std::vector<float> values{1.5f, -2, 3e-38f, 0};
  const std::vector<std::int64_t> whole{-5, 1L << 40};
  io::write_safetensors(folder / "a.safetensors",
                        {{"x", io::make_array<float>(values, {2, 2})}, {"y", io::make_array<std::int64_t>(whole, {2})}},
                        {{"k", "v \"quoted\""}});
  const io::WeightFile file = io::read_weights(folder / "a.safetensors");
  EXPECT_EQ(file.format, "safetensors");
  EXPECT_EQ(io::to_float(file.tensors.at("x")), values);
  EXPECT_EQ(io::to_int64(file.tensors.at("y")), whole);
  EXPECT_EQ(file.metadata.at("k"), "v \"quoted\"");
  io::write_safetensors(folder / "b.safetensors", file.tensors, file.metadata);
  EXPECT_EQ(io::sha256_of_file(folder / "a.safetensors"), io::sha256_of_file(folder / "b.safetensors"));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  test::TemporaryFolder folder;
  io::write_safetensors(folder / "a.safetensors", {{"x", io::make_array<float>(std::vector<float>(8, 1.f), {8})}}, {});
  const std::string whole = bytes_of(folder / "a.safetensors");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    write_bytes(folder / "cut.safetensors", whole.substr(0, size));
    EXPECT_THROW(io::read_safetensors(folder / "cut.safetensors"), Error) << size;
  }
}

TEST(Safetensors, HeadersThatLieAreRefused) {
  test::TemporaryFolder folder;
  const std::string data(16, '\0');
  const std::pair<const char*, const char*> lies[] = {
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,12]}})", "does not fit its shape"},
      {R"({"a":{"dtype":"F32","shape":[8],"data_offsets":[0,32]}})", "outside the file"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "belong to no tensor"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})", "hole"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
       "overlaps"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})",
       "twice"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}})", "impossible shape"},
      {R"({"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}})", "not described"},
      {R"({"a":{"dtype":"F8","shape":[16],"data_offsets":[0,16]}})", "element type"},
      {R"({"a": nonsense)", "not valid JSON"}};
  for (const auto& [header, expected] : lies) {
    write_bytes(folder / "lie.safetensors", safetensors(header, data));
    try {
      io::read_safetensors(folder / "lie.safetensors");
      ADD_FAILURE() << header;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(expected)) << header;
    }
  }
}

TEST(Safetensors, AnOddHeaderLengthStillGivesAlignedTensors) {
  test::TemporaryFolder folder;
  const float value = 2.5f;
  std::string data(4, '\0');
  std::memcpy(data.data(), &value, 4);
  write_bytes(folder / "odd.safetensors",
              safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} )", data));
  const io::Array array = io::read_safetensors(folder / "odd.safetensors").tensors.at("a");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.bytes.data()) % 4, 0u);
  EXPECT_EQ(io::to_float(array)[0], 2.5f);
}

TEST(Weights, HalvesAreWidenedExactly) {
  const std::uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000};
  io::Array array{io::ElementType::kF16, {5}, std::as_bytes(std::span<const std::uint16_t>(halves)), nullptr};
  EXPECT_THAT(io::to_float(array), testing::ElementsAre(1.f, -2.f, 5.9604644775390625e-08f, 65504.f, 0.f));
}

TEST(Weights, WhatIsNoWeightFileIsRefusedWithTheFormatsThatAre) {
  test::TemporaryFolder folder;
  write_bytes(folder / "text.pt", "just a text, nothing else");
  EXPECT_THAT(message_of([&] { io::read_weights(folder / "text.pt"); }, ErrorCode::kUnsupported),
              testing::AllOf(HasSubstr("text.pt"), HasSubstr("safetensors"), HasSubstr("ONNX")));
  write_bytes(folder / "empty.pt", "");
  message_of([&] { io::read_weights(folder / "empty.pt"); }, ErrorCode::kCorrupt);
  message_of([&] { io::read_weights(folder / "nothing.pt"); }, ErrorCode::kNotFound);
}

TEST(Pickle, ACallIsWrittenDownAndNeverMade) {
  // (os.system, ("touch ...",)) through REDUCE, protocol 2
  const std::string bytes = std::string("\x80\x02") + "cos\nsystem\n" +
                            "X\x05\x00\x00\x00"
                            "touch" +
                            "\x85R.";
  const std::string fixed = std::string(
      "\x80\x02"
      "cos\nsystem\n"
      "X\x05\0\0\0touch"
      "\x85R.",
      2 + 11 + 10 + 3);
  std::size_t position = 0;
  const auto node = io::read_pickle(std::as_bytes(std::span<const char>(fixed)), position);
  ASSERT_EQ(node->kind, io::PickleNode::Kind::kObject);
  EXPECT_EQ(node->items[0]->text, "os.system");
  EXPECT_EQ(node->items[1]->items[0]->text, "touch");
  EXPECT_EQ(position, fixed.size());
}

/// Found by fuzzing: a list in itself was never freed.
TEST(Pickle, AListInItselfIsFreed) {
  const std::string text("]q\0h\0a.", 7);
  std::size_t position = 0;
  io::PickleRef list = io::read_pickle(std::as_bytes(std::span<const char>(text)), position);
  ASSERT_EQ(list->items.size(), 1U);
  EXPECT_EQ(list->items[0].get(), list.get());
  const std::weak_ptr<io::PickleNode> inner = list->items[0];
  list.reset();
  EXPECT_TRUE(inner.expired());
}

TEST(Pickle, ListsAMillionDeepAreFreedWithoutAStackAsDeep) {
  constexpr std::size_t kDepth = 1'000'000;
  const std::string text = std::string(kDepth, ']') + std::string(kDepth - 1, 'a') + ".";
  std::size_t position = 0;
  EXPECT_EQ(io::read_pickle(std::as_bytes(std::span<const char>(text)), position)->items.size(), 1U);
}

TEST(Pickle, EveryTruncationAndEveryByteIsSurvived) {
  const std::string good("\x80\x02}q\x00X\x01\0\0\0aK\x05s.", 15);
  for (std::size_t size = 0; size < good.size(); ++size) {
    std::size_t position = 0;
    EXPECT_ANY_THROW(io::read_pickle(std::as_bytes(std::span<const char>(good.data(), size)), position));
  }
  for (std::size_t at = 0; at < good.size(); ++at)
    for (int value = 0; value < 256; ++value) {
      std::string changed = good;
      changed[at] = static_cast<char>(value);
      std::size_t position = 0;
      try {
        io::read_pickle(std::as_bytes(std::span<const char>(changed)), position);
      } catch (const std::exception&) {
      }
    }
}

TEST(TorchCheckpoint, ThePublishedAggregatorsLoadThoughTheyWereSavedOnAGpu) {
  FOVEA_NEEDS_SHARED("data/mil/checkpoints/c16_aggregator.pth");
  const io::WeightFile file = io::read_weights(test::shared_dir() / "data/mil/checkpoints/c16_aggregator.pth");
  EXPECT_EQ(file.format, "pytorch-zip");
  EXPECT_EQ(file.tensors.size(), 8u);
  EXPECT_THAT(file.tensors.at("b_classifier.q.0.weight").shape, testing::ElementsAre(128, 512));
  EXPECT_THAT(file.notices, testing::Contains(HasSubstr("cuda")));
}

TEST(TorchCheckpoint, EveryTruncationOfAPublishedFileIsRefused) {
  FOVEA_NEEDS_SHARED("data/mil/checkpoints/tcga_aggregator.pth");
  test::TemporaryFolder folder;
  const std::string whole = bytes_of(test::shared_dir() / "data/mil/checkpoints/tcga_aggregator.pth");
  for (std::size_t size = 1; size < whole.size(); size += whole.size() / 37) {
    write_bytes(folder / "cut.pth", whole.substr(0, size));
    EXPECT_THROW(io::read_weights(folder / "cut.pth"), Error) << size;
  }
}

TEST(TorchCheckpoint, ABareTensorHasTheEmptyName) {
  FOVEA_NEEDS_SHARED("data/mil/layouts/clam/pt_files/slide_000.pt");
  const io::WeightFile file = io::read_weights(test::shared_dir() / "data/mil/layouts/clam/pt_files/slide_000.pt");
  EXPECT_THAT(file.tensors.at("").shape, testing::ElementsAre(76, 64));
}

TEST(Keras, LayersKeepTheirNamesAndLayouts) {
  FOVEA_NEEDS_SHARED("fixtures/segmentation/e2e_min_crop/model_keras_layout.h5");
  const io::WeightFile file =
      io::read_weights(test::shared_dir() / "fixtures/segmentation/e2e_min_crop/model_keras_layout.h5");
  EXPECT_EQ(file.format, "keras-hdf5");
  EXPECT_EQ(file.tensors.at("conv3d/kernel").shape.size(), 5u);
  EXPECT_TRUE(file.tensors.count("batch_normalization/moving_variance"));
}

TEST(Onnx, InitialisersAndTheNodesThatReadThemAreKept) {
  FOVEA_NEEDS_SHARED("fixtures/segmentation/e2e_min_crop/model/model.onnx");
  const fs::path path = test::shared_dir() / "fixtures/segmentation/e2e_min_crop/model/model.onnx";
  const io::WeightFile file = io::read_weights(path);
  EXPECT_EQ(file.format, "onnx");
  EXPECT_GT(file.tensors.size(), 50u);
  EXPECT_THAT(file.metadata.at("node_types"), HasSubstr("ConvTranspose"));
  test::TemporaryFolder folder;
  const std::string whole = bytes_of(path);
  for (std::size_t size = 1; size < whole.size(); size += whole.size() / 23) {
    write_bytes(folder / "cut.onnx", whole.substr(0, size));
    EXPECT_THROW(io::read_weights(folder / "cut.onnx"), Error) << size;
  }
}

}  // namespace
