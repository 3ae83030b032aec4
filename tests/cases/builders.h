// One builder for each kind of bad input; case.json names it.
#pragma once

#include <cmath>
#include <utility>

#include "inputs.h"

namespace fovea::test {

/// Fills the input folder of a case.
using Builder = std::function<void(const fs::path& in)>;

/// Bytes 40 % to 70 % of the file replaced, so that headers survive and pixels do not.
inline void damage_pixels(const fs::path& from, const fs::path& to) {
  std::string bytes = read_bytes(from);
  const std::size_t begin = bytes.size() * 2 / 5, end = bytes.size() * 7 / 10;
  for (std::size_t i = begin; i < end; ++i) bytes[i] = static_cast<char>(i * 31 + 7);
  write_bytes(to, bytes);
}

inline void add_volume_builders(std::map<std::string, Builder>& all) {
  const auto scan = [](const std::string& bytes) {
    return [bytes](const fs::path& in) {
      good_network(in / "network.safetensors");
      write_bytes(in / "scan.nii", bytes);
    };
  };
  std::vector<float> with_nan = ball(16);
  with_nan[5] = with_nan[9] = std::nanf("");
  all["scan"] = scan(nifti({16, 16, 16}, ball(16)));
  all["truncated-scan"] = scan(nifti({16, 16, 16}, ball(16)).substr(0, 3000));
  all["empty-scan"] = scan("");
  all["text-scan"] = scan("this is not a volume, it is a sentence of some length, repeated. this is not a volume.\n");
  all["flat-scan"] = scan(nifti({16, 16}, std::vector<float>(256, 3.0f)));
  all["time-series"] = scan(nifti({16, 16, 16, 3}, ball(16, 3)));
  all["scan-with-nan"] = scan(nifti({16, 16, 16}, with_nan));
  all["constant-scan"] = scan(nifti({16, 16, 16}, std::vector<float>(4096, 7.0f)));
  std::vector<float> labels;
  for (const float v : ball(16)) labels.push_back(v > 50 ? 2.0f : 0.0f);
  all["label-map"] = scan(nifti({16, 16, 16}, labels));
  all["header-of-many-gigabytes"] = scan(nifti({4000, 4000, 4000}, ball(16)));
  const auto two = [](const std::string& modalities, double first, double second) {
    return [=](const fs::path& in) {
      network_with(in / "network.safetensors", 2, "\"modalities\":\"" + modalities + "\"");
      for (const auto& [name, scale] : {std::pair{"first.nii", first}, std::pair{"second.nii", second}}) {
        std::vector<float> values = ball(16);
        for (float& v : values) v = static_cast<float>(v * scale);
        write_bytes(in / name, nifti({16, 16, 16}, values));
      }
    };
  };
  all["two-modalities"] = two("swan,flair", 1, 2);
  all["diffusion"] = two("dwi,adc", 1, 8);
  const auto brain = [labels](double value) {
    return [=](const fs::path& in) {
      network_with(in / "network.safetensors", 1, R"("background_cropping":"brain_clip")");
      good_volume(in / "scan.nii");
      std::vector<float> mask;
      for (const float v : labels) mask.push_back(static_cast<float>(v * value));
      write_bytes(in / "mask.nii", nifti({16, 16, 16}, mask));
    };
  };
  all["empty-brain-mask"] = brain(0);
  all["fractions-as-brain-mask"] = brain(0.3);
  all["small-brain-mask"] = [brain](const fs::path& in) {
    brain(1)(in);
    write_bytes(in / "mask.nii", nifti({8, 8, 8}, std::vector<float>(512, 1.0f)));
  };
  all["mosaic"] = [](const fs::path& in) {
    good_network(in / "network.safetensors");
    fs::copy_file(shared_dir() / "data/mri/dicom-odd/siemens-mosaic-explicit-le.dcm", in / "mosaic.dcm");
  };
  all["series-with-a-gap"] = [](const fs::path& in) {
    good_network(in / "network.safetensors");
    fs::create_directory(in / "series");
    const auto slices = t1_slices(14);
    for (std::size_t i = 0; i < slices.size(); ++i)
      if (i != 6 && i != 7) fs::copy_file(slices[i], in / "series" / slices[i].filename());
  };
  all["series-with-a-twin"] = [](const fs::path& in) {
    good_network(in / "network.safetensors");
    fs::create_directory(in / "series");
    const auto slices = t1_slices(12);
    for (const auto& slice : slices) fs::copy_file(slice, in / "series" / slice.filename());
    // The same position with other pixels: nobody can know which is right.
    std::string twin = read_bytes(slices[5]);
    for (std::size_t i = twin.size() - 4000; i < twin.size() - 2000; ++i) twin[i] = static_cast<char>(i % 100);
    write_bytes(in / "series/twin.dcm", twin);
  };
}

inline void add_weight_builders(std::map<std::string, Builder>& all) {
  const auto model = [](std::function<void(Tensors&)> change) {
    return [change](const fs::path& in) {
      Tensors tensors = abmil(8);
      change(tensors);
      write_model(in / "weights.safetensors", tensors);
    };
  };
  all["weights"] = model([](Tensors&) {});
  all["broken-weights"] = model([](Tensors& t) {
    t.erase("classifier.fc.bias");
    t["classifier.fc.scale"] = filled({2}, 1);
    t["attention.attention_U.0.bias"] = filled({5}, 1);
  });
  all["foreign-weights"] = [](const fs::path& in) {
    write_model(in / "weights.safetensors", {{"encoder.layer.0.query", filled({4, 4}, 1)}});
  };
  all["truncated-weights"] = [](const fs::path& in) {
    write_model(in / "whole.safetensors", abmil(64, 64));
    truncate_copy(in / "whole.safetensors", in / "weights.safetensors", 0.6);
  };
  all["lying-header"] = [](const fs::path& in) {
    write_bytes(in / "weights.safetensors", std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10));
  };
  all["empty-weights"] = [](const fs::path& in) { write_bytes(in / "weights.safetensors", ""); };
  all["truncated-checkpoint"] = [](const fs::path& in) {
    truncate_copy(shared_dir() / "data/mil/checkpoints/c16_aggregator.pth", in / "weights.pth", 0.5);
  };
  all["large-weights"] = [](const fs::path& in) { write_model(in / "weights.safetensors", abmil(1024, 512)); };
}

