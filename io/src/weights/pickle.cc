#include "weights/pickle.h"

#include <cstring>
#include <stdexcept>

namespace fovea::io {
namespace {

using Kind = PickleNode::Kind;
constexpr std::size_t kMaxNodes = 20'000'000;

/// Keeps every value and takes them apart one by one: a list may hold itself, or lists a million deep.
struct Values {
  std::vector<PickleRef> all;
  ~Values() {
    for (const PickleRef& node : all) node->items.clear(), node->entries.clear(), node->state.reset();
  }
};

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::size_t position) : bytes_(bytes), at_(position) {}

  PickleRef run() {
    while (true) {
      const auto op = static_cast<unsigned char>(take(1)[0]);
      if (op == '.') return {values_, pop().get()};
      step(op);
    }
  }
  std::size_t position() const { return at_; }

 private:
  std::string_view take(std::size_t count) {
    if (count > bytes_.size() - at_) throw std::runtime_error("the pickle is truncated");
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + at_, count);
    at_ += count;
    return text;
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string line() {
    std::string text;
    for (char c = take(1)[0]; c != '\n'; c = take(1)[0]) text += c;
    return text;
  }
  PickleRef make(Kind kind) {
    if (values_->all.size() >= kMaxNodes) throw std::runtime_error("the pickle has too many values");
    values_->all.push_back(std::make_shared<PickleNode>());
    values_->all.back()->kind = kind;
    return values_->all.back();
  }
  void push(PickleRef node) { stack_.push_back(std::move(node)); }
  PickleRef pop() {
    if (stack_.empty() || stack_.back()->kind == Kind::kMark) throw std::runtime_error("the pickle's stack is empty");
    PickleRef top = stack_.back();
    stack_.pop_back();
    return top;
  }
  PickleRef& top() {
    if (stack_.empty() || stack_.back()->kind == Kind::kMark) throw std::runtime_error("the pickle's stack is empty");
    return stack_.back();
  }
  std::vector<PickleRef> pop_to_mark() {
    std::vector<PickleRef> items;
    while (!stack_.empty() && stack_.back()->kind != Kind::kMark) {
      items.push_back(stack_.back());
      stack_.pop_back();
    }
    if (stack_.empty()) throw std::runtime_error("the pickle has no mark");
    stack_.pop_back();
    return {items.rbegin(), items.rend()};
  }
  void push_int(std::int64_t value, Kind kind = Kind::kInt) {
    auto node = make(kind);
    node->integer = value;
    push(node);
  }
  void push_text(std::string_view text, Kind kind = Kind::kText) {
    auto node = make(kind);
    node->text = text;
    push(node);
  }
  void push_items(std::vector<PickleRef> items, Kind kind) {
    auto node = make(kind);
    node->items = std::move(items);
    push(node);
  }
  void memoize(std::uint64_t index) { memo_[index] = top(); }
  void recall(std::uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) throw std::runtime_error("the pickle refers to a value it never stored");
    push(found->second);
  }
  /// Little-endian two's complement of up to eight bytes; longer integers are only ever magic numbers, kept as text.
  void push_long(std::size_t count) {
    const std::string_view raw = take(count);
    if (count > 8) return push_text(raw, Kind::kBytes);
    std::int64_t value = 0;
    for (std::size_t i = 0; i < count; ++i)
      value |= static_cast<std::int64_t>(static_cast<unsigned char>(raw[i])) << (8 * i);
    if (count > 0 && count < 8 && (raw[count - 1] & 0x80)) value -= std::int64_t{1} << (8 * count);
    push_int(value);
  }
  void append(const std::vector<PickleRef>& items) {
    auto& list = top();
    for (const PickleRef& item : items) list->items.push_back(item);
  }
  void set_items(const std::vector<PickleRef>& items) {
    if (items.size() % 2) throw std::runtime_error("the pickle has a key without a value");
    auto& dict = top();
    for (std::size_t i = 0; i < items.size(); i += 2) dict->entries.emplace_back(items[i], items[i + 1]);
  }
  /// A call is only written down, except the one that makes an ordered dictionary.
  void reduce() {
    PickleRef arguments = pop(), callable = pop();
    if (callable->kind == Kind::kGlobal && callable->text == "collections.OrderedDict") {
      push(make(Kind::kDict));
      if (!arguments->items.empty())
        for (const PickleRef& pair : arguments->items[0]->items)
          if (pair->items.size() == 2) top()->entries.emplace_back(pair->items[0], pair->items[1]);
      return;
    }
    push_items({callable, arguments}, Kind::kObject);
  }
  void build() {
    PickleRef state = pop();
    top()->state = state;
  }
  void stack_global() {
    PickleRef name = pop(), module = pop();
    push_text(module->text + "." + name->text, Kind::kGlobal);
  }
  void global() {
    const std::string module = line();
    push_text(module + "." + line(), Kind::kGlobal);
  }
  void persistent() {
    auto node = make(Kind::kPersistent);
    node->items.push_back(pop());
    push(node);
  }
  void step(unsigned char op);

  std::span<const std::byte> bytes_;
  std::size_t at_;
  std::shared_ptr<Values> values_ = std::make_shared<Values>();
  std::vector<PickleRef> stack_;
  std::map<std::uint64_t, PickleRef> memo_;
};

