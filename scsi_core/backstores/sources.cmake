# Sources of scsi_core/backstores.
list(APPEND scsi_core_sources backstores/backstores.cc backstores/null.cc backstores/page_map.cc backstores/ram.cc
  backstores/ram_channel.cc backstores/zero_area.cc)
