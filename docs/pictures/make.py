"""The README's pictures as PNG: what a terminal shows of a command, and the page that a command writes.

    python docs/pictures/make.py LEDGER      # the ledger that `loancli demo` made, in its folder

Writes the .png files beside this script. Needs Debian's chromium and fonts-noto-cjk, whose 汉字 are two columns wide.
"""

import html
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
COLUMNS = 124
CELL_WIDTH_PX, LINE_HEIGHT_PX, MARGIN_PX = 8, 21, 36
PICTURES = {
    "loan-show": ["--lang", "zh", "loan", "show", "LN000001"],
    "revenue-show": ["revenue", "show", "B0037", "--from", "2026-03-01"],
    "loan-fitted": ["--lang", "zh", "loan", "show", "LN000061"],
}
PROJECTIONS = {  # the day it is made on, and the words
    "plan-project": ("2026-11-01", "revenue-share --principal 30000 --borrower B0037 --burden 15%"),
    "plan-fit": ("2025-05-01", "fitted.toml --principal 80000 --start 2025-05-08 --borrower B0061 --burden 20%"),
}
PROJECTION_SIZE = (1000, 930)  # both charts; the tables below them are left out
COST_TABLE = "--lang zh plan cost revenue-share --principal 30000 --start 2025-10-01"
COST_SIZE = (900, 1000)
PAGE = """<meta charset="utf-8"><body style="margin:0;overflow:hidden;background:#1e1e2e">
<pre style="margin:12px;color:#e6e6ef;font:16px/21px 'Noto Sans Mono CJK SC'">{text}</pre>"""


def main() -> None:
    ledger = Path(sys.argv[1]).resolve()
    environ = {**os.environ, "NO_COLOR": "1", "TERM": "xterm"}
    for name, words in PICTURES.items():
        line = " ".join([sys.executable, "-m", "loancli", "-L", str(ledger), "--as-of", "2026-11-01", *words])
        # A terminal is what decides about tables, so `script` gives one.
        command = ["script", "-qec", f"stty cols {COLUMNS}; {line}", "/dev/null"]
        shown = subprocess.run(command, env=environ, capture_output=True, check=True).stdout.decode()
        text = re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\r\n", "\n").rstrip()
        _photograph(f"$ loancli {' '.join(words)}\n{text}", HERE / f"{name}.png")
    for name, (as_of, asked) in PROJECTIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "projection.html"
            words = ["-q", "-L", str(ledger), "--as-of", as_of, "plan", "project", *asked.split(), "--html", str(page)]
            command = [sys.executable, "-m", "loancli", *words]
            subprocess.run(command, env=environ, capture_output=True, check=True, cwd=ledger.parent)
            _shoot(page, PROJECTION_SIZE, HERE / f"{name}.png")

    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "cost.html"
        command = [sys.executable, "-m", "loancli", "-q", *COST_TABLE.split(), "--html", str(page)]
        subprocess.run(command, env=environ, capture_output=True, check=True)
        _shoot(page, COST_SIZE, HERE / "plan-cost.png")


def _photograph(text: str, path: Path) -> None:
    size = (COLUMNS * CELL_WIDTH_PX + MARGIN_PX, (text.count("\n") + 1) * LINE_HEIGHT_PX + MARGIN_PX)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(PAGE.format(text=html.escape(text)), encoding="utf-8")
        _shoot(page, size, path)


def _shoot(page: Path, size: tuple[int, int], path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        options = [f"--user-data-dir={folder}/profile", f"--window-size={size[0]},{size[1]}", f"--screenshot={path}"]
        subprocess.run([*browser, *options, page.as_uri()], capture_output=True, check=True, timeout=120)


if __name__ == "__main__":
    main()
