"""The command line: see `benchmarks.compose`."""

from __future__ import annotations

import argparse
from pathlib import Path

import benchmarks.compose


def main() -> None:
    """Compose the clips that were asked for."""
    parser = argparse.ArgumentParser(
        description=benchmarks.compose.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="part of the names of the clips to make")
    options = parser.parse_args()
    for clip in benchmarks.compose.compose(options.folder, options.only):
        print(clip)


if __name__ == "__main__":
    main()
