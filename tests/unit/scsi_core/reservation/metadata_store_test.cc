// Unit tests of the record store: what was written comes back, and nothing else ever does.
#include "scsi_core/metadata_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

#include "scsi_core/metadata_store_file.h"
#include "tests/unit/scsi_core/reservation/temporary_directory.h"

namespace scsi {
namespace {

using Bytes = std::vector<std::byte>;
namespace fs = std::filesystem;

Bytes bytes_of(std::string_view text) {
  const auto span = std::as_bytes(std::span(text));
  return {span.begin(), span.end()};
}

Bytes file_content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return bytes_of(std::string(std::istreambuf_iterator<char>(in), {}));
}

void put_file(const std::string& path, std::span<const std::byte> content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
}

TEST(MetadataRecord, EncodedRecordDecodesToItsPayload) {
  for (const std::string_view payload : {"", "x", "a record"}) {
    const Bytes file = encode_record("disk0", "reservations", bytes_of(payload));
    EXPECT_EQ(decode_record("disk0", "reservations", file).value(), bytes_of(payload));
  }
}

TEST(MetadataRecord, TornAtAnyByteIsRefused) {
  const Bytes file = encode_record("disk0", "reservations", bytes_of("some registrations"));
  for (std::size_t length = 0; length < file.size(); ++length) {
    EXPECT_FALSE(decode_record("disk0", "reservations", std::span(file).first(length)).has_value()) << length;
  }
}

TEST(MetadataRecord, TornAtAnyByteAndFilledWithZeroesIsRefused) {
  const Bytes file = encode_record("disk0", "reservations", bytes_of("some registrations"));
  for (std::size_t length = 0; length < file.size(); ++length) {
    Bytes torn = file;
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(length), torn.end(), std::byte{0});
    if (torn == file) continue;  // the last bytes of the checksum may be zero already
    EXPECT_FALSE(decode_record("disk0", "reservations", torn).has_value()) << length;
  }
}

TEST(MetadataRecord, AnyFlippedBitIsRefused) {
  const Bytes file = encode_record("disk0", "mode-pages", bytes_of("pages"));
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    Bytes flipped = file;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_FALSE(decode_record("disk0", "mode-pages", flipped).has_value()) << bit;
  }
}

TEST(MetadataRecord, DataBehindTheEndIsRefused) {
  Bytes file = encode_record("disk0", "mode-pages", bytes_of("pages"));
  file.push_back(std::byte{0});
  EXPECT_FALSE(decode_record("disk0", "mode-pages", file).has_value());
}

TEST(MetadataRecord, RecordOfAnotherUnitOrKindIsRefused) {
  const Bytes file = encode_record("disk0", "mode-pages", bytes_of("pages"));
  EXPECT_FALSE(decode_record("disk1", "mode-pages", file).has_value());
  EXPECT_FALSE(decode_record("disk0", "reservations", file).has_value());
  EXPECT_FALSE(decode_record("disk", "0mode-pages", file).has_value());
}

TEST(MetadataRecord, FileNamesAreSafeAndDistinct) {
  EXPECT_EQ(record_file_name("disk0", "mode-pages"), "disk0.mode-pages.rec");
  EXPECT_EQ(record_file_name("../../etc/passwd", "x"), "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd.x.rec");
  EXPECT_NE(record_file_name("a.b", "c"), record_file_name("a", "b.c"));
  EXPECT_NE(record_file_name("a%2E", "c"), record_file_name("a.", "c"));
  EXPECT_EQ(record_file_name(std::string("\0\xff", 2), ""), "%00%FF..rec");
  const std::string one(4000, '/'), other = one + "x";
  EXPECT_LE(record_file_name(one, "k").size() + 4, 255u);
  EXPECT_NE(record_file_name(one, "k"), record_file_name(other, "k"));
}

class MetadataFiles : public testing::Test {
 protected:
  test::TemporaryDirectory directory_;
  RecordDirectory records_ = std::move(RecordDirectory::open(directory_.path()).value());
  std::string file_ = directory_.path() + "/disk0.reservations.rec";
};

TEST_F(MetadataFiles, AbsentRecordIsNotAnError) {
  EXPECT_FALSE(records_.read("disk0", "reservations").value().has_value());
  EXPECT_TRUE(records_.erase("disk0", "reservations").has_value());
}

TEST_F(MetadataFiles, WrittenRecordIsReadReplacedAndErased) {
  ASSERT_TRUE(records_.write("disk0", "reservations", bytes_of("one")).has_value());
  EXPECT_EQ(records_.read("disk0", "reservations").value(), bytes_of("one"));
  ASSERT_TRUE(records_.write("disk0", "reservations", bytes_of("another")).has_value());
  EXPECT_EQ(records_.read("disk0", "reservations").value(), bytes_of("another"));
  ASSERT_TRUE(records_.erase("disk0", "reservations").has_value());
  EXPECT_FALSE(records_.read("disk0", "reservations").value().has_value());
  EXPECT_TRUE(fs::is_empty(directory_.path()));
}

TEST_F(MetadataFiles, OnlyTheOwnerMayReadARecord) {
  ASSERT_TRUE(records_.write("disk0", "reservations", bytes_of("one")).has_value());
  struct stat status {};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(MetadataFiles, TornFileIsAnErrorThatNamesIt) {
  ASSERT_TRUE(records_.write("disk0", "reservations", bytes_of("registrations")).has_value());
  const Bytes whole = file_content(file_);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    put_file(file_, std::span(whole).first(length));
    const auto read = records_.read("disk0", "reservations");
    ASSERT_FALSE(read.has_value()) << length;
    EXPECT_NE(read.error().text.find(file_), std::string::npos);
  }
}

