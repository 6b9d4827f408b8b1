// What pickles call, and what is made of it here: nothing runs.
#include <algorithm>

#include "io/unpickler.h"

namespace madx::io {
namespace {

using Kind = PickleValue::Kind;

constexpr const char* kOrderedDict = "collections.OrderedDict";
constexpr const char* kRebuildTensor = "torch._utils._rebuild_tensor_v2";
constexpr const char* kRebuildParameter = "torch._utils._rebuild_parameter";
constexpr const char* kRebuildNewTensor = "torch._utils._rebuild_tensor_v3";

struct StorageClass {
  const char* name;
  at::ScalarType dtype;
};
constexpr StorageClass kStorageClasses[] = {{"torch.FloatStorage", at::kFloat},
                                            {"torch.DoubleStorage", at::kDouble},
                                            {"torch.HalfStorage", at::kHalf},
                                            {"torch.BFloat16Storage", at::kBFloat16},
                                            {"torch.LongStorage", at::kLong},
                                            {"torch.IntStorage", at::kInt},
                                            {"torch.ShortStorage", at::kShort},
                                            {"torch.CharStorage", at::kChar},
                                            {"torch.ByteStorage", at::kByte},
                                            {"torch.BoolStorage", at::kBool},
                                            {"torch.ComplexFloatStorage", at::kComplexFloat},
                                            {"torch.ComplexDoubleStorage", at::kComplexDouble}};

const StorageClass* find_storage_class(std::string_view name) {
  for (const auto& storage : kStorageClasses) {
    if (name == storage.name) return &storage;
  }
  return nullptr;
}

// What TorchScript wraps lists, dicts and devices in: attributes that hold no weight.
constexpr const char* kWrappers[] = {
    "torch.jit._pickle.build_intlist",    "torch.jit._pickle.build_tensorlist",
    "torch.jit._pickle.build_doublelist", "torch.jit._pickle.build_boollist",
    "torch.jit._pickle.restore_type_tag", "torch.device"};

bool is_wrapper(std::string_view name) {
  return std::find(std::begin(kWrappers), std::end(kWrappers), name) != std::end(kWrappers);
}

// The same name with a lifetime of its own; empty for one that is not allowed.
std::string_view allowed_name(std::string_view name, PickleObjects objects) {
  for (const char* const function : {kOrderedDict, kRebuildTensor, kRebuildParameter}) {
    if (name == function) return function;
  }
  if (objects == PickleObjects::kTorchScript) {
    const auto* const wrapper = std::find(std::begin(kWrappers), std::end(kWrappers), name);
    if (wrapper != std::end(kWrappers)) return *wrapper;
  }
  const auto* const storage = find_storage_class(name);
  return storage == nullptr ? std::string_view() : storage->name;
}

// Any bytes as a piece of a one-line message.
std::string printable(std::string text) {
  text.resize(std::min<size_t>(text.size(), 80));
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

}  // namespace

// An allowed function or class by its name; in TorchScript any other is the name of a class.
void Unpickler::load_global(const std::string& name) {
  if (name == kRebuildNewTensor) refuse("a tensor of a newer type (float8, uint16, ...)");
  const auto allowed = allowed_name(name, objects_);
  const bool is_class = allowed.empty() && objects_ == PickleObjects::kTorchScript;
  if (allowed.empty() && !is_class) refuse("the Python object " + printable(name));
  stack_.push_back(make(is_class ? Kind::kClass : Kind::kGlobal));
  stack_.back()->text = is_class ? names_.emplace_back(printable(name)) : allowed;
}

// An object of a class is a place for attributes: what its class does when it is made is not known.
void Unpickler::new_object() {
  const PickleValue* const arguments = pop();
  const PickleValue* const type = pop();
  if (type->kind != Kind::kClass || arguments->kind != Kind::kTuple || !arguments->items.empty())
    refuse("an object made of " + describe(*type));
  stack_.push_back(make(Kind::kObject));
}

// Calls of an allowed global. What it would build is described, never run.
void Unpickler::reduce() {
  const PickleValue* const arguments = pop();
  const PickleValue* const function = pop();
  if (arguments->kind != Kind::kTuple || function->kind != Kind::kGlobal) {
    refuse("a call of " + describe(*function));
  }
  const auto& items = arguments->items;
  constexpr size_t kFewest = 4, kMost = 7;  // arguments of _rebuild_tensor_v2, which are copied
  if (function->text == kOrderedDict && items.empty()) {
    stack_.push_back(make(Kind::kDict));
  } else if (function->text == kRebuildTensor && items.size() >= kFewest && items.size() <= kMost) {
    // The last argument says that values are the conjugate, or the negative, of what is stored.
    if (items.size() == kMost && items.back()->kind == Kind::kDict && !items.back()->items.empty())
      refuse("a tensor that is a conjugate or negative view");
    stack_.push_back(make(Kind::kTensor));
    stack_.back()->items = items;
  } else if (function->text == kRebuildParameter && !items.empty() &&
             items[0]->kind == Kind::kTensor) {
    stack_.push_back(make(Kind::kTensor));
    stack_.back()->items = items[0]->items;
  } else if (is_wrapper(function->text) && !items.empty()) {
    stack_.push_back(make(Kind::kNone));
  } else {
    refuse("a call of " + describe(*function) + " with " + std::to_string(items.size()) +
           " arguments");
  }
}

// The attributes of an object. Those of a state dict's OrderedDict are the versions of its modules,
// which nothing here reads; those of a class with a __setstate__ of its own are what that would be
// given, which is no dict but by chance.
void Unpickler::build() {
  const PickleValue* const state = pop();
  if (objects_ == PickleObjects::kTorchScript && !stack_.empty() &&
      stack_.back()->kind == Kind::kObject) {
    stack_.back()->items = {state};
    return;
  }
  top(Kind::kDict);
}

// ("storage", class, key, device, number of elements[, view]): the bytes lie elsewhere in the file.
void Unpickler::load_storage() {
  const PickleValue* const id = pop();
  const auto& items = id->items;
  constexpr size_t kLongestKey = 64;
  const bool well_formed = id->kind == Kind::kTuple && (items.size() == 5 || items.size() == 6) &&
                           items[0]->kind == Kind::kString && items[0]->text == "storage" &&
                           items[1]->kind == Kind::kGlobal && items[2]->kind == Kind::kString &&
                           items[2]->text.size() <= kLongestKey && items[4]->kind == Kind::kInt &&
                           items[4]->number >= 0 &&
                           (items.size() == 5 || items[5]->kind == Kind::kNone);
  const StorageClass* const storage_class =
      well_formed ? find_storage_class(items[1]->text) : nullptr;
  if (storage_class == nullptr) refuse("a storage described in an unknown way");
  PickleValue* const storage = make(Kind::kStorage);
  storage->text = items[2]->text;
  storage->number = items[4]->number;
  storage->dtype = storage_class->dtype;
  storages_[storage->text] = storage;
  stack_.push_back(storage);
}

}  // namespace madx::io
