#include "pacs/inbox.h"

#include <algorithm>
#include <cstdio>
#include <system_error>

#include <dcmtk/dcmdata/dcostrma.h>
#include <dcmtk/dcmdata/dcostrmf.h>
#include <dcmtk/dcmdata/dctk.h>

#include <fovea/io/atomic_file.h>

#include "pacs/object_header.h"

namespace fovea::io::pacs {
namespace {

namespace fs = std::filesystem;

/// Passes bytes on until there are too many.
class BoundedConsumer : public DcmConsumer {
 public:
  BoundedConsumer(DcmOutputStream& next, std::int64_t most) : next_(next), left_(most) {}
  OFBool good() const override { return !passed_ && next_.good(); }
  OFCondition status() const override { return passed_ ? EC_StreamNotifyClient : next_.status(); }
  OFBool isFlushed() const override { return next_.isFlushed(); }
  offile_off_t avail() const override { return next_.avail(); }
  offile_off_t write(const void* bytes, offile_off_t count) override {
    left_ -= count;
    if (left_ < 0) passed_ = true;
    if (passed_) return 0;
    const offile_off_t written = next_.write(bytes, count);
    bytes_ += written;
    if (written < count) failed_ = true;
    return written;
  }
  void flush() override { next_.flush(); }
  bool passed() const { return passed_; }
  bool failed() const { return failed_ || !next_.good(); }
  std::int64_t bytes() const { return bytes_; }

 private:
  DcmOutputStream& next_;
  std::int64_t left_, bytes_ = 0;
  bool passed_ = false, failed_ = false;
};

class BoundedStream : public DcmOutputStream {
 public:
  explicit BoundedStream(BoundedConsumer& consumer) : DcmOutputStream(&consumer) {}
};

[[noreturn]] void limit_passed(const char* which) {
  throw Error(ErrorCode::kOutOfMemory, "received object", std::string("it passes the limit of ") + which,
              "Raise the limit if this is what you expect.");
}

/// What the header says; Error(kCorrupt) when it contradicts the request.
ReceivedObject described(const fs::path& file, const T_DIMSE_C_StoreRQ& request) {
  ReceivedObject object = object_header(file);
  if (object.sop_instance_uid.empty() || object.sop_class_uid != request.AffectedSOPClassUID ||
      object.sop_instance_uid != request.AffectedSOPInstanceUID)
    throw Error(ErrorCode::kCorrupt, "received object", "its header is not that of the object announced",
                "Look at the sender.");
  return object;
}

}  // namespace

std::int64_t Inbox::room() const {
  if (objects_ >= limits_.max_objects) limit_passed("objects");
  std::error_code ignored;
  const auto space = fs::space(folder_, ignored);
  const auto available = static_cast<std::int64_t>(std::min<std::uintmax_t>(space.available, INT64_MAX));
  if (!ignored && available < limits_.min_free_bytes) limit_passed("space that is to stay free on the disk");
  return std::min(limits_.max_object_bytes, limits_.max_total_bytes - bytes_);
}

ReceivedObject Inbox::receive(T_ASC_Association* association, T_ASC_PresentationContextID context,
                              const T_DIMSE_C_StoreRQ& request, int timeout_s) {
  const std::int64_t most = room();
  AtomicFile file(folder_ / (pseudonym(request.AffectedSOPInstanceUID, 32) + ".dcm"));
  DcmOutputFileStream* made = nullptr;
  if (DIMSE_createFilestream(file.temporary().c_str(), &request, association, context, 1, &made).bad())
    throw Error(ErrorCode::kWriteFailed, folder_.filename().string(), "the object cannot be written",
                "Check the disk and its permissions.");
  std::unique_ptr<DcmOutputFileStream> written(made);
  BoundedConsumer bounded(*written, most);
  {
    BoundedStream stream(bounded);
    T_ASC_PresentationContextID received = context;
    const OFCondition condition =
        DIMSE_receiveDataSetInFile(association, DIMSE_NONBLOCKING, timeout_s, &received, &stream, nullptr, nullptr);
    if (bounded.passed()) limit_passed("size");
    if (bounded.failed())
      throw Error(ErrorCode::kWriteFailed, folder_.filename().string(),
                  "the object could not be written (is the disk full?)", "Free some space.");
    if (condition.bad() || received != context)
      throw Error(ErrorCode::kNotFound, "received object",
                  std::string("the connection failed while it arrived (") + condition.text() + ")", "Send it again.");
  }
  written.reset();  // closes
  ReceivedObject object = described(file.temporary(), request);
  file.commit();
  object.file = file.target();
  object.bytes = bounded.bytes();
  ++objects_, bytes_ += object.bytes;
  return object;
}

OFCondition answer_store(T_ASC_Association* association, T_ASC_PresentationContextID context,
                         const T_DIMSE_C_StoreRQ& request, DIC_US status) {
  T_DIMSE_C_StoreRSP response{};
  response.MessageIDBeingRespondedTo = request.MessageID;
  response.DimseStatus = status;
  response.DataSetType = DIMSE_DATASET_NULL;
  OFStandard::strlcpy(response.AffectedSOPClassUID, request.AffectedSOPClassUID, sizeof(DIC_UI));
  OFStandard::strlcpy(response.AffectedSOPInstanceUID, request.AffectedSOPInstanceUID, sizeof(DIC_UI));
  response.opts = O_STORE_AFFECTEDSOPCLASSUID | O_STORE_AFFECTEDSOPINSTANCEUID;
  return DIMSE_sendStoreResponse(association, context, &request, &response, nullptr);
}

}  // namespace fovea::io::pacs
