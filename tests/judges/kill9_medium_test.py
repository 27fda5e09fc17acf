#!/usr/bin/env python3
# The judge's model of a disk: every rule of it must be able to fail.
import unittest

from kill9_medium import BLOCK, NEVER, ZEROS, Medium, Write, content, generation_of


def disk(*generations):
    return b"".join(content(lba, generation) for lba, generation in enumerate(generations))


class Blocks(unittest.TestCase):
    def test_a_block_tells_its_generation(self):
        self.assertEqual(len(content(7, 9)), BLOCK)
        self.assertEqual(generation_of(7, content(7, 9)), 9)
        self.assertEqual(generation_of(7, ZEROS), NEVER)

    def test_another_blocks_data_is_damage(self):
        self.assertIsNone(generation_of(8, content(7, 9)))

    def test_half_a_block_is_damage(self):
        self.assertIsNone(generation_of(7, content(7, 9)[:256] + content(7, 8)[256:]))
        self.assertIsNone(generation_of(7, content(7, 9)[:256] + ZEROS[256:]))


class Crash(unittest.TestCase):
    def setUp(self):
        self.medium = Medium(4)

    def wrote(self, first, count, generation, durable):
        write = Write(first, count, generation, durable)
        self.medium.sent(write)
        self.medium.good(write)

    def test_what_was_durable_may_not_be_lost(self):
        self.wrote(1, 2, 5, durable=True)
        self.assertEqual(len(self.medium.after_crash(disk(0, 0, 5, 0))), 1)

    def test_what_was_durable_may_not_be_older(self):
        self.wrote(1, 1, 5, durable=True)
        self.wrote(1, 1, 6, durable=True)
        self.assertEqual(len(self.medium.after_crash(disk(0, 5, 0, 0))), 1)

    def test_blocks_beside_a_write_stay(self):
        self.medium.sent(Write(1, 2, 5, durable=True))
        self.assertEqual(len(self.medium.after_crash(disk(5, 5, 0, 5))), 2)

    def test_a_torn_unacknowledged_write_is_old_or_new_in_each_block(self):
        self.wrote(0, 4, 5, durable=True)
        self.medium.sent(Write(0, 4, 6, durable=True))
        self.assertEqual(self.medium.after_crash(disk(5, 6, 6, 5)), [])

    def test_without_durability_any_acknowledged_generation_is_allowed(self):
        self.wrote(0, 1, 5, durable=True)
        self.wrote(0, 1, 6, durable=False)
        self.wrote(0, 1, 7, durable=False)
        self.assertEqual(self.medium.allowed(0), {5, 6, 7})
        self.assertEqual(self.medium.newest(0), 7)

    def test_synchronize_cache_covers_what_was_acknowledged_when_it_was_sent(self):
        self.wrote(0, 2, 5, durable=False)
        since = self.medium.acknowledged
        self.wrote(1, 1, 6, durable=False)
        self.medium.sent(Write(2, 1, 7, durable=False))
        self.medium.synchronized(since)
        self.assertEqual([self.medium.allowed(lba) for lba in range(3)], [{5}, {5, 6}, {NEVER, 7}])

    def test_what_was_found_counts_afterwards(self):
        self.medium.sent(Write(0, 2, 5, durable=False))
        self.assertEqual(self.medium.after_crash(disk(5, 0, 0, 0)), [])
        self.assertEqual(len(self.medium.after_crash(disk(0, 5, 0, 0))), 2)


if __name__ == "__main__":
    unittest.main()
