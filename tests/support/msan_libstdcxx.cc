// For the memory sanitizer: what libstdc++ writes outside of its headers, so that it counts as written. Only where the
// library has no other way to tell: the nodes of maps, sets and lists.
#include <dlfcn.h>
#include <sanitizer/msan_interface.h>

#include <cstdlib>
#include <list>
#include <map>

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
