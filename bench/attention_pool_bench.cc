// Gated attention pooling of one bag: native (fixed splits) against the plain composition that people write in Python,
// same run, same threads. D = 512, H = 128, K = 5 as in ACMIL with a 1024-wide encoder.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include <fovea/models/attention.h>

namespace {

using namespace fovea::attention;

GateWeights weights() {
  at::manual_seed(1);
  return {at::randn({128, 512}) / 20, at::randn({128}),    at::randn({128, 512}) / 20,
          at::randn({128}),           at::randn({5, 128}), at::randn({5})};
}

void run(benchmark::State& state, Backend which) {
  const at::NoGradGuard no_grad;
  set_backend(which);
  const auto w = weights();
  const auto x = at::randn({state.range(0), 512});
  for (auto _ : state) benchmark::DoNotOptimize(gated_pool(x, w).z.data_ptr());
  state.SetItemsProcessed(state.iterations() * state.range(0));
  set_backend(Backend::kAuto);
}

void Native(benchmark::State& state) {
  run(state, Backend::kCpu);
}
void PlainComposition(benchmark::State& state) {
  run(state, Backend::kReference);
}

}  // namespace

BENCHMARK(Native)->Arg(1000)->Arg(10000)->Arg(100000)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(PlainComposition)->Arg(1000)->Arg(10000)->Arg(100000)->UseRealTime()->Unit(benchmark::kMillisecond);
