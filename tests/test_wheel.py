"""The wheel, installed outside the checkout: it has its terms and demo; a lender's own terms replace ours by name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loancli import __version__

CHECKOUT = Path(__file__).resolve().parents[1]


class Installed:
    """A folder with the installed program and what it needs from the interpreter's own packages."""

    def __init__(self, site: Path, work: Path) -> None:
        self.site, self.work = site, work

    def run(self, *words: object) -> "subprocess.CompletedProcess[str]":
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.site),
            "HOME": str(self.work),
            "LANG": "C.UTF-8",
            "LOANCLI_NOW": "2026-03-01T10:00:00+08:00",
        }
        command = [str(self.site / "bin" / "loancli"), *map(str, words)]
        return subprocess.run(command, cwd=self.work, env=environ, capture_output=True, text=True, check=False)

    def out(self, *words: object) -> str:
        told = self.run(*words)
        assert told.returncode == 0, told.stderr
        return told.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    python = [sys.executable, "-m"]
    install = ["pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    for line in (
        ["build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT],
        [*install, "--target", folder / "site", "--find-links", folder, "loancli"],
    ):
        done = subprocess.run([*python, *map(str, line)], capture_output=True, text=True, cwd=folder, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    (folder / "work").mkdir()
    return Installed(folder / "site", folder / "work")


def test_it_is_the_installed_program_that_runs(installed):
    assert installed.out("--version") == f"loancli {__version__}\n"
    code = "import loancli; print(loancli.__file__)"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed.site)}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=installed.work, env=environ, capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith(str(installed.site))


def test_every_file_of_the_schedules_and_the_demo_is_in_it(installed):
    data = installed.site / "loancli" / "shipped_data"
    for folder in ("schedules", "fixtures"):
        there = {path.relative_to(data) for path in (data / folder).rglob("*") if path.is_file()}
        ours = {path.relative_to(CHECKOUT) for path in (CHECKOUT / folder).rglob("*") if path.is_file()}
        assert {path for path in there ^ ours if "__pycache__" not in path.parts} == set()
    assert not list(data.rglob("*.pyc"))


def test_products_plans_and_a_ledger_without_the_checkout(installed):
    assert "revenue-share" in installed.out("product", "list")
    assert installed.out("plan", "show", "equal-instalments", "--principal", "20000").count("\n") > 12
    installed.out("--ledger", "books.db", "init")
    installed.out("--ledger", "books.db", "borrower", "add", "B1", "--name", "张三")
    line = ("--product", "equal-instalments", "--principal", "20000")
    installed.out("--ledger", "books.db", "loan", "open", "--borrower", "B1", *line)
    assert "LN000001" in installed.out("--ledger", "books.db", "loan", "list")
    installed.out("--ledger", "books.db", "ledger", "check")
    installed.out("--ledger", "books.db", "doctor")


def test_a_lenders_own_folder_replaces_one_product_by_name(installed, tmp_path):
    text = (CHECKOUT / "schedules" / "products" / "equal-instalments.toml").read_text(encoding="utf-8")
    (tmp_path / "products").mkdir()
    own = text.replace('name_en = "Equal instalments"', 'name_en = "Our own terms"')
    assert own != text
    (tmp_path / "products" / "equal-instalments.toml").write_text(own, encoding="utf-8")
    ours, theirs = installed.out("product", "list"), installed.out("--schedules", tmp_path, "product", "list")
    assert "Our own terms" not in ours
    assert "Our own terms" in theirs
    assert len(ours.splitlines()) == len(theirs.splitlines())
    assert [line for line in theirs.splitlines() if line not in ours.splitlines()] == [
        line for line in theirs.splitlines() if line.startswith("equal-instalments\t")
    ]


def test_the_demo_finds_its_generator(installed):
    told = installed.run("demo", "--help")
    assert told.returncode == 0
    (installed.work / "full").mkdir()
    (installed.work / "full" / "file").touch()
    told = installed.run("demo", "full")
    assert (told.returncode, "not empty" in told.stderr) == (3, True)
    code = (
        "import runpy, sys; from loancli import shipped;"
        "made = runpy.run_path(str(shipped.root() / 'fixtures' / 'lender.py'));"
        "print(len(made['make_world'](7).loans))"
    )
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed.site), "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=installed.work, env=environ, capture_output=True, text=True, check=False
    )
    assert told.stdout == "60\n", told.stderr
