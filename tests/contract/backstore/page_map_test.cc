// The page map against a plain vector of bools.
#include "scsi_core/backstores/page_map.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/random.h"

namespace scsi {
namespace {

constexpr std::uint64_t kPages = 300;

TEST(PageMap, SetsClearsAndFindsRunsAsAVectorOfBoolsDoes) {
  const auto words = std::make_unique<PageMap::Word[]>(kPages / PageMap::kPerWord + 1);
  PageMap map(words.get());
  std::vector<bool> model(kPages);
  std::uint64_t charged = 0;
  base::SeededRandom random(7);
  for (int step = 0; step < 5000; ++step) {
    const std::uint64_t first = random.below(kPages);
    const std::uint64_t end = first + 1 + random.below(kPages - first);
    if (random.below(2) == 0) {
      for (std::uint64_t page = first; page < end;) {
        const std::uint64_t next = std::min(end, (page | (PageMap::kPerWord - 1)) + 1);
        const std::uint64_t missing = map.missing(page, next);
        charged += static_cast<std::uint64_t>(std::popcount(missing));
        map.set(page / PageMap::kPerWord, missing);
        page = next;
      }
      std::fill(model.begin() + static_cast<long>(first), model.begin() + static_cast<long>(end), true);
    } else {
      charged -= map.clear(first, end);
      std::fill(model.begin() + static_cast<long>(first), model.begin() + static_cast<long>(end), false);
    }
    EXPECT_EQ(charged, static_cast<std::uint64_t>(std::count(model.begin(), model.end(), true)));
    const std::uint64_t page = random.below(kPages);
    std::uint64_t run = page;
    while (run < kPages && model[run] == model[page]) ++run;
    EXPECT_EQ(map.test(page), model[page]);
    EXPECT_EQ(map.run_end(page, kPages, model[page]), run);
    const std::uint64_t quick_end = page + 1 + random.below(kPages - page);
    const bool all = std::all_of(model.begin() + static_cast<long>(page), model.begin() + static_cast<long>(quick_end),
                                 [](bool bit) { return bit; });
    const bool one_word = page / PageMap::kPerWord == (quick_end - 1) / PageMap::kPerWord;
    EXPECT_EQ(map.all_set_quick(page, quick_end), all && one_word);
  }
}

}  // namespace
}  // namespace scsi
