// The management interface: one function per method, and the one table that names them. The daemon dispatches from this
// table, tgtctl makes its commands and help from it.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "ctl/rpc/json.h"
#include "ctl/rpc/params.h"

namespace ctl {

// Called exactly once, on the control reactor, possibly before the handler returns.
using Reply = std::function<void(base::Result<Json>)>;

class Control {  // implemented by Service
 public:
  virtual ~Control() = default;
  // Another number than before whenever a change that is being carried out got further.
  virtual std::uint64_t progress_mark() const = 0;
  virtual void status(const Params& params, Reply reply) = 0;
  virtual void upgrade(const Params& params, Reply reply) = 0;
  virtual void progress(const Params& params, Reply reply) = 0;
  virtual void apply(const Params& params, Reply reply) = 0;
  virtual void export_config(const Params& params, Reply reply) = 0;
  virtual void describe(const Params& params, Reply reply) = 0;
  virtual void lu_create(const Params& params, Reply reply) = 0;
  virtual void lu_delete(const Params& params, Reply reply) = 0;
  virtual void lu_list(const Params& params, Reply reply) = 0;
  virtual void lu_show(const Params& params, Reply reply) = 0;
  virtual void lu_resize(const Params& params, Reply reply) = 0;
  virtual void lu_modify(const Params& params, Reply reply) = 0;
  virtual void target_create(const Params& params, Reply reply) = 0;
  virtual void target_delete(const Params& params, Reply reply) = 0;
  virtual void target_list(const Params& params, Reply reply) = 0;
  virtual void target_modify(const Params& params, Reply reply) = 0;
  virtual void portal_add(const Params& params, Reply reply) = 0;
  virtual void portal_remove(const Params& params, Reply reply) = 0;
  virtual void portal_list(const Params& params, Reply reply) = 0;
  virtual void device_list(const Params& params, Reply reply) = 0;
  virtual void device_bind(const Params& params, Reply reply) = 0;
  virtual void device_unbind(const Params& params, Reply reply) = 0;
  virtual void port_add(const Params& params, Reply reply) = 0;
  virtual void port_modify(const Params& params, Reply reply) = 0;
  virtual void port_remove(const Params& params, Reply reply) = 0;
  virtual void port_list(const Params& params, Reply reply) = 0;
  virtual void port_show(const Params& params, Reply reply) = 0;
  virtual void port_online(const Params& params, Reply reply) = 0;
  virtual void port_offline(const Params& params, Reply reply) = 0;
  virtual void host_group_create(const Params& params, Reply reply) = 0;
  virtual void host_group_delete(const Params& params, Reply reply) = 0;
  virtual void host_group_list(const Params& params, Reply reply) = 0;
  virtual void host_group_modify(const Params& params, Reply reply) = 0;
  virtual void target_group_create(const Params& params, Reply reply) = 0;
  virtual void target_group_delete(const Params& params, Reply reply) = 0;
  virtual void target_group_list(const Params& params, Reply reply) = 0;
  virtual void target_group_modify(const Params& params, Reply reply) = 0;
  virtual void view_add(const Params& params, Reply reply) = 0;
  virtual void view_remove(const Params& params, Reply reply) = 0;
  virtual void view_list(const Params& params, Reply reply) = 0;
  virtual void user_add(const Params& params, Reply reply) = 0;
  virtual void user_modify(const Params& params, Reply reply) = 0;
  virtual void user_remove(const Params& params, Reply reply) = 0;
  virtual void user_list(const Params& params, Reply reply) = 0;
  virtual void discovery_show(const Params& params, Reply reply) = 0;
  virtual void discovery_modify(const Params& params, Reply reply) = 0;
  virtual void limits_show(const Params& params, Reply reply) = 0;
  virtual void limits_modify(const Params& params, Reply reply) = 0;
  virtual void isns_list(const Params& params, Reply reply) = 0;
  virtual void metrics_show(const Params& params, Reply reply) = 0;
  virtual void metrics_modify(const Params& params, Reply reply) = 0;
  virtual void session_list(const Params& params, Reply reply) = 0;
  virtual void session_show(const Params& params, Reply reply) = 0;
  virtual void session_logout(const Params& params, Reply reply) = 0;
  virtual void session_negotiate(const Params& params, Reply reply) = 0;
  virtual void stats(const Params& params, Reply reply) = 0;
  virtual void event_list(const Params& params, Reply reply) = 0;
  virtual void command_list(const Params& params, Reply reply) = 0;
  virtual void debug_inject(const Params& params, Reply reply) = 0;
  virtual void debug_events(const Params& params, Reply reply) = 0;
  virtual void debug_registers(const Params& params, Reply reply) = 0;
  virtual void debug_rings(const Params& params, Reply reply) = 0;
  virtual void debug_inject_list(const Params& params, Reply reply) = 0;
  virtual void debug_inject_remove(const Params& params, Reply reply) = 0;
  virtual void debug_capture_start(const Params& params, Reply reply) = 0;
  virtual void debug_capture_read(const Params& params, Reply reply) = 0;
  virtual void debug_capture_stop(const Params& params, Reply reply) = 0;
};

struct Method {
  const char* name;  // "lu.create"
  const char* help;  // one line
  bool changes;      // who called it is logged
  std::span<const Param> params;
  void (Control::*handler)(const Params&, Reply);
};

std::span<const Method> methods();
const Method* find_method(std::string_view name);

}  // namespace ctl
