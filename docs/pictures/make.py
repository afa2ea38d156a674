"""The README's pictures: what a terminal shows of a command, as SVG.

    python docs/pictures/make.py LEDGER      # a ledger that `loancli demo` made

Writes the .svg files beside this script.
"""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
WIDTH = 118
FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
PICTURES = {
    "loan-show": ["--lang", "zh", "loan", "show", "LN000001"],
    "revenue-show": ["--lang", "zh", "revenue", "show", "B0037"],
    "segment-list": ["segment", "list"],
}


def main() -> None:
    ledger = sys.argv[1]
    environ = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    for name, words in PICTURES.items():
        command = [sys.executable, "-m", "loancli", "-L", ledger, "--as-of", "2026-11-01", *words]
        # A terminal is what decides about tables, so `script` gives one.
        line = " ".join(command)
        shown = subprocess.run(
            ["script", "-qec", f"stty cols {WIDTH}; {line}", "/dev/null"], env=environ, capture_output=True, check=True
        ).stdout.decode()
        console = Console(record=True, width=WIDTH, file=io.StringIO())
        console.print(Text.from_ansi(f"$ loancli {' '.join(words)}\n{shown}"))
        picture = FONT_FACE.sub("", console.export_svg(title="loancli"))  # a picture that asks no other host
        (HERE / f"{name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
