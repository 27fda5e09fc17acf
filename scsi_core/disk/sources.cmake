list(APPEND scsi_core_sources
  disk/access.cc disk/add_disk.cc disk/buffers.cc disk/cache.cc disk/capacity.cc disk/compare_and_write.cc disk/disk.cc
  disk/inquiry.cc disk/medium.cc disk/mode_pages.cc disk/mode_parameters.cc disk/mode_select.cc disk/mode_sense.cc
  disk/opcode_table.cc disk/or_write.cc disk/primary.cc disk/protected.cc
  disk/protected_compare.cc disk/protected_offload.cc disk/protected_read.cc disk/protected_verify.cc disk/protected_write.cc
  disk/protected_write_same.cc disk/protection.cc disk/protected_table.cc disk/provisioning.cc disk/read.cc disk/report_supported.cc disk/scsi_ports.cc
  disk/verify.cc disk/vpd.cc disk/vpd_block.cc disk/vpd_identification.cc disk/write.cc disk/write_same.cc)
