#include <fovea/models/replicas.h>

namespace fovea::models {
namespace {

thread_local Replicas* now = nullptr;

}  // namespace

TrainTogether::TrainTogether(Replicas* replicas) : before_(now) {
  now = replicas;
}
TrainTogether::~TrainTogether() {
  now = before_;
}
Replicas* TrainTogether::current() {
  return now;
}

}  // namespace fovea::models
