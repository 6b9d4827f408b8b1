#include "io/unpickler.h"

#include <algorithm>
#include <cstring>

#include "madx/core/error.h"
#include "madx/core/plain_text.h"

namespace madx::io {
namespace {

using Kind = PickleValue::Kind;

// Opcodes of protocol 2, by the names of Python's pickletools.
enum class Opcode : unsigned char {
  kProto = 0x80,
  kMark = '(',
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kBinInt = 'J',
  kLong1 = 0x8a,
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kShortBinString = 'U',
  kEmptyDict = '}',
  kEmptyList = ']',
  kEmptyTuple = ')',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kTuple = 't',
  kAppend = 'a',
  kAppends = 'e',
  kSetItem = 's',
  kSetItems = 'u',
  kGlobal = 'c',
  kReduce = 'R',
  kNewObject = 0x81,
  kBuild = 'b',
  kBinPersId = 'Q',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kStop = '.',
};

constexpr size_t kMostValues = 1'000'000;

}  // namespace

std::string describe(const PickleValue& value) {
  switch (value.kind) {
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return value.number ? "True" : "False";
    case Kind::kInt:
      return "the number " + std::to_string(value.number);
    case Kind::kFloat:
      return "the number " + fixed_text(value.real, 6);
    case Kind::kString:
      return "a string";
    case Kind::kTuple:
      return "a tuple";
    case Kind::kList:
      return "a list";
    case Kind::kDict:
      return "a dict";
    case Kind::kGlobal:
      return std::string(value.text);
    case Kind::kClass:
      return "the Python object " + std::string(value.text);
    case Kind::kObject:
      return "an object";
    case Kind::kStorage:
      return "a storage";
    case Kind::kTensor:
      return "a tensor";
  }
  return "";
}

Unpickler::Unpickler(std::string path, std::string_view bytes, PickleObjects objects)
    : path_(std::move(path)), bytes_(bytes), objects_(objects) {}

const PickleValue& Unpickler::read() {
  stack_.clear();
  marks_.clear();
  memo_.clear();
  for (;;) {
    const auto opcode = static_cast<unsigned char>(take(1)[0]);
    if (static_cast<Opcode>(opcode) == Opcode::kStop) return *pop();
    step(opcode);
  }
}

void Unpickler::step(unsigned char opcode) {
  switch (static_cast<Opcode>(opcode)) {
    case Opcode::kProto:
      if (const auto protocol = take_unsigned(1); protocol != 2) {
        refuse("pickle protocol " + std::to_string(protocol) + " instead of 2");
      }
      return;
    case Opcode::kMark:
      marks_.push_back(stack_.size());
      return;
    case Opcode::kNone:
      stack_.push_back(make(Kind::kNone));
      return;
    case Opcode::kNewTrue:
      return push_number(Kind::kBool, 1);
    case Opcode::kNewFalse:
      return push_number(Kind::kBool, 0);
    case Opcode::kBinInt1:
      return push_number(Kind::kInt, static_cast<int64_t>(take_unsigned(1)));
    case Opcode::kBinInt2:
      return push_number(Kind::kInt, static_cast<int64_t>(take_unsigned(2)));
    case Opcode::kBinInt:
      return push_number(Kind::kInt, take_signed(4));
    case Opcode::kLong1: {
      const auto size = take_unsigned(1);
      if (size > 8) refuse("a whole number of " + std::to_string(size) + " bytes");
      return push_number(Kind::kInt, take_signed(size));
    }
    case Opcode::kBinFloat: {  // the one big-endian number
      uint64_t bits = 0;
      for (const char byte : take(8)) bits = bits << 8 | static_cast<unsigned char>(byte);
      stack_.push_back(make(Kind::kFloat));
      std::memcpy(&stack_.back()->real, &bits, sizeof bits);
      return;
    }
    case Opcode::kBinUnicode:
      return push_text(take(take_unsigned(4)));
    case Opcode::kShortBinString:  // written by Python 2
      return push_text(take(take_unsigned(1)));
    case Opcode::kEmptyDict:
      stack_.push_back(make(Kind::kDict));
      return;
    case Opcode::kEmptyList:
      stack_.push_back(make(Kind::kList));
      return;
    case Opcode::kEmptyTuple:
      return push_tuple(from_top(0));
    case Opcode::kTuple1:
      return push_tuple(from_top(1));
    case Opcode::kTuple2:
      return push_tuple(from_top(2));
    case Opcode::kTuple3:
      return push_tuple(from_top(3));
    case Opcode::kTuple:
      return push_tuple(pop_mark());
    case Opcode::kAppend:
      return append_items(Kind::kList, from_top(1));
    case Opcode::kAppends:
      return append_items(Kind::kList, pop_mark());
    case Opcode::kSetItem:
      return append_items(Kind::kDict, from_top(2));
    case Opcode::kSetItems:
      return append_items(Kind::kDict, pop_mark());
    case Opcode::kGlobal: {
      std::string name(take_line());
      name += '.';
      name += take_line();
      return load_global(name);
    }
    case Opcode::kNewObject:
      return new_object();
    case Opcode::kReduce:
      return reduce();
    case Opcode::kBuild:
      return build();
    case Opcode::kBinPersId:
      return load_storage();
    case Opcode::kBinPut:
      memo_[take_unsigned(1)] = stack_.empty() ? nullptr : stack_.back();
      return;
    case Opcode::kLongBinPut:
      memo_[take_unsigned(4)] = stack_.empty() ? nullptr : stack_.back();
      return;
    case Opcode::kBinGet:
      return recall(take_unsigned(1));
    case Opcode::kLongBinGet:
      return recall(take_unsigned(4));
    default:
      refuse("pickle opcode " + std::to_string(opcode));
  }
}

// The values from `first` to the top of the stack, into the container below them.
void Unpickler::append_items(Kind kind, size_t first) {
  const std::vector<PickleValue*> items(stack_.begin() + static_cast<ptrdiff_t>(first),
                                        stack_.end());
  stack_.resize(first);
  if (kind == Kind::kDict && items.size() % 2 != 0) refuse("a dict key without a value");
  auto& target = top(kind)->items;
  target.insert(target.end(), items.begin(), items.end());
}

std::string_view Unpickler::take(size_t count) {
  if (count > bytes_.size() - position_) refuse("the end of the data");
  const auto taken = bytes_.substr(position_, count);
  position_ += count;
  return taken;
}

std::string_view Unpickler::take_line() {
  const size_t end = bytes_.find('\n', position_);
  if (end == std::string_view::npos) refuse("the end of the data");
  const auto line = take(end - position_);
  take(1);
  return line;
}

uint64_t Unpickler::take_unsigned(size_t bytes) {
  uint64_t number = 0;
  const auto taken = take(bytes);
  for (size_t i = 0; i < bytes; ++i) {
    number |= static_cast<uint64_t>(static_cast<unsigned char>(taken[i])) << (8 * i);
  }
  return number;
}

// Two's complement of `bytes` bytes, 0 to 8.
int64_t Unpickler::take_signed(size_t bytes) {
  if (bytes == 0) return 0;
  const uint64_t number = take_unsigned(bytes);
  const uint64_t sign = uint64_t{1} << (8 * bytes - 1);
  return static_cast<int64_t>((number ^ sign) - sign);
}

PickleValue* Unpickler::make(Kind kind) {
  if (values_.size() == kMostValues) refuse("more than a million values");
  values_.emplace_back();
  values_.back().kind = kind;
  return &values_.back();
}

void Unpickler::push_number(Kind kind, int64_t number) {
  stack_.push_back(make(kind));
  stack_.back()->number = number;
}

void Unpickler::push_text(std::string_view text) {
  stack_.push_back(make(Kind::kString));
  stack_.back()->text = text;
}

// A tuple of the values from `first` to the top of the stack.
void Unpickler::push_tuple(size_t first) {
  PickleValue* const tuple = make(Kind::kTuple);
  tuple->items.assign(stack_.begin() + static_cast<ptrdiff_t>(first), stack_.end());
  stack_.resize(first);
  stack_.push_back(tuple);
}

PickleValue* Unpickler::pop() {
  if (stack_.empty()) refuse("an operation on a missing value");
  PickleValue* const value = stack_.back();
  stack_.pop_back();
  return value;
}

PickleValue* Unpickler::top(Kind kind) {
  if (stack_.empty() || stack_.back()->kind != kind) refuse("items without their container");
  return stack_.back();
}

size_t Unpickler::from_top(size_t count) {
  if (count > stack_.size()) refuse("an operation on a missing value");
  return stack_.size() - count;
}

size_t Unpickler::pop_mark() {
  if (marks_.empty() || marks_.back() > stack_.size()) refuse("an operation on a missing mark");
  const size_t mark = marks_.back();
  marks_.pop_back();
  return mark;
}

void Unpickler::recall(uint64_t slot) {
  const auto found = memo_.find(slot);
  if (found == memo_.end() || found->second == nullptr) refuse("a reference to a missing value");
  stack_.push_back(found->second);
}

void Unpickler::refuse(const std::string& found) const {
  const bool script = objects_ == PickleObjects::kTorchScript;
  input_error(path_, ": expected ",
              script ? "modules, tensors and plain containers as TorchScript"
                     : "tensors and plain containers as torch.save",
              " writes them, but found ", found, " before byte ", position_, " of its pickle; ",
              script ? "copy the file again, or get the encoder as model.safetensors"
                     : "copy the file again, or save a dict of tensors");
}

}  // namespace madx::io
