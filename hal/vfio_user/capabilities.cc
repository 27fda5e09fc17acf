// Capabilities as JSON text.
#include "hal/vfio_user/capabilities.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace hal::vfio_user {
namespace {

constexpr std::size_t kLongestText = 16384;

base::Result<void> number(const nlohmann::json& from, const char* name, std::uint64_t most, std::uint64_t& value) {
  const auto found = from.find(name);
  if (found == from.end()) return {};
  if (!found->is_number_unsigned() || *found == 0) {
    return base::fail(base::Errc::kInvalid, std::string("the capability ") + name + " is not a number above zero");
  }
  value = std::min(found->get<std::uint64_t>(), most);
  return {};
}

}  // namespace

std::string write_capabilities(const Capabilities& capabilities) {
  const nlohmann::json text = {{"capabilities",
                                {{"max_msg_fds", capabilities.max_msg_fds},
                                 {"max_data_xfer_size", capabilities.max_data_xfer_size},
                                 {"max_dma_maps", capabilities.max_dma_maps},
                                 {"pgsizes", capabilities.pgsizes},
                                 {"write_multiple", capabilities.write_multiple}}}};
  return text.dump() + '\0';
}

base::Result<Capabilities> read_capabilities(std::span<const std::byte> text) {
  Capabilities read;
  if (text.size() > kLongestText) return base::fail(base::Errc::kInvalid, "the version data is too long");
  std::string_view json(reinterpret_cast<const char*>(text.data()), text.size());
  json = json.substr(0, json.find('\0'));
  if (json.empty()) return read;
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_object()) return base::fail(base::Errc::kInvalid, "the version data is not a JSON object");
  const auto found = parsed.find("capabilities");
  if (found == parsed.end()) return read;
  if (!found->is_object()) return base::fail(base::Errc::kInvalid, "the capabilities are not a JSON object");
  TRY(number(*found, "max_msg_fds", kMaxFds, read.max_msg_fds));
  TRY(number(*found, "max_data_xfer_size", kMaxDataTransfer, read.max_data_xfer_size));
  TRY(number(*found, "max_dma_maps", 65535, read.max_dma_maps));
  TRY(number(*found, "pgsizes", ~std::uint64_t{0}, read.pgsizes));
  if (const auto multiple = found->find("write_multiple"); multiple != found->end() && multiple->is_boolean()) {
    read.write_multiple = multiple->get<bool>();
  }
  return read;
}

}  // namespace hal::vfio_user
