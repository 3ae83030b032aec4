// A pickle reader that understands data and executes nothing.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::io {

struct PickleNode;
using PickleRef = std::shared_ptr<PickleNode>;

/// One value of a pickle. Objects of unknown classes are kept as what they are: a name and the arguments, never called.
struct PickleNode {
  enum class Kind {
    kNone,
    kBool,
    kInt,
    kFloat,
    kText,
    kBytes,
    kTuple,
    kList,
    kDict,
    kGlobal,
    kObject,
    kPersistent,
    kMark
  };
  Kind kind = Kind::kNone;
  std::int64_t integer = 0;
  double number = 0;
  std::string text;                                      ///< text, bytes, or "module.name" of a global
  std::vector<PickleRef> items;                          ///< tuple, list; object: callable then arguments
  std::vector<std::pair<PickleRef, PickleRef>> entries;  ///< dict, and dictionary state of an object
  PickleRef state;                                       ///< what BUILD attached
};

/// Reads one pickle from `bytes` starting at `position`, which is moved behind its STOP. Throws std::runtime_error with
/// the reason. What is returned owns all values: they are taken apart when the last copy of it goes.
PickleRef read_pickle(std::span<const std::byte> bytes, std::size_t& position);

}  // namespace fovea::io
