// The layer's loops really are shared among threads: the tests of equal bits would pass without that as well.
#include <mutex>
#include <set>
#include <thread>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <fovea/models/attention.h>

namespace {

using namespace fovea::attention;

TEST(Threads, SplitsOfABagRunOnAsManyAsAllowed) {
  const GateWeights w{at::randn({4, 8}), at::zeros({4}), {}, {}, at::randn({1, 4}), at::zeros({1})};
  const at::Tensor x = at::randn({16 * kSplit, 8});
  std::mutex lock;
  const auto threads_of = [&](int allowed) {
    std::set<std::thread::id> seen;
    const int before = at::get_num_threads();
    at::set_num_threads(allowed);
    auto stream = make_gated_pool_stream(w, [&](const at::Tensor& rows) {
      const std::lock_guard guard(lock);
      seen.insert(std::this_thread::get_id());
      return rows;
    });
    stream->push(x);
    stream->finish();
    at::set_num_threads(before);
    return seen.size();
  };
  EXPECT_EQ(threads_of(1), 1U);
  EXPECT_EQ(threads_of(2), 2U);
}

}  // namespace