TEST_F(MetadataFiles, FlippedByteIsAnErrorThatNamesTheFile) {
  ASSERT_TRUE(records_.write("disk0", "reservations", bytes_of("registrations")).has_value());
  const Bytes whole = file_content(file_);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Bytes flipped = whole;
    flipped[at] ^= std::byte{0xff};
    put_file(file_, flipped);
    const auto read = records_.read("disk0", "reservations");
    ASSERT_FALSE(read.has_value()) << at;
    EXPECT_NE(read.error().text.find(file_), std::string::npos);
  }
}

TEST_F(MetadataFiles, NothingButARegularFileIsRead) {
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  EXPECT_FALSE(records_.read("disk0", "reservations").has_value());
  fs::remove(file_);
  fs::create_directory(file_);
  EXPECT_FALSE(records_.read("disk0", "reservations").has_value());
  fs::remove(file_);
  put_file(directory_.path() + "/elsewhere", encode_record("disk0", "reservations", bytes_of("one")));
  fs::create_symlink("elsewhere", file_);
  EXPECT_FALSE(records_.read("disk0", "reservations").has_value());
}

TEST_F(MetadataFiles, WritingReplacesASymbolicLinkAndDoesNotFollowIt) {
  const std::string victim = directory_.path() + "/victim";
  put_file(victim, bytes_of("keep"));
  fs::create_symlink("victim", file_);
  fs::create_symlink("victim", file_ + ".new");
  ASSERT_TRUE(records_.write("disk0", "reservations", bytes_of("one")).has_value());
  EXPECT_EQ(file_content(victim), bytes_of("keep"));
  EXPECT_EQ(records_.read("disk0", "reservations").value(), bytes_of("one"));
}

TEST_F(MetadataFiles, HugeFileIsRefusedUnread) {
  put_file(file_, {});
  fs::resize_file(file_, std::uintmax_t{1} << 40);
  EXPECT_FALSE(records_.read("disk0", "reservations").has_value());
}

// Makes every write beyond a few bytes fail, as a full disk does.
class FileSizeLimit {
 public:
  FileSizeLimit() {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit tight{16, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(MetadataFiles, FailedWriteLeavesTheOldRecordAndNoRest) {
  ASSERT_TRUE(records_.write("disk0", "reservations", bytes_of("old")).has_value());
  {
    const FileSizeLimit limit;
    const auto written = records_.write("disk0", "reservations", bytes_of("new"));
    ASSERT_FALSE(written.has_value());
    EXPECT_NE(written.error().text.find("disk0.reservations.rec"), std::string::npos);
  }
  EXPECT_EQ(records_.read("disk0", "reservations").value(), bytes_of("old"));
  EXPECT_FALSE(fs::exists(file_ + ".new"));
}

TEST_F(MetadataFiles, OverlongRecordIsRefused) {
  EXPECT_FALSE(records_.write("disk0", "reservations", Bytes(kMaxRecord)).has_value());
  EXPECT_TRUE(fs::is_empty(directory_.path()));
}

class Store : public testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<MetadataStore> open() { return MetadataStore::open(GetParam() ? directory_.path() : "").value(); }
  // Polls until the answer is there; the test's own time limit is ctest's.
  base::Result<void> save(MetadataStore& store, const char* kind, std::string_view text) {
    std::optional<base::Result<void>> answer;
    store.save(*reactor_, "disk/0", kind, bytes_of(text), [&](base::Result<void> r) { answer = std::move(r); });
    EXPECT_FALSE(answer.has_value()) << "answered from inside the call";
    while (!answer.has_value()) reactor_->run_once();
    return *answer;
  }
  base::Result<void> erase(MetadataStore& store, const char* kind) {
    std::optional<base::Result<void>> answer;
    store.erase(*reactor_, "disk/0", kind, [&](base::Result<void> r) { answer = std::move(r); });
    while (!answer.has_value()) reactor_->run_once();
    return *answer;
  }
  test::TemporaryDirectory directory_;
  std::unique_ptr<hal::Reactor> reactor_ = hal::Reactor::create({}).value();
};

TEST_P(Store, KeepsRecordsOfDifferentKindsApart) {
  const auto store = open();
  ASSERT_TRUE(save(*store, "reservations", "r").has_value());
  ASSERT_TRUE(save(*store, "mode-pages", "m").has_value());
  ASSERT_TRUE(save(*store, "reservations", "r2").has_value());
  EXPECT_EQ(store->load("disk/0", "reservations").value(), bytes_of("r2"));
  EXPECT_EQ(store->load("disk/0", "mode-pages").value(), bytes_of("m"));
  EXPECT_FALSE(store->load("disk/1", "mode-pages").value().has_value());
  ASSERT_TRUE(erase(*store, "reservations").has_value());
  EXPECT_FALSE(store->load("disk/0", "reservations").value().has_value());
}

TEST_P(Store, RecordsOutliveTheStoreOnlyInADirectory) {
  ASSERT_TRUE(save(*open(), "reservations", "r").has_value());
  EXPECT_EQ(open()->load("disk/0", "reservations").value().has_value(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Kinds, Store, testing::Bool(),
                         [](const auto& given) { return given.param ? "Directory" : "Memory"; });

TEST(MetadataStore, DirectoryThatCannotBeOpenedIsAnError) {
  EXPECT_FALSE(MetadataStore::open("/dev/null/records").has_value());
  EXPECT_FALSE(MetadataStore::open("/dev/null").has_value());
}

}  // namespace
}  // namespace scsi
