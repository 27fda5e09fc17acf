// Doubly linked lists whose hooks live in their elements: linking and unlinking never allocate. One thread at a time.
#pragma once

#include <cstddef>
#include <iterator>

#include "base/check.h"

namespace base {

// An element derives from ListHook<Tag> once per list kind it can be on. A hook must be unlinked before it dies.
template <class Tag>
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { CHECK(next_ == nullptr); }
  bool linked() const { return next_ != nullptr; }
  void unlink() {
    CHECK(linked());
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  template <class, class>
  friend class IntrusiveList;
  ListHook* next_ = nullptr;
  ListHook* prev_ = nullptr;
};

template <class T, class Tag = T>
class IntrusiveList {
  using Hook = ListHook<Tag>;

 public:
  IntrusiveList() { head_.next_ = head_.prev_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    CHECK(empty());
    head_.next_ = head_.prev_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T& front() { return element(head_.next_); }
  T& back() { return element(head_.prev_); }
  void push_back(T& item) { insert(&head_, item); }
  void push_front(T& item) { insert(head_.next_, item); }
  T* pop_front() {
    if (empty()) return nullptr;
    T& item = front();
    static_cast<Hook&>(item).unlink();
    return &item;
  }
  // Calls fn(T&) for each element; fn may unlink the element it is given, and no other.
  template <class Fn>
  void for_each(Fn&& fn) {
    for (Hook* at = head_.next_; at != &head_;) {
      Hook* const next = at->next_;
      fn(element(at));
      at = next;
    }
  }
  template <class Fn>
  T* find_if(Fn&& fn) {
    for (Hook* at = head_.next_; at != &head_; at = at->next_) {
      if (fn(element(at))) return &element(at);
    }
    return nullptr;
  }
  std::size_t count() const {
    std::size_t n = 0;
    for (const Hook* at = head_.next_; at != &head_; at = at->next_) ++n;
    return n;
  }

 private:
  static T& element(Hook* hook) { return static_cast<T&>(*hook); }
  void insert(Hook* before, T& item) {
    Hook& hook = item;
    CHECK(!hook.linked());
    hook.prev_ = before->prev_;
    hook.next_ = before;
    before->prev_->next_ = &hook;
    before->prev_ = &hook;
  }
  Hook head_;
};

}  // namespace base
