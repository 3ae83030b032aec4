// The contract of a slide reader, and the ordered table of open_slide.cc.
#pragma once

#include <memory>
#include <string>

#include <fovea/io/slide.h>

namespace fovea::io {

/// A reader opens the file, or says in a few words why it is not its own ("no format that OpenSlide knows"). A file
/// that is its own but damaged throws.
struct SlideReader {
  std::string name;
  std::unique_ptr<Slide> (*open)(const std::filesystem::path& path, const SlideOptions& options, std::string& reason);
};

std::unique_ptr<Slide> open_with_openslide(const std::filesystem::path& path, const SlideOptions& options,
                                           std::string& reason);
std::unique_ptr<Slide> open_plain_image(const std::filesystem::path& path, const SlideOptions& options,
                                        std::string& reason);

/// open_slide in a helper process; what kills the helper is Error(kCorrupt) here, and the next read gets a new one.
std::unique_ptr<Slide> open_isolated(const std::filesystem::path& path, const SlideOptions& options);

/// Fills `scale` by the rules of wsi.md 1.3 from named properties; the user's value wins. `tried` collects what was
/// looked at.
void find_scale(const std::map<std::string, std::string>& properties, const SlideOptions& options, SlideInfo& info);

/// SHA-256 of size and of the first and last MiB: identity where the file has no quick hash.
std::string identity_of(const std::filesystem::path& path);

}  // namespace fovea::io
