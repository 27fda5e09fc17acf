// VPD page 88h, SCSI ports: who they are is known at the logical unit's home, once all reactors have said.
#include <algorithm>
#include <cstring>

#include "scsi_core/disk/access.h"
#include "scsi_core/disk/data_in.h"
#include "scsi_core/disk/vpd.h"
#include "scsi_core/lu_control.h"

namespace scsi::disk {
namespace {

constexpr std::size_t kLargestPage = 0xffff;

// Ports of the SCSI target device that the command came to, in order of their relative identifier; those that no
// longer fit into a page are left out.
void put_ports(Command& c, std::vector<TargetPortIdentity> ports, base::Writer& out) {
  const TargetPortIdentity& own = c.nexus->port.identity();
  std::erase_if(ports, [&](const TargetPortIdentity& port) {
    return port.protocol != own.protocol || port.target_name != own.target_name || port.relative_id == own.relative_id;
  });
  ports.push_back(own);
  std::sort(ports.begin(), ports.end(), [](const auto& a, const auto& b) { return a.relative_id < b.relative_id; });
  for (const TargetPortIdentity& port : ports) {
    if (out.wanted() + 512 > kLargestPage) return;
    put_scsi_port(out, port);
  }
}

// Fills the command's buffers; core.length becomes what there is to send.
void fill(Command& c, std::span<const std::byte> data) {
  data = data.first(std::min<std::size_t>(data.size(), wire<cdb::Inquiry>(c).allocation_length));
  c.core.length = data.size();
  for (std::size_t i = 0; i < c.core.segment_count && !data.empty(); ++i) {
    const std::span<std::byte> to = c.core.segments[i].bytes;
    const std::size_t part = std::min(to.size(), data.size());
    std::memcpy(to.data(), data.data(), part);
    data = data.subspan(part);
  }
}

void ask(Command& c) {
  find_reach(*c.core.lu, [&c](Reach reach) {
    DataIn data(kLargestPage);
    data.out().put(c.core.lu->server().device_type());
    data.out().put(kScsiPortsPage);
    data.out().put(base::be16(0));
    put_ports(c, std::move(reach.ports), data.out());
    data.patch_length<base::be16>(2);
    fill(c, data.bytes());
    home_done(c);
  });
}

void send_page(Command& c) { send_last(c, 0, c.core.length); }
void go_home(Command& c) { at_home_async(c, &ask, &send_page); }

}  // namespace

void inquire_scsi_ports(Command& c) {
  const std::uint16_t allocation_length = wire<cdb::Inquiry>(c).allocation_length;
  if (allocation_length == 0) return finish(c);
  take_buffers(c, allocation_length, &go_home);
}

}  // namespace scsi::disk
