"""What stands before the command reaches it: from the command line, else from the environment, else by default."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import typer

from loancli.cli.app import run
from loancli.cli.exit import Exit
from loancli.cli.options import Context, context_of, day, language, login_name, now
from loancli.core.errors import SetupError


@pytest.fixture
def context(registry, monkeypatch):
    """The Context that a command sees after `loancli ARGS`."""
    for name in ("LOANCLI_LEDGER", "LOANCLI_SCHEDULES", "LOANCLI_NOW"):
        monkeypatch.delenv(name, raising=False)
    seen = []
    app = typer.Typer()

    @app.command()
    def look(ctx: typer.Context) -> None:
        seen.append(context_of(ctx))

    def after(*args: str) -> Context:
        assert run(registry(app), [*args, "loan", "look"], {}) == 0
        return seen[-1]

    return after


def test_without_options_all_is_by_default(context, monkeypatch):
    monkeypatch.setenv("LOANCLI_NOW", "2026-11-23T17:30:00+00:00")
    monkeypatch.setenv("LOGNAME", "wang")
    assert context() == Context(
        ledger=Path("loancli.db"),
        as_of=date(2026, 11, 24),  # it is the next day in Shanghai
        actor="wang",
        lang="en",
        schedules=None,
        quiet=False,
        verbose=False,
    )


def test_options_reach_the_command(context, tmp_path):
    args = ["-L", "branch.db", "--as-of", "2026-02-28", "--actor", "li", "--lang", "zh", "-q", "-v"]
    assert context(*args, "--schedules", str(tmp_path)) == Context(
        ledger=Path("branch.db"),
        as_of=date(2026, 2, 28),
        actor="li",
        lang="zh",
        schedules=tmp_path,
        quiet=True,
        verbose=True,
    )


def test_the_environment_stands_in_for_options_and_they_go_before_it(context, tmp_path, monkeypatch):
    monkeypatch.setenv("LOANCLI_LEDGER", "east.db")
    monkeypatch.setenv("LOANCLI_SCHEDULES", str(tmp_path))
    seen = context()
    assert (seen.ledger, seen.schedules) == (Path("east.db"), tmp_path)
    assert context("--ledger", "west.db").ledger == Path("west.db")


@pytest.mark.parametrize(
    ("args", "environ", "expected"),
    [
        pytest.param([], {}, "en", id="nothing said"),
        pytest.param([], {"LANG": "zh_CN.UTF-8"}, "zh", id="LANG"),
        pytest.param([], {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en", id="LC_ALL before LANG"),
        pytest.param([], {"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh", id="an empty LC_ALL says nothing"),
        pytest.param([], {"LC_ALL": "C", "LOANCLI_LANG": "zh"}, "zh", id="LOANCLI_LANG before LC_ALL"),
        pytest.param([], {"LANG": "fr_FR.UTF-8"}, "en", id="a third language"),
        pytest.param(["--lang", "en"], {"LOANCLI_LANG": "zh"}, "en", id="the option before all"),
        pytest.param(["-q", "--lang=zh"], {}, "zh", id="with an equals sign, after others"),
        pytest.param(["loan", "show", "--lang", "zh"], {}, "en", id="what follows the command is the command's"),
        pytest.param(["--lang"], {"LOANCLI_LANG": "zh"}, "en", id="no value: wrong usage, told in English"),
    ],
)
def test_the_language(args, environ, expected):
    assert language(args, environ, frozenset({"loan"})) == expected


def test_a_day_is_written_in_one_way():
    assert day("2026-11-23") == date(2026, 11, 23)
    for text in ("20261123", "2026-W48-1", "2026-02-30", "23.11.2026", "2026-11-23T00:00", "", "today"):
        with pytest.raises(typer.BadParameter):
            day(text)


def test_the_clock_is_in_shanghai():
    assert now({}).utcoffset() == timedelta(hours=8)
    assert now({"LOANCLI_NOW": "2026-11-23T09:30:00Z"}).isoformat() == "2026-11-23T17:30:00+08:00"


@pytest.mark.parametrize("text", ["09:30", "2026-11-23T09:30:00", "soon"])
def test_a_clock_without_an_offset_is_refused(text):
    with pytest.raises(SetupError, match="LOANCLI_NOW"):
        now({"LOANCLI_NOW": text})


def test_a_wrong_clock_is_a_matter_of_the_set_up(registry, monkeypatch, capsys):
    monkeypatch.setenv("LOANCLI_NOW", "soon")
    app = typer.Typer()
    app.command("look")(lambda: None)
    assert run(registry(app), ["loan", "look"], {}) == Exit.SETUP
    assert capsys.readouterr().err.startswith("error: LOANCLI_NOW: 'soon'")


def test_the_real_clock_moves():
    assert abs(now({}) - datetime.fromtimestamp(0, tz=now({}).tzinfo)) > timedelta(days=365 * 50)


def test_a_user_without_a_name_has_a_number(monkeypatch):
    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert login_name().startswith("uid ")
