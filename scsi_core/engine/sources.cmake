list(APPEND scsi_core_sources
  engine/abort.cc engine/admission.cc engine/buffers.cc engine/core.cc engine/core_inject.cc engine/core_lists.cc
  engine/ending.cc engine/execution.cc engine/fleet.cc engine/handover.cc engine/home.cc engine/inject.cc engine/logical_unit.cc
  engine/lu_control.cc engine/lu_home.cc engine/nexus.cc engine/opcode_table.cc engine/protected_transfer.cc engine/router.cc engine/sense.cc engine/statistics.cc
  engine/task_management.cc engine/task_set.cc engine/unit_attentions.cc engine/views.cc engine/watchdog.cc)