void Reader::step(unsigned char op) {
  switch (op) {
    case 0x80: take(1); break;  // PROTO
    case 0x95: take(8); break;  // FRAME
    case '(': push(make(Kind::kMark)); break;
    case 'N': push(make(Kind::kNone)); break;
    case 0x88: push_int(1, Kind::kBool); break;
    case 0x89: push_int(0, Kind::kBool); break;
    case 'J': push_int(number<std::int32_t>()); break;
    case 'K': push_int(number<std::uint8_t>()); break;
    case 'M': push_int(number<std::uint16_t>()); break;
    case 0x8a: push_long(number<std::uint8_t>()); break;
    case 0x8b: push_long(number<std::uint32_t>()); break;
    case 'I': push_int(std::strtoll(line().c_str(), nullptr, 10)); break;
    case 'L': push_int(std::strtoll(line().c_str(), nullptr, 10)); break;
    case 'G': {  // BINFLOAT: big-endian
      std::uint64_t bits = __builtin_bswap64(number<std::uint64_t>());
      auto node = make(Kind::kFloat);
      std::memcpy(&node->number, &bits, 8);
      push(node);
      break;
    }
    case 'X': push_text(take(number<std::uint32_t>())); break;
    case 0x8c: push_text(take(number<std::uint8_t>())); break;
    case 0x8d: push_text(take(number<std::uint64_t>())); break;
    case 'U': push_text(take(number<std::uint8_t>())); break;
    case 'T': push_text(take(number<std::uint32_t>())); break;
    case 'B': push_text(take(number<std::uint32_t>()), Kind::kBytes); break;
    case 'C': push_text(take(number<std::uint8_t>()), Kind::kBytes); break;
    case 0x8e: push_text(take(number<std::uint64_t>()), Kind::kBytes); break;
    case ')': push(make(Kind::kTuple)); break;
    case ']': push(make(Kind::kList)); break;
    case '}': push(make(Kind::kDict)); break;
    case 0x8f: push(make(Kind::kList)); break;  // EMPTY_SET
    case 't': push_items(pop_to_mark(), Kind::kTuple); break;
    case 'l': push_items(pop_to_mark(), Kind::kList); break;
    case 0x85: push_items({pop()}, Kind::kTuple); break;
    case 0x86: {
      PickleRef b = pop(), a = pop();
      push_items({a, b}, Kind::kTuple);
      break;
    }
    case 0x87: {
      PickleRef c = pop(), b = pop(), a = pop();
      push_items({a, b, c}, Kind::kTuple);
      break;
    }
    case 'a': append({pop()}); break;
    case 'e': append(pop_to_mark()); break;
    case 0x90: append(pop_to_mark()); break;  // ADDITEMS
    case 's': {
      PickleRef value = pop(), key = pop();
      set_items({key, value});
      break;
    }
    case 'u': set_items(pop_to_mark()); break;
    case 'd': {
      auto items = pop_to_mark();
      push(make(Kind::kDict));
      set_items(items);
      break;
    }
    case '0': pop(); break;
    case '1': pop_to_mark(); break;
    case '2': push(top()); break;
    case 'c': global(); break;
    case 0x93: stack_global(); break;
    case 'Q': persistent(); break;
    case 'R': reduce(); break;
    case 0x81: reduce(); break;  // NEWOBJ: written down like a call
    case 0x92: {
      pop();
      reduce();
      break;
    }  // NEWOBJ_EX
    case 'b': build(); break;
    case 'q': memoize(number<std::uint8_t>()); break;
    case 'r': memoize(number<std::uint32_t>()); break;
    case 0x94: memoize(memo_.size()); break;
    case 'h': recall(number<std::uint8_t>()); break;
    case 'j': recall(number<std::uint32_t>()); break;
    default:
      throw std::runtime_error("the pickle uses an instruction that weight files have no need of (" +
                               std::to_string(op) + ")");
  }
}

}  // namespace

PickleRef read_pickle(std::span<const std::byte> bytes, std::size_t& position) {
  Reader reader(bytes, position);
  PickleRef node = reader.run();
  position = reader.position();
  return node;
}

}  // namespace fovea::io
