// What the slim headers declare of Python, by pybind11 and PyTorch themselves; compiled once for each toolchain.
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/utils/pybind.h>

#include <memory>

namespace caesar_slim {

// The same as in bind.h.
struct Function {
  void* state = nullptr;
  void (*forget)(void* state) = nullptr;
  PyObject* (*call)(void* state, PyObject* const* arguments, const bool* convert) = nullptr;
  std::vector<std::string> parameters;
  std::string result;
  bool torch_errors = false;
};
struct Parameter {
  std::string name;
  PyObject* value = nullptr;
  std::string described;
};

struct Scalar {
  char kind;
  std::int64_t integer;
  double real;
};

namespace convert {

template <class T>
bool load_as(PyObject* from, bool yes, T* out) {
  py::detail::make_caster<T> caster;
  if (!caster.load(from, yes)) return false;
  *out = py::detail::cast_op<T>(std::move(caster));
  return true;
}
template <class T>
PyObject* cast_as(const T& value) {
  return py::detail::make_caster<T>::cast(value, py::return_value_policy::move, py::handle()).ptr();
}
template <class T>
std::string text_of() {
  return py::detail::make_caster<T>::name.text;
}

#define CONVERTS(T) \
  bool load(PyObject* from, bool yes, T* out) { return load_as<T>(from, yes, out); } \
  PyObject* cast(const T* value) { return cast_as<T>(*value); } \
  std::string text(const T*) { return text_of<T>(); }
#define PLAIN(T) CONVERTS(T) CONVERTS(std::optional<T>) CONVERTS(std::vector<T>)
PLAIN(bool) PLAIN(short) PLAIN(unsigned short) PLAIN(int) PLAIN(unsigned) PLAIN(long) PLAIN(unsigned long)
PLAIN(long long) PLAIN(unsigned long long) PLAIN(float) PLAIN(double) PLAIN(std::string)

bool load_tensor(PyObject* from, bool yes, void* out) { return load_as<at::Tensor>(from, yes, static_cast<at::Tensor*>(out)); }
PyObject* cast_tensor(const void* value) { return cast_as<at::Tensor>(*static_cast<const at::Tensor*>(value)); }
std::string text_tensor() { return text_of<at::Tensor>(); }
bool load_maybe_tensor(PyObject* from, bool yes, bool* some, void* out) {
  std::optional<at::Tensor> found;
  if (!load_as<std::optional<at::Tensor>>(from, yes, &found)) return false;
  *some = found.has_value();
  if (found) *static_cast<at::Tensor*>(out) = *found;
  return true;
}
std::string text_maybe_tensor() { return text_of<std::optional<at::Tensor>>(); }
bool load_tensors(PyObject* from, bool yes, void* list, void (*add)(void*, const void*)) {
  std::vector<at::Tensor> found;
  if (!load_as<std::vector<at::Tensor>>(from, yes, &found)) return false;
  for (const auto& each : found) add(list, &each);
  return true;
}
PyObject* cast_tensors(const void* first, std::size_t count) {
  const auto* all = static_cast<const at::Tensor*>(first);
  return cast_as<std::vector<at::Tensor>>(std::vector<at::Tensor>(all, all + count));
}
std::string text_tensors() { return text_of<std::vector<at::Tensor>>(); }
bool load_numbers(PyObject* from, bool yes, std::vector<std::int64_t>* out) {
  py::detail::make_caster<at::IntArrayRef> caster;
  if (!caster.load(from, yes)) return false;
  *out = py::detail::cast_op<at::IntArrayRef>(caster).vec();
  return true;
}
std::string text_numbers() { return text_of<at::IntArrayRef>(); }
bool load_scalar(PyObject* from, bool yes, Scalar* out) {
  py::detail::make_caster<at::Scalar> caster;
  if (!caster.load(from, yes)) return false;
  const at::Scalar v = py::detail::cast_op<at::Scalar>(std::move(caster));
  if (v.isBoolean()) *out = Scalar{'b', v.toBool(), 0};
  else if (v.isFloatingPoint()) *out = Scalar{'d', 0, v.toDouble()};
  else *out = Scalar{'i', v.toLong(), 0};
  return true;
}
std::string text_scalar() { return text_of<at::Scalar>(); }
bool load_type(PyObject* from, bool yes, int* out) {
  py::detail::make_caster<at::ScalarType> caster;
  if (!caster.load(from, yes)) return false;
  *out = static_cast<int>(py::detail::cast_op<at::ScalarType>(caster));
  return true;
}
PyObject* cast_type(int code) { return cast_as<at::ScalarType>(static_cast<at::ScalarType>(code)); }
std::string text_type() { return text_of<at::ScalarType>(); }
PyObject* none() { return py::none().release().ptr(); }
std::string text_none() { return text_of<py::detail::void_type>(); }
PyObject* tuple_of(PyObject** parts, std::size_t count) {
  bool whole = true;
  for (std::size_t i = 0; i < count; ++i) whole = whole && parts[i] != nullptr;
  py::tuple made(whole ? count : 0);
  for (std::size_t i = 0; i < count; ++i) {
    if (whole) PyTuple_SET_ITEM(made.ptr(), static_cast<Py_ssize_t>(i), parts[i]);
    else Py_XDECREF(parts[i]);
  }
  return whole ? made.release().ptr() : nullptr;
}
std::string text_tuple(const std::string& inner) {
  std::string one = text_of<std::tuple<at::Tensor>>();
  const std::string tensor = text_tensor();
  return one.replace(one.find(tensor), tensor.size(), inner);
}

}  // namespace convert

namespace {

PyObject* called(const Function& f, py::detail::function_call& call) {
  std::vector<PyObject*> arguments;
  const auto flags = std::make_unique<bool[]>(call.args.size() + 1);
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    arguments.push_back(call.args[i].ptr());
    flags[i] = call.args_convert[i];
  }
  return f.call(f.state, arguments.data(), flags.get());
}

PyObject* called_by_torchs_rules(const Function& f, py::detail::function_call& call) {
  HANDLE_TH_ERRORS
  return called(f, call);
  END_HANDLE_TH_ERRORS_PYBIND
}

py::handle dispatch(py::detail::function_call& call) {
  const auto& f = *static_cast<const Function*>(call.func.data[0]);
  PyObject* made = f.torch_errors ? called_by_torchs_rules(f, call) : called(f, call);
  if (!made && !PyErr_Occurred()) return PYBIND11_TRY_NEXT_OVERLOAD;
  return made;
}

class Bound : public py::cpp_function {
 public:
  Bound(const char* name, const char* doc, const Function& f, const std::vector<Parameter>& names, py::handle module, py::handle sibling) {
    auto holder = make_function_record();
    auto* rec = holder.get();
    rec->data[0] = new Function(f);
    rec->free_data = [](py::detail::function_record* r) {
      auto* held = static_cast<Function*>(r->data[0]);
      held->forget(held->state);
      delete held;
    };
    rec->impl = dispatch;
    rec->nargs_pos = static_cast<std::uint16_t>(f.parameters.size());
    rec->name = const_cast<char*>(name);
    rec->doc = const_cast<char*>(doc);
    rec->scope = module;
    rec->sibling = sibling;
    for (const auto& each : names)
      rec->args.emplace_back(each.name.c_str(), nullptr, py::handle(each.value), true, false);
    std::string text = "(";
    for (const auto& each : f.parameters) text += (text.size() > 1 ? ", {" : "{") + each + "}";
    text += ") -> " + f.result;
    static const std::type_info* const no_types[] = {nullptr};
    initialize_generic(std::move(holder), text.c_str(), no_types, f.parameters.size());
  }
};

}  // namespace

void define(void* module, const char* name, const char* doc, const Function& f, const std::vector<Parameter>& names) {
  if (!names.empty() && names.size() != f.parameters.size())
    throw std::runtime_error(std::string(name) + ": as many py::arg as the function has parameters are expected");
  py::module_ into = py::reinterpret_borrow<py::module_>(static_cast<PyObject*>(module));
  const py::object sibling = py::getattr(into, name, py::none());
  into.add_object(name, Bound(name, doc, f, names, into, sibling), true);
}

PyObject* new_module(const char* name, void* definition, void (*fill)(void* module)) {
  static_assert(sizeof(py::module_::module_def) <= 512);
  PYBIND11_CHECK_PYTHON_VERSION
  PYBIND11_ENSURE_INTERNALS_READY
  auto made = py::module_::create_extension_module(name, nullptr, static_cast<py::module_::module_def*>(definition));
  try {
    fill(made.ptr());
    return made.release().ptr();
  } catch (py::error_already_set& error) {
    py::raise_from(error, PyExc_ImportError, "initialization failed");
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_ImportError, error.what());
  }
  return nullptr;
}

}  // namespace caesar_slim
