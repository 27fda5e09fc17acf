# Reservations and the record store they are kept in.
list(APPEND scsi_core_sources metadata_store.cc metadata_store_file.cc)
foreach(source transport_id table register move reserve preempt record report parameters
    reservations handlers)
  list(APPEND scsi_core_sources reservation/${source}.cc)
endforeach()
