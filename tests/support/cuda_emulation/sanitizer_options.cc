// LibTorch's global state outlives main and would be reported as leaks.
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0";
}
