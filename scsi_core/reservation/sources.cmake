# Reservations and the record store they are kept in.
list(APPEND scsi_core_sources metadata_store.cc metadata_store_file.cc)
