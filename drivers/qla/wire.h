// What lies in host memory and flash: queue entries (IOCBs) of both roles, initialisation block, port database, NVRAM.
//
// Little-endian unless said otherwise; FC headers and FCP IUs in ATIOs are in wire order. "Swapped": the bytes of each
// aligned dword are in reverse of the wire's order. Meanings of codes are the reader's affair, except those that both
// sides of the queues must spell alike.
#pragma once

#include "drivers/qla/wire/command.h"
#include "drivers/qla/wire/entry.h"
#include "drivers/qla/wire/flash.h"
#include "drivers/qla/wire/init_block.h"
#include "drivers/qla/wire/link_service.h"
#include "drivers/qla/wire/notify.h"
#include "drivers/qla/wire/port_database.h"
#include "drivers/qla/wire/target.h"
#include "drivers/qla/wire/virtual_port.h"
