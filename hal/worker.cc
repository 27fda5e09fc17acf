// The blocking-call thread.
#include "hal/worker.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace hal {

struct Worker::Impl {
  struct Job {
    Reactor* reactor;
    std::function<void()> work, done;
  };
  std::mutex mutex;
  std::condition_variable filled, emptied;
  std::deque<Job> jobs;
  bool stopping = false;
  bool busy = false;
  std::thread thread;

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      filled.wait(lock, [this] { return stopping || !jobs.empty(); });
      if (jobs.empty()) return;
      Job job = std::move(jobs.front());
      jobs.pop_front();
      busy = true;
      lock.unlock();
      job.work();
      if (job.done) job.reactor->post_function(std::move(job.done));
      job = {};
      lock.lock();
      busy = false;
      if (jobs.empty()) emptied.notify_all();
    }
  }
};

Worker::Worker(std::string name) : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([impl = impl_.get(), name = std::move(name)] {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    impl->run();
  });
}

Worker::~Worker() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->filled.notify_one();
  impl_->thread.join();
}

void Worker::drain() {
  std::unique_lock lock(impl_->mutex);
  impl_->emptied.wait(lock, [this] { return impl_->jobs.empty() && !impl_->busy; });
}

void Worker::submit(Reactor& reactor, std::function<void()> work, std::function<void()> done) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->jobs.push_back({&reactor, std::move(work), std::move(done)});
  }
  impl_->filled.notify_one();
}

}  // namespace hal
