"""What the measuring programs are told alike: where the programs are, how long and how often, and whether briefly."""
import argparse
import pathlib


class Options:
    """--bin-dir, --runs, --seconds, --smoke; `smoke` is how many runs of how many seconds that means."""

    def __init__(self, description, runs=5, seconds=2.0, smoke=(3, 0.5)):
        self.parser = argparse.ArgumentParser(description=description)
        self.smoke = smoke
        self.add("--bin-dir", type=pathlib.Path, required=True)
        self.add("--runs", type=int, default=runs)
        self.add("--seconds", type=float, default=seconds, help="of one run")
        self.add("--smoke", action="store_true", help="short runs, with slack for a machine that does other things")

    def add(self, *names, **about):
        self.parser.add_argument(*names, **about)

    def read(self):
        options = self.parser.parse_args()
        if options.smoke:
            options.runs, options.seconds = self.smoke
        return options
