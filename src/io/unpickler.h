#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace madx::io {

/// Which objects a pickle may hold beside tensors and plain containers.
enum class PickleObjects {
  kNone,         ///< torch.save: none
  kTorchScript,  ///< those of any class, as places for attributes
};

/// What a pickle of tensors holds. Nothing here runs code: a Python object beyond this list is
/// refused by name.
struct PickleValue {
  enum class Kind {
    kNone,
    kBool,
    kInt,
    kFloat,
    kString,
    kTuple,
    kList,
    kDict,
    kGlobal,   // text: the name of an allowed function or class
    kClass,    // text: the name of another one, of which there are objects
    kObject,   // items: what it is made of, one value (a dict by attribute for a module), or none
    kStorage,  // text: its key; number: its elements; dtype
    kTensor,   // items: the arguments of torch._utils._rebuild_tensor_v2
  };
  Kind kind = Kind::kNone;
  int64_t number = 0;     // kBool, kInt
  double real = 0;        // kFloat
  std::string_view text;  // kString: a view of the pickle's bytes
  at::ScalarType dtype = at::kFloat;
  std::vector<const PickleValue*> items;  // kTuple, kList; kDict: key, value, key, value, ...
};

/// What a value is called in an error: "a list", "the number 3", ...
std::string describe(const PickleValue& value);

/// Reads pickles of protocol 2 as torch.save writes them: tensors, dict, OrderedDict, list, tuple,
/// str, int, float, bool and None, and what PickleObjects adds. It owns the values: containers may
/// share parts or hold themselves, and nothing here recurses over them.
class Unpickler {
 public:
  /// `bytes` outlives the unpickler; `path` names the file in errors.
  Unpickler(std::string path, std::string_view bytes, PickleObjects objects = PickleObjects::kNone);

  /// The value of the pickle that starts at `position`. What it builds is at most some hundred
  /// times as large as the pickle.
  /// Throws InputError for a damaged pickle, another Python object or more than a million values.
  const PickleValue& read();

  /// The storages that all pickles so far name, by key.
  const std::map<std::string_view, const PickleValue*>& storages() const { return storages_; }

  /// Bytes read so far: where the next pickle, or what follows, starts.
  size_t position() const { return position_; }
  void skip(size_t bytes) { position_ += bytes; }

 private:
  void step(unsigned char opcode);
  void load_global(const std::string& name);
  void new_object();
  void reduce();
  void build();
  void load_storage();
  void append_items(PickleValue::Kind kind, size_t first);

  std::string_view take(size_t count);
  std::string_view take_line();
  uint64_t take_unsigned(size_t bytes);
  int64_t take_signed(size_t bytes);

  PickleValue* make(PickleValue::Kind kind);
  void push_number(PickleValue::Kind kind, int64_t number);
  void push_text(std::string_view text);
  void push_tuple(size_t first);
  PickleValue* pop();
  PickleValue* top(PickleValue::Kind kind);
  size_t from_top(size_t count);
  size_t pop_mark();
  void recall(uint64_t slot);

  [[noreturn]] void refuse(const std::string& found) const;

  std::string path_;
  std::string_view bytes_;
  PickleObjects objects_;
  size_t position_ = 0;
  std::deque<PickleValue> values_;  // a deque: pointers to its elements stay valid
  std::deque<std::string> names_;   // of classes
  std::map<std::string_view, const PickleValue*> storages_;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleValue*> memo_;
};

}  // namespace madx::io
