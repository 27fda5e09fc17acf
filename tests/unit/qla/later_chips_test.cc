// Later chips: indices in a page of BAR4, places in flash by its table, one of two images of the firmware.
#include <cstring>
#include <vector>

#include "tests/unit/qla/port_fixture.h"

namespace qla {
namespace {

using wire::RegionCode;

struct LaterChipTest : PortFixture {
  explicit LaterChipTest(std::uint16_t device = 0x2031) : PortFixture(device) {
    std::fill(card.flash.begin(), card.flash.end(), ~std::uint32_t{0});
  }
  void put(std::uint32_t at, const void* bytes, std::size_t size) { std::memcpy(&card.flash[at], bytes, size); }
  // Regions: code and place in dwords.
  void put_layout(const std::vector<std::pair<RegionCode, std::uint32_t>>& regions) {
    std::vector<std::uint8_t> table(sizeof(wire::FlashLayout) + regions.size() * sizeof(wire::FlashRegion));
    wire::FlashLayout head{};
    head.version = 1;
    head.length = static_cast<std::uint16_t>(table.size() - sizeof head);
    for (std::size_t i = 0; i < regions.size(); ++i) {
      wire::FlashRegion region{};
      region.code = static_cast<std::uint16_t>(regions[i].first);
      region.start = regions[i].second * 4;
      std::memcpy(&table[sizeof head + i * sizeof region], static_cast<const void*>(&region), sizeof region);
    }
    std::memcpy(table.data(), static_cast<const void*>(&head), sizeof head);
    std::uint16_t sum = 0;
    for (std::size_t i = 0; i < table.size(); i += 2)
      sum = static_cast<std::uint16_t>(sum + table[i] + table[i + 1] * 256);
    head.checksum = static_cast<std::uint16_t>(-sum);
    std::memcpy(table.data(), static_cast<const void*>(&head), sizeof head);
    put(regs::kFlashLayout83, table.data(), table.size());
  }
  void put_status(std::uint32_t at, bool active, std::uint16_t generation) {
    wire::ImageStatus status{};
    status.mask = active ? 1 : 0;
    status.generation = generation;
    status.signature = wire::kImageStatusSignature;
    std::uint32_t dwords[4], sum = 0;
    std::memcpy(dwords, static_cast<const void*>(&status), sizeof dwords);
    for (const std::uint32_t dword : dwords) sum += dword;
    status.checksum = -sum;
    put(at, &status, sizeof status);
  }
};

TEST_F(LaterChipTest, ServesByItsPage) {
  card.put_nvram(0xd1000, 7);
  card.put_firmware(0xa2000, 0x100000);
  put_layout({{RegionCode::kFirmware, 0xa2000}, {RegionCode::kNvram0, 0xd1000}, {RegionCode::kNvram1, 0xd2000}});
  bring_up();
  EXPECT_EQ(told, std::vector<std::string>{"link up"});
  EXPECT_EQ(port->info().port_name.raw, 0x21000024ff010207u);
  log_in();
  give_atio(command(0x81));
  run(2);
  ASSERT_EQ(commands.size(), 1u);
  queue->send_data(*commands[0], all(true));
  run(1);
  const auto ctio = request<wire::Ctio7Mode0>(wire::EntryType::kCtio7);
  give_response(done(ctio));
  run(2);
  EXPECT_EQ(data, std::vector<hal::fc::DataStatus>{hal::fc::DataStatus::kDone});
  EXPECT_NE(port->dump("registers").find("atio in            00000003"), std::string::npos);
}

TEST_F(LaterChipTest, TheUsualPlacesWithoutATable) {
  ExpectLog expect("table of regions is not valid");
  card.put_nvram(0xd0080, 9);
  card.put_firmware(0xa0000, 0x100000);
  bring_up();
  EXPECT_EQ(port->info().port_name.raw, 0x21000024ff010209u);
}

struct TwoImagesTest : LaterChipTest {
  TwoImagesTest() : LaterChipTest(0x2071) {
    card.put_nvram(0xd0080, 1);
    card.put_firmware(0xa0000, 0x100000);
    card.put_firmware(0xb0000, 0x200000);
    put_layout({{RegionCode::kFirmware, 0xa0000},
                {RegionCode::kFirmwareSecondary, 0xb0000},
                {RegionCode::kImageStatus, 0xd9000},
                {RegionCode::kImageStatusSecondary, 0xd9400},
                {RegionCode::kNvram0, 0xd0080}});
  }
};

TEST_F(TwoImagesTest, TheNewerOneOfTwo) {
  put_status(0xd9000, true, 1);
  put_status(0xd9400, true, 2);
  bring_up();
  EXPECT_EQ(card.loaded_at, 0x200000u);
}

TEST_F(TwoImagesTest, NotOneThatIsNotActive) {
  put_status(0xd9000, true, 1);
  put_status(0xd9400, false, 2);
  bring_up();
  EXPECT_EQ(card.loaded_at, 0x100000u);
}

// What the chip keeps in host memory is not asked for by the bus.
TEST_F(TwoImagesTest, IndicesAreReadInMemory) {
  bring_up();
  log_in();
  const int reads = card.index_reads;
  for (std::uint32_t i = 0; i < 3 * kRequestEntries; ++i) {  // the request ring's index is looked at in each turn of it
    give_atio(command(0x81 + i));
    run(1);
    ASSERT_EQ(commands.size(), i + 1);
    queue->send_data(*commands.back(), all(true));
    run(1);
    give_response(done(request<wire::Ctio7Mode0>(wire::EntryType::kCtio7)));
    run(1);
    ASSERT_EQ(data.size(), i + 1);
  }
  EXPECT_EQ(card.index_reads, reads);
}

TEST_F(TwoImagesTest, TheFirstWithoutRecords) {
  bring_up();
  EXPECT_EQ(card.loaded_at, 0x100000u);
}

}  // namespace
}  // namespace qla
