"""The README runs: its console blocks, in order, in one new folder, on a terminal, print what they say.

`pytest tests/test_readme.py --write-readme` writes what they print now into the README, to be reviewed like code.
"""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
SOURCES = Path(__file__).resolve().parents[1] / "src"
COLUMNS = 118
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def commands(block: str) -> list[tuple[str, str]]:
    """[(command line, what it prints)] of a block; a command may go on after a backslash."""
    found: list[tuple[str, str]] = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        count = 1
        while lines[count - 1].rstrip("\n").endswith("\\"):
            count += 1
        found.append(("".join(lines[:count]).rstrip("\n"), "".join(lines[count:])))
    return found


class Terminal:
    """A folder with `loancli` on the path, and a terminal of fixed width."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tools = folder / "bin"
        tools.mkdir()
        script = tools / "loancli"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m loancli "$@"\n')
        script.chmod(0o755)
        self.work = folder / "work"
        self.work.mkdir()
        self.environ = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYTHONPATH": str(SOURCES),
            "HOME": str(folder),
            "TERM": "xterm",
            "NO_COLOR": "1",
            "LANG": "C.UTF-8",
            "COLUMNS": str(COLUMNS),
            "LOANCLI_NOW": "2026-11-01T10:00:00+08:00",
            "LOGNAME": "analyst",
        }

    def run(self, command: str) -> str:
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.environ[name] = value
            return ""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        process = subprocess.Popen(
            ["/bin/bash", "-c", command], stdin=theirs, stdout=theirs, stderr=theirs, cwd=self.work, env=self.environ
        )
        os.close(theirs)
        printed = b""
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:
                break
            if not read:
                break
            printed += read
        os.close(ours)
        process.wait()
        return clean(printed.decode())


def clean(text: str) -> str:
    """What stays on the screen: no escape sequences, no progress bar, no blanks at line ends."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.replace("\r\n", "\n"))
    lines = [line.rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return (
        "\n".join(line for line in lines if "━" not in line or "│" in line or "┃" in line or "┏" in line).strip("\n")
        + "\n"
    )


def test_the_readme_runs(tmp_path, request):
    if sys.platform == "win32":
        pytest.skip("needs a POSIX terminal")
    text = README.read_text(encoding="utf-8")
    terminal = Terminal(tmp_path)
    wanted, printed = [], []
    for block in BLOCK.findall(text):
        missing = not shutil.which("hledger")
        answers = [
            (command, said if missing and "hledger -f" in command else terminal.run(command))
            for command, said in commands(block)
        ]
        printed.append("".join(f"$ {command}\n{answer}" for command, answer in answers))
        wanted.append(block)
    if request.config.getoption("--write-readme"):
        new = iter(printed)
        README.write_text(BLOCK.sub(lambda _: f"```console\n{next(new)}```", text), encoding="utf-8")
        return
    assert printed == wanted
