"""Writes ``docs/performance.md``.

    python -m benchmarks.report [--check]

``--check`` writes nothing and fails if the page is not what the result files say.
"""

import argparse
import sys

from benchmarks.report.page import PAGE, page


def main() -> None:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        if not PAGE.is_file() or PAGE.read_text() != page():
            sys.exit("docs/performance.md is not what benchmarks/results/ says: run python -m benchmarks.report")
        return
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
    print(f"written to {PAGE}")


if __name__ == "__main__":
    main()
