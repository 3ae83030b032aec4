#include "train/process_group.h"

#define USE_C10D
#define USE_C10D_GLOO

#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "problems.h"
#include "progress.h"

namespace fovea::pipeline::train {
namespace {

using Clock = std::chrono::steady_clock;

std::string first_line(const std::exception& error) {
  const std::string words = error.what();
  return words.substr(0, words.find('\n'));
}

std::vector<std::uint8_t> bytes(const std::string& text) {
  return {text.begin(), text.end()};
}
std::string text_of(const std::vector<std::uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

Error did_not_meet(const Membership& membership, const std::string& problem) {
  return {ErrorCode::kUsage, "rank " + std::to_string(membership.rank) + " of " + std::to_string(membership.count),
          problem, "Check that all processes were started, and that MASTER_ADDR and MASTER_PORT can be reached."};
}

bool keeps_store(const Membership& membership) {
  return membership.kept_by_launcher.empty() && membership.rank == 0;
}

c10::intrusive_ptr<c10d::Store> store_of(const Membership& membership, std::chrono::seconds patience) {
  const bool keeps = keeps_store(membership);
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(membership.port);
  options.isServer = keeps;
  options.waitWorkers = false;  // its wait could neither be interrupted nor say who is missing
  options.timeout = patience;
  c10::intrusive_ptr<c10d::Store> store;
  try {
    store = c10::make_intrusive<c10d::TCPStore>(membership.address, options);
  } catch (const std::exception& error) {
    const std::string words = first_line(error), port = std::to_string(membership.port);
    if (keeps && words.find("EADDRINUSE") != std::string::npos)
      throw Error(ErrorCode::kUsage, "rank 0 of " + std::to_string(membership.count),
                  "port " + port + " is in use on this machine", "Give all processes another MASTER_PORT.");
    throw did_not_meet(membership, "rank 0 cannot be reached at " + membership.address + ", port " + port);
  }
  if (membership.kept_by_launcher.empty()) return store;
  return c10::make_intrusive<c10d::PrefixStore>(membership.kept_by_launcher, std::move(store));
}

/// Says that this process is there, and waits for the others.
class Meeting {
 public:
  Meeting(c10d::Store& store, const Membership& membership) : store_(store), membership_(membership) {}

  void wait(std::chrono::seconds patience, const std::stop_token& stop) {
    const std::string count = std::to_string(membership_.count);
    const std::string first_count = text_of(store_.compareSet("count", {}, bytes(count)));
    if (first_count != count)
      refuse("the processes do not agree on how many they are: WORLD_SIZE is " + first_count + " and " + count);
    if (store_.add(here(membership_.rank), 1) > 1)
      refuse("two processes were started as rank " + std::to_string(membership_.rank));
    store_.add(kHere, 1);
    const Clock::time_point end = Clock::now() + patience;
    for (;;) {
      throw_if_stopped(stop);
      if (store_.check({kProblem})) leave(text_of(store_.get(kProblem)));
      if (store_.add(kHere, 0) == membership_.count) return;
      if (Clock::now() > end)
        leave("after " + std::to_string(patience.count()) + " seconds these ranks are still missing: " + missing());
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

 private:
  static constexpr const char *kHere = "here", *kProblem = "problem";
  static std::string here(std::int64_t rank) { return "here_" + std::to_string(rank); }

  std::string missing() {
    std::vector<std::string> missing;
    for (std::int64_t rank = 0; rank < membership_.count; ++rank)
      if (!store_.check({here(rank)})) missing.push_back(std::to_string(rank));
    return joined(missing, ", ");
  }
  [[noreturn]] void refuse(const std::string& problem) {
    store_.set(kProblem, bytes(problem));
    leave(problem);
  }
  /// The others hear of it as long as the store is there.
  [[noreturn]] void leave(const std::string& problem) {
    if (keeps_store(membership_)) std::this_thread::sleep_for(std::chrono::seconds(2));
    throw did_not_meet(membership_, problem);
  }

  c10d::Store& store_;
  const Membership& membership_;
};

c10::intrusive_ptr<c10d::ProcessGroupGloo::Options> gloo_options(std::chrono::seconds patience) {
  const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
  if (!interface || !*interface) return c10d::ProcessGroupGloo::Options::create_default(patience);
  auto options = c10d::ProcessGroupGloo::Options::create(patience);
  options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(interface, false));
  return options;
}

}  // namespace

class ProcessGroup::Link {
 public:
  Link(const Membership& membership, const Patience& patience, const std::stop_token& stop) {
    store_ = store_of(membership, patience.start);
    Meeting(*store_, membership).wait(patience.start, stop);
    gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, static_cast<int>(membership.rank),
                                                       static_cast<int>(membership.count), gloo_options(patience.step));
  }

 private:
  c10::intrusive_ptr<c10d::Store> store_;  ///< rank 0's serves the others as long as it is there

 public:
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

ProcessGroup::ProcessGroup(const Membership& membership, const std::stop_token& stop, Patience patience)
    : membership_(membership), patience_(patience) {
  try {
    link_ = std::make_unique<Link>(membership, patience, stop);
    sum({1});  // connections are made, or not, before anything else is
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw did_not_meet(membership, "the processes of the training did not find each other (" + first_line(error) + ")");
  }
}
ProcessGroup::~ProcessGroup() = default;

std::string ProcessGroup::name() const {
  return "rank " + std::to_string(rank()) + " of " + std::to_string(count());
}

void ProcessGroup::sum_in_place(at::Tensor& values, std::chrono::seconds patience) {
  try {
    std::vector<at::Tensor> tensors{values};
    c10d::AllreduceOptions options;
    options.timeout = patience;
    link_->gloo->allreduce(tensors, options)->wait();
  } catch (const std::exception&) {
    throw PeerLost(ErrorCode::kDevice, name(),
                   "another process of this training has ended, was stopped or cannot be reached",
                   "Start all of them again: the training goes on from the checkpoint in the run folder.");
  }
}

void ProcessGroup::sum_gradients(const std::vector<at::Tensor>& parameters) {
  if (parameters.empty()) return;
  std::vector<double> small{mine_.sum, static_cast<double>(mine_.count)};
  for (const at::Tensor& parameter : parameters) small.push_back(parameter.grad().defined() ? 1 : 0);
  at::Tensor counts = at::tensor(small, at::TensorOptions(at::kDouble));
  sum_in_place(counts, patience_.step);
  const double* count = counts.const_data_ptr<double>();
  std::vector<at::Tensor> present, parts;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (count[2 + i] == 0) continue;
    const at::Tensor& gradient = parameters[i].grad();
    present.push_back(parameters[i]);
    parts.push_back(gradient.defined() ? gradient.detach().to(at::kCPU).reshape(-1)
                                       : at::zeros({parameters[i].numel()}, parameters[i].options().device(at::kCPU)));
  }
  if (!parts.empty()) {
    at::Tensor all = at::cat(parts);
    sum_in_place(all, patience_.step);
    std::int64_t at = 0;
    for (const at::Tensor& parameter : present) {
      parameter.mutable_grad() = all.narrow(0, at, parameter.numel()).reshape(parameter.sizes()).to(parameter.device());
      at += parameter.numel();
    }
  }
  all_.sum += count[0], all_.count += static_cast<std::int64_t>(count[1]);
  mine_ = {};
}

void ProcessGroup::average(const std::vector<at::Tensor>& values) {
  if (values.empty()) return;
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> parts;
  for (const at::Tensor& value : values) parts.push_back(value.detach().reshape(-1).to(at::kCPU, at::kDouble));
  at::Tensor all = at::cat(parts);
  sum_in_place(all, patience_.step);
  all.div_(static_cast<double>(count()));
  std::int64_t at = 0;
  for (const at::Tensor& value : values) {
    value.copy_(all.narrow(0, at, value.numel()).reshape(value.sizes()));
    at += value.numel();
  }
}

std::vector<double> ProcessGroup::sum(const std::vector<double>& values) {
  at::Tensor all = at::tensor(values, at::TensorOptions(at::kDouble));
  sum_in_place(all, patience_.first);
  return {all.const_data_ptr<double>(), all.const_data_ptr<double>() + all.numel()};
}

std::string ProcessGroup::of_first(const std::string& text) {
  return of_all(first() ? text : "").front();
}

/// Sums in which every place belongs to one rank and is zero in the others.
std::vector<std::string> ProcessGroup::of_all(const std::string& text) {
  std::vector<double> sizes(static_cast<std::size_t>(count()), 0);
  sizes[static_cast<std::size_t>(rank())] = static_cast<double>(text.size());
  sizes = sum(sizes);
  double before = 0, whole = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) (i < static_cast<std::size_t>(rank()) ? before : whole) += sizes[i];
  whole += before;
  at::Tensor letters = at::zeros({static_cast<std::int64_t>(whole) + 1}, at::TensorOptions(at::kByte));
  if (!text.empty())
    std::memcpy(static_cast<char*>(letters.data_ptr()) + static_cast<std::size_t>(before), text.data(), text.size());
  sum_in_place(letters, patience_.first);
  std::vector<std::string> texts;
  const auto* at = static_cast<const char*>(letters.const_data_ptr());
  for (const double size : sizes) {
    texts.emplace_back(at, static_cast<std::size_t>(size));
    at += static_cast<std::size_t>(size);
  }
  return texts;
}

void ProcessGroup::copy_from_first(const models::StateDict& state) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : state) {
    const at::Tensor flat = tensor.detach().to(at::kCPU).contiguous().reshape(-1);
    at::Tensor raw = flat.view(at::kByte).clone();
    if (!first()) raw.zero_();
    sum_in_place(raw, patience_.first);
    if (!first()) tensor.detach().copy_(raw.view(flat.scalar_type()).reshape(tensor.sizes()));
  }
}

}  // namespace fovea::pipeline::train
