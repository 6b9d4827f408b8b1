#include <c10/util/strides.h>
#include <caffe2/serialize/inline_container.h>

#include <cstring>

#include "io/output_file.h"
#include "madx/core/error.h"
#include "madx/io/torch_file.h"

namespace madx::io {
namespace {

const char* storage_class(const std::string& what, at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return "FloatStorage";
    case at::kDouble:
      return "DoubleStorage";
    case at::kHalf:
      return "HalfStorage";
    case at::kBFloat16:
      return "BFloat16Storage";
    case at::kLong:
      return "LongStorage";
    case at::kInt:
      return "IntStorage";
    case at::kShort:
      return "ShortStorage";
    case at::kChar:
      return "CharStorage";
    case at::kByte:
      return "ByteStorage";
    case at::kBool:
      return "BoolStorage";
    default:
      input_error(what, ": expected a type that torch.save has a storage for, but found ",
                  c10::toString(dtype), "; convert the tensor");
  }
}

// A pickle of protocol 2, opcodes by the names of Python's pickletools. It writes what torch.save
// writes, except that nothing is remembered for reuse (BINPUT, BINGET).
class Pickler {
 public:
  std::string finish() && { return std::move(bytes_); }

  void opcode(const char* code) { bytes_ += code; }
  void global(const std::string& module, const std::string& name) {
    bytes_ += 'c' + module + '\n' + name + '\n';
  }
  void text(const std::string& text) {  // BINUNICODE
    bytes_ += 'X';
    little_endian(text.size(), 4);
    bytes_ += text;
  }
  void number(int64_t number) {
    if (number >= 0 && number <= INT32_MAX) {
      bytes_ += 'J';  // BININT
      little_endian(static_cast<uint64_t>(number), 4);
    } else {
      bytes_ += "\x8a\x08";  // LONG1 of 8 bytes
      little_endian(static_cast<uint64_t>(number), 8);
    }
  }
  void tuple(at::IntArrayRef numbers) {
    bytes_ += '(';  // MARK
    for (const int64_t item : numbers) number(item);
    bytes_ += 't';  // TUPLE
  }

 private:
  void little_endian(uint64_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_ += static_cast<char>(number >> (8 * i));
  }

  std::string bytes_ = "\x80\x02";  // PROTO 2
};

// torch._utils._rebuild_tensor_v2(storage, first element, sizes, strides, requires_grad, hooks)
void pickle_tensor(Pickler& pickler, const std::string& what, const at::Tensor& tensor,
                   const std::string& storage_key) {
  pickler.global("torch._utils", "_rebuild_tensor_v2");
  pickler.opcode("((");  // MARK MARK
  pickler.text("storage");
  pickler.global("torch", storage_class(what, tensor.scalar_type()));
  pickler.text(storage_key);
  pickler.text("cpu");
  pickler.number(tensor.numel());
  pickler.opcode("tQ");  // TUPLE BINPERSID
  pickler.number(0);
  pickler.tuple(tensor.sizes());
  pickler.tuple(c10::contiguous_strides(tensor.sizes()));
  pickler.opcode("\x89");  // NEWFALSE
  pickler.global("collections", "OrderedDict");
  pickler.opcode(")RtR");  // EMPTY_TUPLE REDUCE TUPLE REDUCE
}

std::string pickle_dict(const std::string& path, const TensorMap& tensors) {
  Pickler pickler;
  pickler.opcode("}(");  // EMPTY_DICT MARK
  size_t storage = 0;
  for (const auto& item : tensors) {
    pickler.text(item.key());
    pickle_tensor(pickler, path + ": " + item.key(), item.value(), std::to_string(storage++));
  }
  pickler.opcode("u.");  // SETITEMS STOP
  return std::move(pickler).finish();
}

}  // namespace

void write_torch_file(const std::string& path, const TensorMap& tensors) {
  const std::string pickle = pickle_dict(path, tensors);
  OutputFile file(path);
  // Failures stay in `file` until it is committed: the archive's writer would report one again from
  // its destructor.
  caffe2::serialize::PyTorchStreamWriter archive([&](const void* data, size_t size) {
    file.write(data, size);
    return size;
  });
  const std::string order = "little";
  archive.writeRecord("data.pkl", pickle.data(), pickle.size());
  archive.writeRecord("byteorder", order.data(), order.size());
  size_t storage = 0;
  for (const auto& item : tensors) {
    const auto tensor = item.value().to(at::kCPU).contiguous();
    archive.writeRecord("data/" + std::to_string(storage++), tensor.const_data_ptr(),
                        tensor.nbytes());
  }
  archive.writeEndOfFile();
  file.commit();
}

}  // namespace madx::io
