"""`plan batch` as an analyst meets it: a table of loans becomes a line for each instalment, and the rest is told."""

import csv
import io
import json

import pytest

from loancli.imports.workbook import open_workbook

HEAD = "id,product,principal,start,periods,first_due\n"
LOANS = (
    HEAD + "L1,equal-instalments,50000,2026-03-01,12,\n"
    '"=1+1,""x"" 5%",flat,20000.50,2026-03-01,,2026-04-10\n'
    "L3,equal-instalments,80000,2026-03-01,12,\n"
)
BAD = LOANS + "L4,flat,1,2026-03-01,,\nL5,nothing,5000,2026-03-01,,\n"


@pytest.fixture
def loans(desk):
    (desk.folder / "loans.csv").write_text(LOANS, encoding="utf-8")
    (desk.folder / "bad.csv").write_text(BAD, encoding="utf-8")
    return desk


def test_each_loan_of_the_table_is_the_plan_that_plan_show_shows(loans):
    found = loans.done("plan", "batch", "loans.csv", "--format", "json").json()
    for loan_id, *asked in (
        ("L1", "equal-instalments", "--principal", "50000", "--periods", "12"),
        ('=1+1,"x" 5%', "flat", "--principal", "20000.50", "--first-due", "2026-04-10"),
    ):
        shown = loans.done("plan", "show", *asked, "--start", "2026-03-01", "--format", "json").json()
        rows = [row for row in found["rows"] if row["id"] == loan_id]
        assert [{**row, "why": ""} for row in shown["rows"]] == [
            {"why": "", **{name: value for name, value in row.items() if name != "id"}} for row in rows
        ]
    assert found["loans"] == 3
    assert found["instalments"] == len(found["rows"])
    assert found["principal_fen"] == 15_000_050 == sum(row["principal_fen"] for row in found["rows"])
    assert found["total_fen"] == sum(row["due_fen"] for row in found["rows"])
    assert found["refused"] == []


def test_the_lines_stand_in_the_order_of_the_file_in_every_format(loans):
    rows = loans.done("plan", "batch", "loans.csv", "--format", "json").json()["rows"]
    assert list(dict.fromkeys(row["id"] for row in rows)) == ["L1", '=1+1,"x" 5%', "L3"]
    cells = [[str(value) for value in row.values()] for row in rows]
    loans.done("plan", "batch", "loans.csv", "-o", "rows.json")
    assert json.loads((loans.folder / "rows.json").read_text(encoding="utf-8"))["rows"] == rows
    printed = loans.done("plan", "batch", "loans.csv", "--format", "csv").out
    assert list(csv.reader(io.StringIO(printed))) == [list(rows[0]), *cells]
    loans.done("plan", "batch", "loans.csv", "-o", "rows.csv")
    written = (loans.folder / "rows.csv").read_text(encoding="utf-8-sig")
    safe = [[each.replace("=1+1", "'=1+1") for each in line] for line in cells]  # no formula in a spreadsheet
    assert list(csv.reader(io.StringIO(written))) == [list(rows[0]), *safe]
    loans.done("plan", "batch", "loans.csv", "-o", "rows.xlsx")
    book = open_workbook(io.BytesIO((loans.folder / "rows.xlsx").read_bytes()), "rows.xlsx")
    sheet = list(book.rows(book.workbook.sheet_names[0]))
    assert len(sheet) == len(rows) + 1
    assert sheet[1][1][:2] == ["L1", "1"]


def test_rows_without_a_plan_are_told_and_the_others_are_planned(loans):
    told = loans.run("plan", "batch", "bad.csv", "-o", "rows.csv")
    assert told.code == 5
    assert "3 loans" in told.err
    assert "refused: bad.csv:5:principal: 1.00 yuan is not allowed" in told.err
    assert "refused: bad.csv:6:product: there is no product 'nothing'" in told.err
    assert (loans.folder / "rows.csv").read_text(encoding="utf-8-sig").count("L3,") == 12
    found = loans.run("plan", "batch", "bad.csv", "--format", "json").json()
    assert [(row["row"], row["column"]) for row in found["refused"]] == [(5, "principal"), (6, "product")]
    assert found["refused_rows"] == 2
    assert "3 笔贷款" in loans.run("plan", "batch", "bad.csv", "-o", "rows.csv", lang="zh").err


def test_a_table_without_any_plan_is_refused_and_writes_nothing(loans):
    (loans.folder / "none.csv").write_text(HEAD + "L4,flat,1,2026-03-01,,\n", encoding="utf-8")
    told = loans.run("plan", "batch", "none.csv", "-o", "rows.csv")
    assert told.code == 3
    assert "none.csv:2:principal" in told.err
    assert not (loans.folder / "rows.csv").exists()


def test_a_long_list_of_problems_is_cut(loans):
    (loans.folder / "many.csv").write_text(LOANS + "L4,flat,1,2026-03-01,,\n" * 30, encoding="utf-8")
    told = loans.run("plan", "batch", "many.csv", "-o", "rows.csv")
    assert told.err.count("refused: ") == 20
    assert "and 10 more" in told.err
