// PYBIND11_MODULE and m.def() for functions of tensors and plain values. What a function takes is converted, and
// what it throws translated, by pybind11 and PyTorch themselves: in the support library, which is compiled once.
#pragma once
#include <caesar_slim/tensor.h>

struct _object;  // Python.h calls it PyObject

namespace caesar_slim {

// Conversions the support library has ready, by type.
namespace convert {
#define CSL_CONVERTS(T) \
  bool load(_object*, bool convert, T* out); \
  _object* cast(const T* value); \
  std::string text(const T*);
#define CSL_PLAIN(T) CSL_CONVERTS(T) CSL_CONVERTS(std::optional<T>) CSL_CONVERTS(std::vector<T>)
CSL_PLAIN(bool) CSL_PLAIN(short) CSL_PLAIN(unsigned short) CSL_PLAIN(int) CSL_PLAIN(unsigned) CSL_PLAIN(long)
CSL_PLAIN(unsigned long) CSL_PLAIN(long long) CSL_PLAIN(unsigned long long) CSL_PLAIN(float) CSL_PLAIN(double)
CSL_PLAIN(std::string)
#undef CSL_PLAIN
#undef CSL_CONVERTS
bool load_tensor(_object*, bool convert, void* out);
_object* cast_tensor(const void*);
std::string text_tensor();
bool load_maybe_tensor(_object*, bool convert, bool* some, void* out);
std::string text_maybe_tensor();
bool load_tensors(_object*, bool convert, void* list, void (*add)(void*, const void*));
_object* cast_tensors(const void* first, std::size_t count);
std::string text_tensors();
bool load_numbers(_object*, bool convert, std::vector<std::int64_t>* out);
std::string text_numbers();
bool load_scalar(_object*, bool convert, Scalar* out);
std::string text_scalar();
bool load_type(_object*, bool convert, int* out);
_object* cast_type(int);
std::string text_type();
_object* none();
std::string text_none();
_object* tuple_of(_object** parts, std::size_t count);
std::string text_tuple(const std::string& inner);
}  // namespace convert

// How an argument is held for the time of a call.
template <class T>
struct Held {
  T value{};
  bool load(_object* from, bool yes) { return convert::load(from, yes, &value); }
  T& get() { return value; }
  static std::string text() { return convert::text(static_cast<const T*>(nullptr)); }
};
template <>
struct Held<Tensor> {
  Tensor value;
  bool load(_object* from, bool yes) { return convert::load_tensor(from, yes, &value); }
  Tensor& get() { return value; }
  static std::string text() { return convert::text_tensor(); }
};
template <>
struct Held<MaybeTensor> {
  MaybeTensor value;
  bool load(_object* from, bool yes) {
    bool some = false;
    Tensor found;
    if (!convert::load_maybe_tensor(from, yes, &some, &found)) return false;
    if (some) value = found;
    return true;
  }
  MaybeTensor& get() { return value; }
  static std::string text() { return convert::text_maybe_tensor(); }
};
template <>
struct Held<std::vector<Tensor>> {
  std::vector<Tensor> value;
  bool load(_object* from, bool yes) { return convert::load_tensors(from, yes, &value, Tensor::add_to); }
  std::vector<Tensor>& get() { return value; }
  static std::string text() { return convert::text_tensors(); }
};
template <>
struct Held<TensorList> : Held<std::vector<Tensor>> {
  TensorList view;
  TensorList& get() { return view = TensorList(value); }
};
template <>
struct Held<IntArrayRef> {
  std::vector<std::int64_t> value;
  IntArrayRef view;
  bool load(_object* from, bool yes) { return convert::load_numbers(from, yes, &value); }
  IntArrayRef& get() { return view = IntArrayRef(value); }
  static std::string text() { return convert::text_numbers(); }
};
template <>
struct Held<Scalar> {
  Scalar value;
  bool load(_object* from, bool yes) { return convert::load_scalar(from, yes, &value); }
  Scalar& get() { return value; }
  static std::string text() { return convert::text_scalar(); }
};
template <>
struct Held<ScalarType> {
  ScalarType value{};
  bool load(_object* from, bool yes) {
    int number = 0;
    if (!convert::load_type(from, yes, &number)) return false;
    value = static_cast<ScalarType>(number);
    return true;
  }
  ScalarType& get() { return value; }
  static std::string text() { return convert::text_type(); }
};

// What is returned.
template <class T>
struct Returned {
  static _object* cast(const T& value) { return convert::cast(&value); }
  static std::string text() { return convert::text(static_cast<const T*>(nullptr)); }
};
template <>
struct Returned<Tensor> {
  static _object* cast(const Tensor& value) { return convert::cast_tensor(&value); }
  static std::string text() { return convert::text_tensor(); }
};
template <>
struct Returned<MaybeTensor> {
  static _object* cast(const MaybeTensor& value) { return value ? convert::cast_tensor(&*value) : convert::none(); }
  static std::string text() { return convert::text_maybe_tensor(); }
};
template <>
struct Returned<std::vector<Tensor>> {
  static _object* cast(const std::vector<Tensor>& value) { return convert::cast_tensors(value.data(), value.size()); }
  static std::string text() { return convert::text_tensors(); }
};
template <>
struct Returned<ScalarType> {
  static _object* cast(ScalarType value) { return convert::cast_type(static_cast<int>(value)); }
  static std::string text() { return convert::text_type(); }
};
template <class... T>
struct Returned<std::tuple<T...>> {
  static _object* cast(const std::tuple<T...>& value) {
    return std::apply([](const T&... parts) {
      _object* made[] = {Returned<T>::cast(parts)...};
      return convert::tuple_of(made, sizeof...(T));
    }, value);
  }
  static std::string text() {
    std::string inner;
    ((inner += (inner.empty() ? "" : ", ") + Returned<T>::text()), ...);
    return convert::text_tuple(inner);
  }
};
template <class A, class B>
struct Returned<std::pair<A, B>> {
  static _object* cast(const std::pair<A, B>& v) { return Returned<std::tuple<A, B>>::cast({v.first, v.second}); }
  static std::string text() { return Returned<std::tuple<A, B>>::text(); }
};

// A function as the support library calls it.
struct Function {
  void* state = nullptr;
  void (*forget)(void* state) = nullptr;
  _object* (*call)(void* state, _object* const* arguments, const bool* convert) = nullptr;  // null: try the next overload
  std::vector<std::string> parameters;
  std::string result;
  bool torch_errors = false;
};

struct Parameter {
  std::string name;
  _object* value = nullptr;
  std::string described;
};

void define(void* module, const char* name, const char* doc, const Function& function, const std::vector<Parameter>& names);
_object* new_module(const char* name, void* definition, void (*fill)(void* module));

template <class F, class R, class... A>
struct Callable {
  template <std::size_t... I>
  static _object* run(F& f, _object* const* arguments, const bool* yes, std::index_sequence<I...>) {
    std::tuple<Held<std::decay_t<A>>...> held;
    if (!(std::get<I>(held).load(arguments[I], yes[I]) && ...)) return nullptr;
    if constexpr (std::is_void_v<R>) {
      f(static_cast<A&&>(std::get<I>(held).get())...);
      return convert::none();
    } else {
      return Returned<std::decay_t<R>>::cast(f(static_cast<A&&>(std::get<I>(held).get())...));
    }
  }
  static Function of(F f, bool torch_errors) {
    Function made;
    made.state = new F(std::move(f));
    made.forget = [](void* state) { delete static_cast<F*>(state); };
    made.call = [](void* state, _object* const* arguments, const bool* yes) {
      return run(*static_cast<F*>(state), arguments, yes, std::index_sequence_for<A...>());
    };
    (made.parameters.push_back(Held<std::decay_t<A>>::text()), ...);
    if constexpr (std::is_void_v<R>) made.result = convert::text_none();
    else made.result = Returned<std::decay_t<R>>::text();
    made.torch_errors = torch_errors;
    return made;
  }
};
template <class R, class... A>
Function function_of(R (*f)(A...), bool torch_errors) { return Callable<R (*)(A...), R, A...>::of(f, torch_errors); }
template <class F, class R, class... A>
Function function_of(F f, R (F::*)(A...) const, bool torch_errors) { return Callable<F, R, A...>::of(std::move(f), torch_errors); }
template <class F, class = std::enable_if_t<std::is_class_v<F>>>
Function function_of(F f, bool torch_errors) { return function_of(std::move(f), &F::operator(), torch_errors); }

template <class F>
struct Wrapped {
  F function;
};

}  // namespace caesar_slim

