"""The entry point. What can be answered without Typer is answered before Typer is imported."""

import os
import sys
from collections.abc import Sequence

from loancli import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code (cli/exit.py)."""
    args = list(sys.argv[1:] if argv is None else argv)
    if args == ["--version"]:
        print(f"loancli {__version__}")
        return 0

    from loancli.cli.app import REGISTRY, run

    os.umask(0o077)  # ledgers, exports and backups hold personal data
    return run(REGISTRY, args, os.environ)
