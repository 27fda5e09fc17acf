// Messages between reactors: intrusive nodes owned by the sender, delivered in order, run on the receiver's thread.
#pragma once

#include <atomic>

namespace hal {

// Embedded in the object it speaks for. After post() it belongs to the receiver until `run` is called; from the start
// of `run` it may be posted again or destroyed.
struct Message {
  using Run = void (*)(Message& message);
  explicit Message(Run run_function) : run(run_function) {}
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  Run run;
  Message* next = nullptr;
};

// Many senders, one receiver; no lock. push() returns true when the box was empty, i.e. the receiver may need a wake.
class Mailbox {
 public:
  bool push(Message& message) {
    Message* head = head_.load(std::memory_order_relaxed);
    do {
      message.next = head;
    } while (!head_.compare_exchange_weak(head, &message, std::memory_order_release, std::memory_order_relaxed));
    return head == nullptr;
  }
  bool empty() const { return head_.load(std::memory_order_relaxed) == nullptr; }
  // Runs what has arrived, oldest first; returns whether there was anything.
  bool drain() {
    if (empty()) return false;
    Message* newest = head_.exchange(nullptr, std::memory_order_acquire);
    Message* oldest = nullptr;
    while (newest != nullptr) {
      Message* const next = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = next;
    }
    while (oldest != nullptr) {
      Message& message = *oldest;
      oldest = message.next;
      message.next = nullptr;
      message.run(message);
    }
    return true;
  }

 private:
  std::atomic<Message*> head_{nullptr};
};

}  // namespace hal