inline void add_slide_builders(std::map<std::string, Builder>& all) {
  const auto with_model = [](std::function<void(const fs::path&)> slide) {
    return [slide](const fs::path& in) {
      write_model(in / "model.safetensors", abmil(1280), {{"fovea.encoder", "efficientnet_lite0"}});
      slide(in);
    };
  };
  all["slide"] = with_model([](const fs::path& in) { picture(in / "slide.png", 1024, true); });
  all["blank-slide"] = with_model([](const fs::path& in) { picture(in / "slide.png", 512, false); });
  all["empty-slide"] = with_model([](const fs::path& in) { write_bytes(in / "slide.svs", ""); });
  all["text-slide"] = with_model([](const fs::path& in) { write_bytes(in / "slide.svs", std::string(3000, 'x')); });
  all["truncated-slide"] = with_model([](const fs::path& in) {
    truncate_copy(shared_dir() / "data/wsi/CMU-1-Small-Region.svs", in / "slide.svs", 0.5);
  });
  all["damaged-slide"] = with_model(
      [](const fs::path& in) { damage_pixels(shared_dir() / "data/wsi/CMU-1-Small-Region.svs", in / "slide.svs"); });
  all["bag"] = [](const fs::path& in) {
    write_model(in / "model.safetensors", abmil(8));
    write_bag(in / "bag.safetensors", 20'000, 8);
  };
  all["narrow-bag"] = [](const fs::path& in) {
    write_model(in / "model.safetensors", abmil(8));
    write_bag(in / "bag.safetensors", 5, 7);
  };
  all["bag-with-nan"] = [](const fs::path& in) {
    write_model(in / "model.safetensors", abmil(8));
    std::vector<float> values(40, 0.5f);
    values[13] = std::nanf("");
    write_model(in / "bag.safetensors", {{"features", io::make_array<float>(values, {5, 8})}});
  };
  const auto with_list = [](std::string text) {
    return [text](const fs::path& in) {
      picture(in / "slide.png", 1024, true);
      write_bytes(in / "slides.csv", text);
    };
  };
  all["slide-list"] = with_list("slide_id,path,mpp\n007,slide.png,0.5\n");
  all["slide-list-of-other-columns"] = with_list("name,file\na,slide.png\n");
  all["slide-list-without-rows"] = with_list("slide_id,path\n");
  all["empty-bag"] = [](const fs::path& in) {
    write_model(in / "model.safetensors", abmil(8));
    write_bag(in / "bag.safetensors", 0, 8);
  };
  all["truncated-bag"] = [](const fs::path& in) {
    write_model(in / "model.safetensors", abmil(8));
    write_bag(in / "whole.safetensors", 200, 8);
    truncate_copy(in / "whole.safetensors", in / "bag.safetensors", 0.5);
  };
}

inline const std::map<std::string, Builder>& builders() {
  static const std::map<std::string, Builder> all = [] {
    std::map<std::string, Builder> made;
    add_volume_builders(made);
    add_weight_builders(made);
    add_slide_builders(made);
    made["nothing"] = [](const fs::path&) {};
    return made;
  }();
  return all;
}

}  // namespace fovea::test
