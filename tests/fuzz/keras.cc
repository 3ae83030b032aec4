#include <hdf5.h>

#include <fovea/io/weights.h>

#include "target.h"

std::vector<std::string> fovea::fuzz::seeds() {
  return {file_bytes([](const auto& path) {
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    const hsize_t extent[2] = {2, 3};
    const float values[6] = {1, 2, 3, 4, 5, 6};
    const hid_t space = H5Screate_simple(2, extent, nullptr);
    for (const char* name : {"model_weights/conv/conv/kernel:0", "model_weights/conv/conv/bias:0"}) {
      const hid_t set = H5Dcreate2(file, name, H5T_NATIVE_FLOAT, space, links, H5P_DEFAULT, H5P_DEFAULT);
      H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
      H5Dclose(set);
    }
    H5Sclose(space), H5Pclose(links), H5Fclose(file);
  })};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fovea::fuzz::as_file(data, size, [](const auto& path) { fovea::io::read_keras_hdf5(path); });
  return 0;
}
