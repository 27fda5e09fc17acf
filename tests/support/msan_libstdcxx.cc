// For the memory sanitizer: what libstdc++ writes outside of its headers, so that it counts as written. Only where the
// library has no other way to tell: the nodes of maps, sets and lists, the text of exceptions, the parts of paths,
// streams of text.
#include <dlfcn.h>
#include <ftw.h>
#include <sanitizer/msan_interface.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <list>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

namespace {

template <class Function>
Function* in_library(const char* name) {
  auto* const found = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  if (found == nullptr) std::abort();
  return found;
}

}  // namespace

namespace std {

void _Rb_tree_insert_and_rebalance(const bool left, _Rb_tree_node_base* node, _Rb_tree_node_base* parent,
                                   _Rb_tree_node_base& header) throw() {
  using Insert = void(bool, _Rb_tree_node_base*, _Rb_tree_node_base*, _Rb_tree_node_base&);
  static Insert* const insert = in_library<Insert>("_ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_");
  insert(left, node, parent, header);
  __msan_unpoison(node, sizeof *node);
}

void __detail::_List_node_base::_M_hook(_List_node_base* const position) noexcept {
  _M_next = position;
  _M_prev = position->_M_prev;
  position->_M_prev->_M_next = this;
  position->_M_prev = this;
}

}  // namespace std

// Folders are walked through inside of the library, with strings of its own that our functions are then called with.
namespace std::filesystem {

uintmax_t remove_all(const path& from) {
  const auto one = [](const char* name, const struct stat*, int, FTW*) { return ::remove(name); };
  return nftw(from.c_str(), one, 16, FTW_DEPTH | FTW_PHYS) == 0 ? 1 : 0;
}
uintmax_t remove_all(const path& from, error_code&) { return remove_all(from); }

}  // namespace std::filesystem

// Under the names that the library has for them: constructors and private members cannot be defined here otherwise.
using Path = std::filesystem::path;
using Stream = std::stringstream;
void runtime_error_made(std::runtime_error* self, const char* text) __asm__("_ZNSt13runtime_errorC2EPKc");
void path_parts_made(void* self) __asm__("_ZNSt10filesystem7__cxx114path5_ListC1Ev");
void path_split(Path* self) __asm__("_ZNSt10filesystem7__cxx114path14_M_split_cmptsEv");
void stream_made(Stream* self) __asm__("_ZNSt7__cxx1118basic_stringstreamIcSt11char_traitsIcESaIcEEC1Ev");
std::string stream_text(const Stream& self) __asm__(
    "_ZNKRSt7__cxx1118basic_stringstreamIcSt11char_traitsIcESaIcEE3strEv");

void runtime_error_made(std::runtime_error* self, const char* text) {
  static auto* const make = in_library<void(std::runtime_error*, const char*)>("_ZNSt13runtime_errorC2EPKc");
  make(self, text);
  __msan_unpoison(self, sizeof *self);
  __msan_unpoison(self->what(), std::strlen(text) + 1);
}

void path_parts_made(void* self) {
  static auto* const make = in_library<void(void*)>("_ZNSt10filesystem7__cxx114path5_ListC1Ev");
  make(self);
  __msan_unpoison(self, sizeof(Path) - sizeof(std::string));
}

void path_split(Path* self) {
  static auto* const split = in_library<void(Path*)>("_ZNSt10filesystem7__cxx114path14_M_split_cmptsEv");
  split(self);
  __msan_unpoison(self, sizeof *self);
}

void stream_made(Stream* self) {
  static auto* const make =
      in_library<void(Stream*)>("_ZNSt7__cxx1118basic_stringstreamIcSt11char_traitsIcESaIcEEC1Ev");
  make(self);
  __msan_unpoison(self, sizeof *self);
}

std::string stream_text(const Stream& self) {
  static auto* const text =
      in_library<std::string(const Stream&)>("_ZNKRSt7__cxx1118basic_stringstreamIcSt11char_traitsIcESaIcEE3strEv");
  std::string out = text(self);
  __msan_unpoison(&out, sizeof out);
  __msan_unpoison(out.data(), out.size() + 1);
  return out;
}
