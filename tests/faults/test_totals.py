"""What a file states of itself is checked: a row that was taken away, added or changed is seen."""

import json
import random
from contextlib import closing
from pathlib import Path

import pytest
from exports_maker import files, month_of, refund, sale
from faults.lab import Lab, Told, dice, digest
from sizes import size

from loancli.ledger.connect import open_ledger

NOW = "2026-04-02T09:30:00+08:00"
SALES = [
    *(sale(day, 10_000 + 700 * day, f"22000000000000000000000{day:05d}", fee_milli_fen=60_000) for day in range(1, 9)),
]
FILES = files(month_of("alipay"), month_of("wechat"), [*SALES, refund(SALES[2], 500, 9)])
# Text files with totals: name → encoding. Of a bill that a merchant's platform made, all must fit; a person's statement
# may have been shortened by that person, and is read with a note of what does not fit.
BILLS = {"wechat-bill-ALL.csv": "utf-8-sig", "wechat-bill-SUCCESS.csv": "utf-8-sig"}
STATEMENTS = {
    "alipay-today.csv": "gb18030",
    "alipay-web-2025.csv": "gb18030",
    "alipay-app-2021.csv": "gb18030",
    "wechat-2024.csv": "utf-8-sig",
}


def row_lines(lines: list[str]) -> list[int]:
    """Where the rows of the table are: many cells, and an instant, which in the head of a file stands in brackets."""
    return [at for at, line in enumerate(lines) if line.count(",") > 7 and "2026-03-" in line and "[2026-" not in line]


def amount_cells(cells: list[str]) -> list[int]:
    """Which cells are amounts above zero."""
    return [at for at, cell in enumerate(cells) if cell.strip("`¥ ").replace(".", "", 1).isdigit() and "." in cell]


def changed(lines: list[str], way: str, chance: random.Random) -> list[str]:
    at = chance.choice(row_lines(lines))
    if way == "removed":
        return [*lines[:at], *lines[at + 1 :]]
    if way == "added":
        return [*lines[:at], lines[at], *lines[at:]]
    # What is neither in nor out is counted, and in some formats in no sum.
    at = chance.choice([at for at in row_lines(lines) if "不计收支" not in lines[at]])
    cells = lines[at].split(",")
    for cell in amount_cells(cells):
        text = cells[cell]
        digits = [place for place, char in enumerate(text) if char.isdigit()]
        cells[cell] = f"{text[: digits[0]]}9{text[digits[0] :]}"
    return [*lines[:at], ",".join(cells), *lines[at + 1 :]]


def taken(lab: Lab, path: Path, name: str) -> Told:
    words = ("import", lab.folder / name, "--as", "revenue", "--borrower", "B1")
    return lab.forks.run(path, words, now=NOW)


def notes(path: Path) -> list[str]:
    """What was noted of the newest file."""
    with closing(open_ledger(path)) as db:
        return json.loads(db.execute("SELECT warnings FROM file ORDER BY id DESC LIMIT 1").fetchone()[0])


@pytest.mark.parametrize("way", ["removed", "added", "changed"])
@pytest.mark.parametrize("name", BILLS)
def test_a_bill_whose_rows_are_not_what_it_states_is_refused(lab, name, way):
    path = lab.ledger()
    before = digest(path)
    (lab.folder / name).write_bytes(FILES[name])
    assert taken(lab, lab.ledger(name="whole.db"), name).code == 0
    for turn in range(size(2, 100)):
        lines = FILES[name].decode(BILLS[name]).splitlines(keepends=True)
        text = "".join(changed(lines, way, dice(name, way, turn)))
        (lab.folder / name).write_bytes(text.encode(BILLS[name]))
        told = taken(lab, path, name)
        assert told.code == 3, (turn, told)
        assert told.err.startswith("error: ")
        assert name in told.err
        assert digest(path) == before


@pytest.mark.parametrize("way", ["removed", "added", "changed"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_whose_rows_are_not_what_it_states_has_a_note(lab, name, way):
    (lab.folder / name).write_bytes(FILES[name])
    path = lab.ledger(name="whole.db")
    assert taken(lab, path, name).code == 0
    plain = notes(path)
    for turn in range(size(1, 50)):
        lines = FILES[name].decode(STATEMENTS[name]).splitlines(keepends=True)
        text = "".join(changed(lines, way, dice(name, way, turn)))
        (lab.folder / name).write_bytes(text.encode(STATEMENTS[name]))
        path = lab.ledger()
        told = taken(lab, path, name)
        assert told.code in {0, 3, 5}, (turn, told)
        assert told.code == 3 or len(notes(path)) > len(plain), (turn, told)
