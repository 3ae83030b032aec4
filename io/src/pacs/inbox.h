// Objects that arrive by C-STORE, over whichever association: bounded while they grow, whole and synchronised when
// seen.
#pragma once

#include <filesystem>

#include "pacs/association.h"

namespace fovea::io::pacs {

/// The budget of one association or retrieval.
class Inbox {
 public:
  Inbox(std::filesystem::path folder, const PacsLimits& limits) : folder_(std::move(folder)), limits_(limits) {}

  /// Receives the data set of `request` into the folder; its name is a hash of the instance. Error(kNotFound) when the
  /// connection fails, kOutOfMemory at a limit, kWriteFailed; after these the association is to be aborted. kCorrupt
  /// when the object is not what the request says: read to its end, to be refused.
  ReceivedObject receive(T_ASC_Association* association, T_ASC_PresentationContextID context,
                         const T_DIMSE_C_StoreRQ& request, int timeout_s);
  std::int64_t objects() const { return objects_; }
  std::int64_t bytes() const { return bytes_; }

 private:
  std::int64_t room() const;
  std::filesystem::path folder_;
  PacsLimits limits_;
  std::int64_t objects_ = 0, bytes_ = 0;
};

OFCondition answer_store(T_ASC_Association* association, T_ASC_PresentationContextID context,
                         const T_DIMSE_C_StoreRQ& request, DIC_US status);

}  // namespace fovea::io::pacs
