"""Starting costs little, help loads no command, each command can be loaded, and an installed wheel finds its data."""

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import typer

from loancli import __version__, shipped
from loancli.cli.app import REGISTRY, Entry, load, run
from loancli.cli.exit import Exit
from loancli.cli.main import main
from loancli.core.errors import NotFoundError, SetupError

CHECKOUT = Path(__file__).resolve().parents[2]
HEAVY = {"rich", "sqlite_utils", "sqlite3", "pydantic", "numpy", "pyxirr", "jinja2", "dateutil", "xlsxwriter"}


def python(*words: str, cwd: Path | None = None, source: Path = CHECKOUT / "src") -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(source), "LANG": "C.UTF-8"}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)


def modules_after(*args: str) -> set[str]:
    """What is imported when `loancli ARGS` ends."""
    code = f"""
import sys
from loancli.cli.main import main
main({list(args)!r})
print(*sys.modules, file=sys.stderr)
"""
    return set(python("-c", code).stderr.split())


@pytest.mark.parametrize("args", [(), ("--help",), ("--lang", "zh", "--help")])
def test_help_imports_nothing_heavy_and_no_command(args):
    imported = modules_after(*args)
    assert "typer" in imported
    assert imported & HEAVY == set()
    assert imported & {entry.module for entry in REGISTRY} == set()


def test_the_version_is_told_without_typer():
    assert python("-m", "loancli", "--version").stdout == f"loancli {__version__}\n"
    assert not any(name.startswith("typer") for name in modules_after("--version"))


@pytest.mark.bench
def test_the_version_takes_at_most_three_times_a_bare_python():
    def seconds(*words: str) -> float:
        started = time.perf_counter()
        python(*words)
        return time.perf_counter() - started

    rounds = [(seconds("-m", "loancli", "--version"), seconds("-c", "pass")) for _ in range(15)]
    assert min(ours for ours, _ in rounds) <= 3 * min(bare for _, bare in rounds)


def test_a_version_after_other_options_is_told_as_well(capsys):
    assert main(["--quiet", "--version"]) == 0
    assert capsys.readouterr().out == f"loancli {__version__}\n"


def test_no_name_stands_twice_in_the_registry():
    names = [entry.name for entry in REGISTRY]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in REGISTRY])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_command_loads_and_has_help(entry, lang):
    assert entry.en
    assert entry.zh
    assert without_help(load(entry, lang), entry.name) == []


def without_help(command, path: str) -> list[str]:
    missing = [path] if not command.help else []
    missing += [f"{path} {param.name}" for param in command.params if not param.help]
    return missing + [
        name
        for child in getattr(command, "commands", {}).values()
        for name in without_help(child, f"{path} {child.name}")
    ]


@pytest.fixture
def app():
    """One command, `show`."""
    made = typer.Typer()

    @made.command()
    def show(loan_id: str, at: str = typer.Option("today", help="When.")) -> None:
        """Show a loan."""
        typer.echo(f"{loan_id} {at}")

    return made


def test_a_group_of_one_command_is_still_a_group(app, registry, capsys):
    assert run(registry(app), ["loan", "show", "L1", "--at", "noon"], {}) == 0
    assert capsys.readouterr().out == "L1 noon\n"


def test_a_command_at_the_top_needs_no_second_word(app, registry, capsys):
    assert run(registry(app, is_group=False), ["loan", "L1"], {}) == 0
    assert capsys.readouterr().out == "L1 today\n"


def test_a_group_without_a_command_shows_its_help(app, registry, capsys):
    assert run(registry(app), ["loan"], {}) == 2
    assert "Show a loan." in capsys.readouterr().err


def test_help_speaks_the_language_asked_for(app, registry, capsys):
    run(registry(app), ["--lang", "zh", "loan", "--help"], {"LANG": "en_US.UTF-8"})
    chinese = capsys.readouterr().out
    run(registry(app), ["loan", "--help"], {"LANG": "en_US.UTF-8"})
    english = capsys.readouterr().out
    assert [word in chinese for word in ("用法：", "贷款", "命令：", "Usage", "Loans.")] == [True] * 3 + [False] * 2
    assert [word in english for word in ("Usage: ", "Loans.", "Commands:", "用法")] == [True] * 3 + [False]


def test_a_command_that_is_missing_is_a_bug(capsys):
    missing = Entry(name="loan", module="loancli.cli.no_such_module", en="Loans.", zh="贷款")
    assert run((missing,), ["loan", "show"], {}) == Exit.BUG
    assert "ModuleNotFoundError" in capsys.readouterr().err


def test_completion_names_the_commands_of_a_group(app, registry, capsys, monkeypatch):
    monkeypatch.setenv("_LOANCLI_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "loancli loan s")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit):
        run(registry(app), [], os.environ)
    assert capsys.readouterr().out.split() == ["show"]


def test_files_made_by_a_command_are_for_their_owner(tmp_path):
    before = os.umask(0o022)
    try:
        main(["--help"])
        (tmp_path / "made").touch()
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o077 == 0


# Data files


def test_our_schedules_are_found_in_the_checkout():
    assert "cn-2026.csv" in shipped.schedules("calendars")
    assert shipped.schedules("no_such_kind") == {}


def test_a_lenders_file_replaces_ours_of_the_same_name_and_no_other(tmp_path):
    (tmp_path / "calendars").mkdir()
    for name in ("cn-2026.csv", "cn-2027.csv", ".hidden"):
        (tmp_path / "calendars" / name).touch()
    ours, both = shipped.schedules("calendars"), shipped.schedules("calendars", tmp_path)
    assert both == dict(
        sorted((ours | {name: tmp_path / "calendars" / name for name in ("cn-2026.csv", "cn-2027.csv")}).items())
    )
    assert both["cn-2025.csv"] == ours["cn-2025.csv"]
    assert list(both) == sorted(both)


def test_a_misspelt_folder_is_not_ignored(tmp_path):
    (tmp_path / "policy").mkdir()
    with pytest.raises(SetupError, match=r"policy: schedules have no folder of this name; there are .*policies"):
        shipped.schedules("policies", tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NotFoundError):
        shipped.schedules("policies", tmp_path / "nowhere")


def test_an_installed_wheel_starts_and_finds_its_data_outside_the_checkout(tmp_path):
    built = python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(CHECKOUT))
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        metadata = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert b"loancli = loancli.cli.main:main" in archive.read(metadata)
    code = "from loancli import shipped; print(shipped.root()); print(*shipped.schedules('calendars'))"
    found = python("-c", code, cwd=tmp_path, source=tmp_path / "site").stdout
    assert found.splitlines()[0] == str(tmp_path / "site" / "loancli" / "shipped_data")
    assert "cn-2026.csv" in found
    assert (tmp_path / "site" / "loancli" / "shipped_data" / "fixtures" / "lender.py").is_file()
    assert "Usage: loancli" in python("-m", "loancli", "--help", cwd=tmp_path, source=tmp_path / "site").stdout
