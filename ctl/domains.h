// Discovery domains of iSNS servers as a filter: which initiators may log in to which target.
#pragma once

#include <vector>

#include "ctl/isns/client.h"
#include "fabrics/iscsi/service.h"

namespace ctl {

iscsi::FabricConfig without_secrets(iscsi::FabricConfig fabric);
// Whether any of its iSNS servers is to say who may log in.
bool controls_access(const iscsi::FabricConfig& fabric);
// Where they do: of those that a target's `initiators` let in, only those that one of the servers sees in a domain with
// it. Targets of which no server has told anything yet wait.
iscsi::FabricConfig within_domains(iscsi::FabricConfig fabric, const std::vector<const isns::Client*>& servers);

}  // namespace ctl