namespace pybind11 {

struct arg_v {
  caesar_slim::Parameter parameter;
};
struct arg {
  const char* name;
  constexpr explicit arg(const char* n) : name(n) {}
  template <class T>
  arg_v operator=(T&& value) const {
    using Plain = std::decay_t<T>;
    if constexpr (std::is_convertible_v<T, const char*>) {
      return {{name, caesar_slim::Returned<std::string>::cast(value), ""}};
    } else if constexpr (std::is_same_v<Plain, std::nullopt_t>) {
      return {{name, caesar_slim::convert::none(), ""}};
    } else {
      return {{name, caesar_slim::Returned<Plain>::cast(value), ""}};
    }
  }
};
namespace literals {
constexpr arg operator""_a(const char* name, std::size_t) { return arg(name); }
}

class module_ {
 public:
  explicit module_(void* module) : module_word_(module) {}
  template <class F, class... Extra>
  module_& def(const char* name, F&& f, const Extra&... extra) {
    const char* doc = nullptr;
    std::vector<caesar_slim::Parameter> names;
    (note(extra, doc, names), ...);
    caesar_slim::define(module_word_, name, doc, made(std::forward<F>(f)), names);
    return *this;
  }
 private:
  template <class F>
  static caesar_slim::Function made(const caesar_slim::Wrapped<F>& f) { return caesar_slim::function_of(f.function, true); }
  template <class F>
  static caesar_slim::Function made(caesar_slim::Wrapped<F>&& f) { return caesar_slim::function_of(f.function, true); }
  template <class F>
  static caesar_slim::Function made(F&& f) { return caesar_slim::function_of(std::forward<F>(f), false); }
  static void note(const char* text, const char*& doc, std::vector<caesar_slim::Parameter>&) { doc = text; }
  static void note(const arg& a, const char*&, std::vector<caesar_slim::Parameter>& names) { names.push_back({a.name, nullptr, ""}); }
  static void note(const arg_v& a, const char*&, std::vector<caesar_slim::Parameter>& names) { names.push_back(a.parameter); }
  void* module_word_;
};
using module = module_;

}  // namespace pybind11
namespace py = pybind11;

namespace torch {
template <class F>
auto wrap_pybind_function(F&& f) { return caesar_slim::Wrapped<std::decay_t<F>>{f}; }
}  // namespace torch

// PyModuleDef is larger than nothing and smaller than this; it has to outlive the module.
#define CSL_JOIN_(a, b) a##b
#define CSL_JOIN(a, b) CSL_JOIN_(a, b)
#define CSL_TEXT_(a) #a
#define CSL_TEXT(a) CSL_TEXT_(a)
#define PYBIND11_MODULE(name, variable, ...)                                                             \
  static void CSL_JOIN(csl_fill_, name)(::pybind11::module_&);                                           \
  extern "C" __attribute__((visibility("default"))) _object* CSL_JOIN(PyInit_, name)() {                 \
    alignas(16) static char definition[512] = {};                                                        \
    return ::caesar_slim::new_module(CSL_TEXT(name), definition, [](void* module) {                      \
      ::pybind11::module_ made(module);                                                                  \
      CSL_JOIN(csl_fill_, name)(made);                                                                   \
    });                                                                                                  \
  }                                                                                                      \
  static void CSL_JOIN(csl_fill_, name)([[maybe_unused]] ::pybind11::module_& variable)
