// The one error type of Fovea. `io` and `models` know nothing of each other; this header is what they share.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace fovea {

enum class ErrorCode {
  kUsage,         ///< a request that cannot be carried out as asked (missing option, contradiction)
  kNotFound,      ///< a file, model, tensor or series is not there
  kUnsupported,   ///< understood but not handled (mosaic DICOM, 4-D volume, unknown format)
  kCorrupt,       ///< the bytes contradict their own format (truncated, overlapping, impossible)
  kShape,         ///< sizes that do not fit each other (bag width and model, missing or mis-shaped weights)
  kNoTissue,      ///< a readable slide or volume in which nothing is to be analysed
  kMissingScale,  ///< micrometres per pixel or voxel spacing unknown
  kDevice,        ///< the compute device is absent or failed
  kOutOfMemory,   ///< memory bound exceeded; raised before allocation where it can be foreseen
  kWriteFailed,   ///< output could not be written (full disk, no permission); nothing partial is left
  kCancelled,     ///< the user stopped the job
  kInternal,      ///< a broken invariant of ours
};

constexpr std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage: return "usage";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kCorrupt: return "corrupt";
    case ErrorCode::kShape: return "shape";
    case ErrorCode::kNoTissue: return "no_tissue";
    case ErrorCode::kMissingScale: return "missing_scale";
    case ErrorCode::kDevice: return "device";
    case ErrorCode::kOutOfMemory: return "out_of_memory";
    case ErrorCode::kWriteFailed: return "write_failed";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kInternal: return "internal";
  }
  return "internal";
}

/// One clear sentence for the user: `subject: problem. remedy`.
/// `subject` names the file or layer concerned, `problem` says what is wrong with it (no full stop at the end),
/// `remedy` says what to do next (a full sentence, may be empty only for cancelled and internal).
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string subject, std::string problem, std::string remedy = {})
      : std::runtime_error(subject + (subject.empty() ? "" : ": ") + problem + (remedy.empty() ? "." : ". " + remedy)),
        code_(code),
        subject_(std::move(subject)),
        problem_(std::move(problem)),
        remedy_(std::move(remedy)) {}

  ErrorCode code() const noexcept { return code_; }
  const std::string& subject() const noexcept { return subject_; }
  const std::string& problem() const noexcept { return problem_; }
  const std::string& remedy() const noexcept { return remedy_; }

 private:
  ErrorCode code_;
  std::string subject_, problem_, remedy_;
};

}  // namespace fovea
