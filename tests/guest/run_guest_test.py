#!/usr/bin/env python3
# Holds run_guest to its word: status and console come back, questions are answered, a limit says what it waited for.
import unittest

from run_guest import Guest, GuestError


class RunGuest(unittest.TestCase):
    def test_status_console_and_answers_come_back(self):
        asked = []
        script = 'cat extra; echo "ask one two" >&7; read -r answer <&7; echo "got $answer"; exit 7'
        guest = Guest(script, {"extra": b"from the host\n"}, lambda words: asked.append(words) or "yes")
        status, console = guest.run(90)
        self.assertEqual((status, asked), (7, ["one two"]))
        self.assertIn("from the host\ngot yes\n", console)

    def test_a_script_that_hangs_is_ended_and_named(self):
        with self.assertRaisesRegex(GuestError, "waited 25 s for the script's step 'sleeping'"):
            Guest('echo "step sleeping" >&7; sleep 600').run(25)

    def test_a_guest_that_dies_is_no_success(self):
        with self.assertRaisesRegex(GuestError, "QEMU ended while waiting for the script"):
            Guest("echo c >/proc/sysrq-trigger; sleep 60").run(90)


if __name__ == "__main__":
    unittest.main()
