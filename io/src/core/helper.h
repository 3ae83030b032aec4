// The helper program that decodes for this process (fovea-slide-reader): how it is found, started and buried.
#pragma once

#include <filesystem>
#include <string>

#include <sys/types.h>

namespace fovea::io {

/// File descriptors that a helper finds open.
constexpr int kHelperSocket = 3, kHelperMemory = 4;

/// Two ends of a socket and a memory file, all closed on exec. Error(kInternal) when there are too many.
struct HelperEnds {
  int ours, theirs, memory;
};
HelperEnds make_helper_ends();

/// `role`: what it is to read ("slide", "volume"). Error(kNotFound) without the program.
pid_t start_helper(const char* role, const HelperEnds& ends);

/// Waits for a child whose socket closed and that is on its way out; one that hangs, or is `alive` as far as we know,
/// is killed. Returns its status.
int end_helper(pid_t child, bool alive);
/// "crashed with signal 11", a clause after "the decoder".
std::string helper_end_words(int status);

}  // namespace fovea::io
