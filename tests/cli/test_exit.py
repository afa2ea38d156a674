"""Every way to end a command has one exit code and one first line on stderr, in the user's language."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer
from faults.planted import bug

from loancli.cli.app import run
from loancli.cli.exit import _SQLITE_CODES, _SQLITE_TEXTS, Exit, exit_of
from loancli.core import errors
from loancli.texts import catalogue

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ends(registry, capsys):
    """Exit code and stderr of a command that raises `error`."""

    def told(error: BaseException, *options: str) -> tuple[int, str]:
        app = typer.Typer()

        @app.command()
        def fail() -> None:
            secret = "张三 13800001234"  # noqa: F841 — must not be shown
            raise error

        code = run(registry(app), [*options, "loan", "fail"], {})
        return code, capsys.readouterr().err

    return told


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        pytest.param(errors.InputError("a.csv:3:金额: no amount"), 3, "error: a.csv:3:金额: no amount\n", id="input"),
        pytest.param(errors.RefusedError("above the ceiling"), 3, "error: above the ceiling\n", id="refused"),
        pytest.param(errors.NotFoundError("no loan L9"), 4, "error: no loan L9\n", id="not found"),
        pytest.param(errors.LedgerError("a newer ledger"), 6, "error: a newer ledger\n", id="the books"),
        pytest.param(errors.BusyError("try again"), 75, "error: try again\n", id="busy"),
        pytest.param(errors.SetupError("missing"), 78, "error: missing\n", id="set-up"),
        pytest.param(OSError(28, "No space left on device"), 3, "No space left on device", id="disk full"),
        pytest.param(
            PermissionError(13, "Permission denied", "x.csv"), 3, "x.csv: Permission denied", id="no permission"
        ),
        pytest.param(FileNotFoundError(2, "No such file", "x.csv"), 4, "x.csv: No such file", id="no file"),
        pytest.param(KeyboardInterrupt(), 130, "interrupted\n", id="Ctrl-C"),
        pytest.param(typer.Abort(), 130, "interrupted\n", id="a question not answered"),
        pytest.param(typer.Exit(Exit.PARTIAL), 5, "", id="in part"),
        pytest.param(typer.Exit(), 0, "", id="done early"),
        pytest.param(BrokenPipeError(32, "Broken pipe"), 141, "", id="the reader left"),
        pytest.param(errors.LoancliError("unsorted"), 1, "bug: LoancliError", id="a kind without a code"),
    ],
)
def test_each_error_has_its_code(ends, monkeypatch, error, code, message):
    monkeypatch.setattr("loancli.cli.exit.hush_stdout", lambda: None)  # pytest holds stdout
    assert ends(error)[0] == code
    assert message in ends(error)[1]


def test_every_error_of_ours_has_a_code():
    assert [kind for kind in errors.LoancliError.__subclasses__() if exit_of(kind("")) is Exit.BUG] == []


def test_a_bug_tells_its_class_and_nothing_of_the_data(ends):
    code, told = ends(ValueError("张三 13800001234"))
    assert code == 1
    assert told.count("\n") == 1
    assert told.startswith("bug: ValueError.")
    assert "138" not in told


def test_a_traceback_would_be_found(ends):
    with bug("traceback"), pytest.raises(AssertionError):
        test_a_bug_tells_its_class_and_nothing_of_the_data(ends)


def test_a_bug_tells_where_with_verbose_and_still_no_data(ends):
    cause = RuntimeError("13800001234")
    error = ValueError("张三")
    error.__cause__ = cause
    code, told = ends(error, "--verbose")
    assert code == 1
    assert "in fail" in told
    assert "raise error" in told
    assert "RuntimeError" in told
    assert "张三\n" not in told
    assert "13800001234\n" not in told


def test_errors_are_told_in_chinese(ends):
    assert ends(errors.NotFoundError("L9"), "--lang", "zh")[1] == "错误：L9\n"
    assert ends(ValueError("L9"), "--lang", "zh")[1].startswith("程序缺陷：ValueError")


def test_a_strangers_text_cannot_move_the_cursor(ends):
    assert ends(errors.InputError("note '\x1b[2J' \u202e\nsecond line"))[1] == (
        "error: note '\\u001b[2J' \\u202e\nsecond line\n"
    )


# SQLite's own errors, from SQLite


def test_a_locked_ledger_is_busy(ends, tmp_path):
    path = tmp_path / "a.db"
    with sqlite3.connect(path, isolation_level=None) as one, sqlite3.connect(path, timeout=0) as two:
        one.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as locked:
            two.execute("BEGIN IMMEDIATE")
    one.close()
    two.close()
    code, told = ends(locked.value)
    assert code == 75
    assert told == "error: another command is writing to the ledger (database is locked); try again\n"


def test_a_full_disk_refuses(ends):
    books = sqlite3.connect(":memory:")
    books.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError) as full:
        books.execute("CREATE TABLE a (b)")
    books.close()
    code, told = ends(full.value)
    assert code == 3
    assert told.startswith("error: the disk cannot take it (database or disk is full); nothing more was written: make")


def test_a_ledger_that_cannot_be_written_refuses_and_tells_where_to_look(ends):
    books = sqlite3.connect(":memory:")
    books.execute("PRAGMA query_only = 1")
    with pytest.raises(sqlite3.OperationalError) as fixed:
        books.execute("CREATE TABLE a (b)")
    books.close()
    code, told = ends(fixed.value)
    assert code == 3
    assert told.startswith(
        "error: the ledger cannot be written (attempt to write a readonly database), and nothing was"
    )
    assert "loancli doctor" in told


def test_a_file_that_is_no_database_is_no_ledger(ends, tmp_path):
    (tmp_path / "a.db").write_text("no database at all" * 100)
    books = sqlite3.connect(tmp_path / "a.db")
    with pytest.raises(sqlite3.DatabaseError) as foreign:
        books.execute("PRAGMA user_version")
    books.close()
    code, told = ends(foreign.value)
    assert code == 6
    assert "loancli ledger restore" in told


def test_what_sqlite_may_say_has_its_words():
    assert {f"exit.{key}" for key in catalogue("en")["exit"]} >= set(_SQLITE_TEXTS.values())
    assert set(_SQLITE_TEXTS) <= set(_SQLITE_CODES)


def test_wrong_sql_is_a_bug(ends):
    books = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError) as wrong:
        books.execute("SELECT nothing")
    books.close()
    assert ends(wrong.value)[0] == 1


# Wrong usage, in Typer's own words of this version


@pytest.fixture
def usage(registry, capsys):
    app = typer.Typer()

    @app.command()
    def show(
        loan_id: str,
        count: Annotated[int, typer.Option("--count", min=1, max=5)] = 1,
        rate: Annotated[float, typer.Option("--rate")] = 1,
        path: Annotated[Path, typer.Option("--path", exists=True)] = Path(),
        flag: Annotated[bool, typer.Option("--flag")] = False,
    ) -> None:
        del loan_id, count, rate, path, flag

    @app.command()
    def list() -> None:  # noqa: A001
        """Nothing."""

    def told(lang: str, line: str) -> str:
        assert run(registry(app), ["--lang", lang, *line.split()], {}) == Exit.USAGE
        return capsys.readouterr().err.splitlines()[0]

    return told


@pytest.mark.parametrize(
    ("line", "english", "chinese"),
    [
        ("laon", "there is no command 'laon'; near it: 'loan'", "没有命令“laon”；相近的有：'loan'"),
        ("zzzz", "there is no command 'zzzz'", "没有命令“zzzz”"),
        ("loan shwo", "there is no command 'shwo'; near it: 'show'", "没有命令“shwo”；相近的有：'show'"),
        ("--as-of 2026-11-23", "a command is missing", "缺少命令"),
        ("loan show", "LOAN_ID is missing", "缺少 LOAN_ID"),
        ("loan show L1 L2", "more words than the command takes: L2", "多余的参数：L2"),
        (
            "loan show L1 --counnt 1",
            "there is no option --counnt; near it: --count",
            "没有选项 --counnt；相近的有：--count",
        ),
        ("loan show L1 --zz", "there is no option --zz", "没有选项 --zz"),
        ("loan show L1 --count", "--count needs a value", "--count 需要一个值"),
        ("loan show L1 --flag=1", "--flag takes no value", "--flag 不需要值"),
        ("loan show L1 --count x", "--count: 'x' is not a number of the kind it takes", "--count：'x' 不是有效的数字"),
        ("loan show L1 --rate x", "--rate: 'x' is not a number of the kind it takes", "--rate：'x' 不是有效的数字"),
        ("loan show L1 --count 7", "--count: 7 is outside 1<=x<=5", "--count：7 超出范围 1<=x<=5"),
        ("loan show L1 --path /no/such", "--path: '/no/such' does not exist", "--path：'/no/such' 不存在"),
        ("--as-of 2026-02-30 loan", "--as-of: '2026-02-30' is not a day such as 2026-11-23", None),
    ],
)
def test_wrong_usage_is_told_in_the_language_of_the_user(usage, line, english, chinese):
    assert usage("en", line) == f"error: {english}"
    if chinese is not None:
        assert usage("zh", line) == f"错误：{chinese}"


def test_a_language_that_is_not_spoken_is_wrong_usage(registry, capsys):
    assert run(registry(typer.Typer()), ["--lang", "fr", "loan"], {}) == Exit.USAGE
    assert capsys.readouterr().err.splitlines() == ["error: --lang: 'fr' is none of 'zh', 'en'", "See: loancli --help"]


# The whole program, on real pipes


def loancli(*args: str, stdout: int) -> tuple[int, str]:
    environ = os.environ | {"PYTHONPATH": str(CHECKOUT / "src"), "LC_ALL": "C", "LOANCLI_LANG": ""}
    command = [sys.executable, "-m", "loancli", *args]
    done = subprocess.run(command, env=environ, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    os.close(stdout)
    return done.returncode, done.stderr


def test_a_reader_who_leaves_hears_no_complaint():
    reader, writer = os.pipe()
    os.close(reader)
    assert loancli("--help", stdout=writer) == (Exit.PIPE, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_stdout_is_told():
    full = os.open("/dev/full", os.O_WRONLY)
    assert loancli("--help", stdout=full) == (3, "error: input or output: No space left on device\n")
