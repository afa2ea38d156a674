"""Rows look right to people and stay exact for programs, on a terminal, in a pipe and in a file."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
from faults.planted import bug
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from rich.errors import MarkupError

from loancli.cli.cells import json_text, plain, visible, width_of, without_formula
from loancli.cli.charts import bars, fan
from loancli.cli.options import Format
from loancli.cli.render import progress, show, talk, write
from loancli.core.errors import InputError, NotFoundError

CHECKOUT = Path(__file__).resolve().parents[2]
HOSTILE = "[red]\x1b[2J\u202e=1+1"
ROWS = [
    {
        "loan_id": "330106195501011234",
        "name": "张三",
        "principal_fen": 123_456_789,
        "annual_rate_ppm": 146_000,
        "late": True,
    },
    {"loan_id": "L2", "name": HOSTILE, "principal_fen": -5, "annual_rate_ppm": None, "late": False},
]


class Stage(Enum):
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    due_on: date
    stage: Stage
    total_fen: int


LINE = Line(due_on=date(2026, 11, 30), stage=Stage.OPEN, total_fen=100)


@pytest.fixture
def terminal(monkeypatch):
    """What `show` writes when stdout is a terminal of so many columns, without its colours."""

    def drawn(rows, *, width: int = 100, **options) -> str:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        show(rows, **options)
        return re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())

    return drawn


# JSON


def test_json_is_one_document_with_whole_fen(capsys):
    show(ROWS, format=Format.JSON)
    assert json.loads(capsys.readouterr().out) == ROWS


def test_json_of_one_value_is_an_object(capsys):
    show(LINE, format=Format.JSON)
    assert json.loads(capsys.readouterr().out) == {"due_on": "2026-11-30", "stage": "open", "total_fen": 100}


def test_json_of_nothing_is_an_empty_list(capsys):
    show([], format=Format.JSON)
    assert json.loads(capsys.readouterr().out) == []


def test_json_hides_nothing(capsys):
    show([{"note": "\x7f\x9b2J\u202e\u200b\ud800\U000e0041 汉字"}], format=Format.JSON)
    out = capsys.readouterr().out
    assert json.loads(out) == [{"note": "\x7f\x9b2J\u202e\u200b\ud800\U000e0041 汉字"}]
    assert {unicodedata.category(char) for char in out.replace("\n", "")} & {"Cc", "Cf", "Cs"} == set()
    assert "汉字" in out


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    )
)
def test_json_says_what_it_was_given(value):
    assert json.loads(json_text(value)) == value


def test_values_in_the_words_of_json():
    instant = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    value = {"a": (instant, LINE), Stage.OPEN: {"b"}, "c": Fraction(1, 3), "d": Path("x")}
    assert plain(value) == {
        "a": ["2026-11-23T09:30:00+00:00", {"due_on": "2026-11-30", "stage": "open", "total_fen": 100}],
        "open": ["b"],
        "c": "1/3",
        "d": "x",
    }


# CSV and tab-separated


def test_csv_in_a_pipe_is_plain(capsys):
    show([*ROWS, {"loan_id": "L3", "late": None}], format=Format.CSV)
    header, first, second, third = csv.reader(io.StringIO(capsys.readouterr().out))
    assert header == ["loan_id", "name", "principal_fen", "annual_rate_ppm", "late"]
    assert first == ["330106195501011234", "张三", "123456789", "146000", "true"]
    assert second == ["L2", HOSTILE, "-5", "", "false"]
    assert third == ["L3", "", "", "", ""]


def test_csv_in_a_file_is_for_excel(tmp_path):
    show([{"note": "=1+1", "amount_fen": -5, "phone": "+86"}], output=tmp_path / "a.csv")
    data = (tmp_path / "a.csv").read_bytes()
    assert data == "\ufeffnote,amount_fen,phone\n'=1+1,-5,'+86\n".encode()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_text_that_would_run_is_marked(start):
    assert without_formula(f"{start}1") == f"'{start}1"


def test_other_text_stays_as_it_is():
    assert [without_formula(text) for text in ("", "a=1", "13800001234", " =")] == ["", "a=1", "13800001234", " ="]


def test_a_table_in_a_pipe_is_tab_separated_with_the_unit_in_the_name(capsys):
    show([{"name": "张三\t\n", "principal_fen": 123_456_789, "annual_rate_ppm": 146_000}], title="unseen")
    assert capsys.readouterr().out == (
        "name\tprincipal_yuan\tannual_rate_percent\n张三\\u0009\\u000a\t1234567.89\t14.6\n"
    )


def test_columns_choose_and_order(capsys):
    show(ROWS[:1], columns=["name", "loan_id"])
    assert capsys.readouterr().out == "name\tloan_id\n张三\t330106195501011234\n"
    show(ROWS[:1], columns=["name"], format=Format.JSON)
    assert json.loads(capsys.readouterr().out) == [{"name": "张三"}]


def test_no_rows_have_a_header_where_the_columns_are_known(capsys):
    show([], columns=["loan_id"])
    show([], columns=["loan_id"], format=Format.CSV)
    show([])
    assert capsys.readouterr().out == "loan_id\nloan_id\n"


# A terminal


def test_a_terminal_gets_yuan_percent_and_words(terminal):
    shown = terminal(ROWS, title="Loans")
    assert [word for word in ("Loans", "principal", "1,234,567.89", "-0.05", "14.6%", "yes") if word not in shown] == []


def test_a_terminal_gets_chinese_headings(terminal):
    shown = terminal(ROWS, lang="zh")
    assert [word for word in ("贷款编号", "本金（元）", "年利率", "是") if word not in shown] == []


def test_columns_stand_under_each_other_with_wide_characters(terminal):
    shown = terminal([{"name": name, "b_fen": 100 ** len(name)} for name in ("张三丰", "ab", "a张三丰四")])
    ends = [width_of(line.rstrip()) for line in shown.splitlines() if line.rstrip().endswith(".00")]
    assert len(ends) == 3
    assert len(set(ends)) == 1  # amounts end in one column


def test_strangers_can_neither_mark_up_nor_move_the_cursor(terminal):
    shown = terminal(ROWS)
    assert "[red]\\u001b[2J\\u202e=1+1" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in terminal(ROWS, format=Format.CSV)


@pytest.mark.parametrize("name", [HOSTILE, "[/]"])
def test_names_as_markup_would_be_found(terminal, name):
    rows = [{"name": name}]
    assert name.partition("]")[0] in terminal(rows)
    with bug("names-as-markup"):
        try:
            shown = terminal(rows)
        except MarkupError:
            shown = ""
    assert name.partition("]")[0] not in shown


def test_a_narrow_terminal_loses_nothing(terminal):
    shown = terminal([{"id": "A" * 30, "note": "B" * 50, "a_fen": 123_456_789_00}], width=32)
    assert (shown.count("A"), shown.count("B"), "123,456,789.00" in shown, "…" in shown) == (30, 50, True, False)


def test_one_value_stands_upright(terminal):
    shown = [line.split() for line in terminal(LINE).splitlines() if line.strip()]
    assert shown == [["due", "on", "2026-11-30"], ["stage", "not", "in", "use"], ["total", "1.00"]]


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_real_terminal_gets_a_drawn_table_and_no_colour_that_it_refused(no_color):
    code = "from loancli.cli.render import show; show([{'paid_fen': 123456}])"
    environ = os.environ | {"PYTHONPATH": str(CHECKOUT / "src"), "TERM": "xterm-256color", "NO_COLOR": no_color}
    ours, theirs = os.openpty()
    subprocess.run([sys.executable, "-c", code], env=environ, stdout=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "1,234.56" in shown
    assert "─" in shown
    assert "\x1b[1m" in shown  # bold is no colour
    assert re.search(r"\x1b\[[0-9;]*[34][0-9]m", shown) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("张三 Ａ　é 🙂", "张三 Ａ　é 🙂"),
        ("\x00\x1b\x7f\x9b", "\\u0000\\u001b\\u007f\\u009b"),
        ("\u200b\u2066\ufeff\u2028", "\\u200b\\u2066\\ufeff\\u2028"),
        ("\U000e0041", "\\U000e0041"),
        ("a\nb\tc", "a\\u000ab\\u0009c"),
    ],
)
def test_what_cannot_be_seen_is_spelt_out(text, shown):
    assert visible(text) == shown


# Files


def cells(path: Path) -> list[list[object]]:
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()


def test_xlsx_has_numbers_days_and_text(tmp_path):
    path = tmp_path / "a.xlsx"
    row = {
        "loan_id": "330106195501011234",
        "note": "=1+1",
        "principal_fen": 99_999_999_999_999,
        "rate_ppm": 146_000,
        "due_on": date(2026, 11, 30),
        "late": True,
        "count": 3,
        "nothing": None,
        "fees_fen": 10**15,
    }
    show([row], output=path, title="Loans: all/open [1]")
    header, values = cells(path)
    assert header[:4] == ["loan id", "note", "principal", "rate"]
    assert values == [
        "330106195501011234", "=1+1", 999_999_999_999.99, 0.146, date(2026, 11, 30), True, 3.0, "", "1000000000000000",
    ]  # fmt: skip


@given(st.lists(st.integers(-(10**15) + 1, 10**15 - 1), min_size=1, max_size=20))
def test_fen_survive_a_workbook(amounts_fen):
    from loancli.cli.xlsx import workbook

    data = workbook([{"a_fen": amount} for amount in amounts_fen], ["a_fen"], sheet="", lang="en")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()[1:]
    assert [round(Fraction(value) * 100) for (value,) in rows] == amounts_fen


def test_xlsx_needs_a_file():
    with pytest.raises(InputError, match="-o FILE"):
        show(ROWS, format=Format.XLSX)


def test_a_text_too_long_for_a_cell_is_refused_not_dropped(tmp_path):
    with pytest.raises(InputError, match="row 1, note"):
        show([{"note": "x" * 40_000}], output=tmp_path / "a.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.json", b"["), ("a.CSV", b"\xef\xbb\xbfx"), ("a.xlsx", b"PK"), ("a.txt", b"x\n"), ("a", b"x\n")],
)
def test_the_ending_decides(tmp_path, name, start):
    show([{"x": 1}], output=tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_the_format_goes_before_the_ending(tmp_path):
    show([{"x": 1}], output=tmp_path / "a.csv", format=Format.JSON)
    assert json.loads((tmp_path / "a.csv").read_text(encoding="utf-8")) == [{"x": 1}]


def test_a_file_is_replaced_whole_through_a_link_and_is_its_owners(tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    show([{"x": 1}], output=tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text()) == [{"x": 1}]
    assert (tmp_path / "real.json").stat().st_mode & 0o077 == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.json").write_text("old")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        show([{"x": 1}], output=tmp_path / "a.json")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_no_folder_and_no_regular_file_are_refused(tmp_path):
    with pytest.raises(NotFoundError, match="no such folder"):
        show(ROWS, output=tmp_path / "nowhere" / "a.csv")
    with pytest.raises(InputError, match="no regular file"):
        show(ROWS, output=Path("/dev/null"))


# Talk


@pytest.mark.parametrize(("quiet", "heard"), [(False, "error: 张三\\u001b[2J\n"), (True, "")])
def test_talk_goes_to_stderr_unless_quiet(capsys, quiet, heard):
    talk(SimpleNamespace(quiet=quiet, lang="en"), "exit.error", message="张三\x1b[2J")
    assert capsys.readouterr() == ("", heard)


def test_lines_go_to_stdout_with_nothing_hidden(capsys):
    write("one\ntwo\x1b\n")
    assert capsys.readouterr().out == "one\ntwo\\u001b\n"


def test_progress_is_silent_where_nobody_watches(capsys):
    assert list(progress(range(3), total=3, label="reading")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_progress_is_drawn_on_a_terminal():
    code = "from loancli.cli.render import progress\nprint(list(progress(range(3), total=3, label='[b]reading')))"
    environ = os.environ | {"PYTHONPATH": str(CHECKOUT / "src"), "TERM": "xterm"}
    ours, theirs = os.openpty()
    done = subprocess.run([sys.executable, "-c", code], env=environ, stderr=theirs, stdout=subprocess.PIPE, check=True)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.stdout == b"[0, 1, 2]\n"
    assert "[b]reading" in shown


# Bars


def test_bars_are_drawn_to_one_scale():
    drawn = bars([("2026-08", 1_000_000, 250_000), ("2026-09", 1, 0)], names=("营收", "应还"), width_max=8)
    assert drawn.splitlines() == [
        "2026-08  营收  ████████ 10,000.00",
        "         应还  ▒▒ 2,500.00",
        "2026-09  营收  █ 0.01",
        "         应还  0.00",
    ]


@given(
    st.lists(st.tuples(st.text(max_size=5), st.integers(0, 10**12), st.integers(0, 10**12))),
    st.integers(1, 60),
)
def test_no_bar_is_too_long_or_missing(rows, width_max):
    rows = [(re.sub(r"\s|[█▒]", "", label), first, second) for label, first, second in rows]
    lines = bars(rows, names=("a", "b"), width_max=width_max).split("\n") if rows else []
    lengths = [line.count("█") + line.count("▒") for line in lines]
    amounts = [amount for _, *both in rows for amount in both]
    assert [(length > 0) for length in lengths] == [amount > 0 for amount in amounts]
    assert max(lengths, default=0) == (width_max if any(amounts) else 0)


# Readers who leave


def test_a_reader_who_leaves_does_not_stop_the_command(tmp_path):
    code = f"""
from pathlib import Path
from loancli.cli.render import show
show([{{"x": 1}}])
show([{{"x": 2}}])
Path({str(tmp_path / "booked")!r}).touch()
"""
    reader, writer = os.pipe()
    os.close(reader)
    environ = os.environ | {"PYTHONPATH": str(CHECKOUT / "src")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "booked").exists()


def test_a_terminal_that_cannot_show_a_character_gets_its_code():
    code = "from loancli.cli.render import forgive_encodings, show; forgive_encodings(); show([{'x': '张'}])"
    environ = os.environ | {"PYTHONPATH": str(CHECKOUT / "src"), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "x\n\\u5f20\n"


def test_a_fan_is_drawn_to_one_scale():
    rows = [("五月", 1_000, 2_000, 3_000, 4_000), ("June", 0, 0, 0, 0), ("July", 5_000, 5_000, 5_000, 0)]
    assert fan(rows, width_max=10).split("\n") == [
        "五月    ░░█░░ │   10.00  20.00  30.00",
        "June               0.00   0.00   0.00",
        "July           █  50.00  50.00  50.00",
    ]
    assert fan([]) == ""
