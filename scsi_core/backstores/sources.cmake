# Sources of scsi_core/backstores.
list(APPEND scsi_core_sources backstores/backstores.cc backstores/dirty_log.cc backstores/file.cc
  backstores/file_channel.cc backstores/file_engine.cc backstores/file_flush.cc backstores/file_medium.cc
  backstores/flush_state.cc backstores/io_threads.cc backstores/null.cc backstores/page_map.cc backstores/protected.cc
  backstores/ram.cc
  backstores/ram_channel.cc backstores/uring.cc backstores/zero_area.cc)
