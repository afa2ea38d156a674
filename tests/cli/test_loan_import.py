"""`loan import` as an operator uses it: a portfolio in CSV or Excel, tried, refused with places, taken, taken again."""

import csv
from datetime import date

import pytest
import xlsxwriter
from ledger_maker import alipay, repayment

LOANS = [
    ("loan_id", "borrower_id", "product", "principal", "signed_on", "outstanding", "periods", "paid_until"),
    ("OLD-1", "B1", "equal-instalments", "12000", "2025-09-10", "10,120.72", "12", ""),
    ("OLD-2", "B2", "equal-principal", "24000", "2025-11-03", "20,000.00", "12", "2026-01-31"),
    ("OLD-3", "B2", "interest-first", "8000", "2026-01-20", "8000", "6", ""),
]
PAST = [
    ("loan_id", "paid_on", "amount"),
    ("OLD-1", "2025-10-10", "1080.24"),
    ("OLD-1", "2025-11-10", "1080.24"),
]
OUTSTANDING = "38120.72"


def write_csv(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def write_xlsx(path, rows):
    """As Excel keeps what a person types: amounts as numbers, days as days."""
    book = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    for line, row in enumerate(rows):
        for column, cell in enumerate(row):
            plain = cell.replace(",", "")
            if line and plain[:1].isdigit() and plain.count("-") == 2:
                sheet.write_datetime(line, column, date.fromisoformat(plain))
            elif line and plain.replace(".", "").isdigit():
                sheet.write_number(line, column, float(plain))
            else:
                sheet.write_string(line, column, cell)
    book.close()


@pytest.fixture(scope="module")
def moved_in(new_desk, tmp_path_factory):
    """A ledger that begins on 2 February 2026, with two borrowers and the files of their loans."""
    desk = new_desk(tmp_path_factory.mktemp("old"))
    desk.done("--as-of", "2026-02-02", "init")
    for borrower_id, name in (("B1", "王小明"), ("B2", "李四")):
        desk.done("borrower", "add", borrower_id, "--name", name)
    write_csv(desk.folder / "l.csv", LOANS)
    write_csv(desk.folder / "p.csv", PAST)
    write_xlsx(desk.folder / "l.xlsx", LOANS)
    write_xlsx(desk.folder / "p.xlsx", PAST)
    bad = [list(row) for row in (*LOANS, ("OLD-4", "B3", "interest-first", "8000", "2026-01-20", "8000", "6", ""))]
    bad[1][5] = "10120.73"
    write_csv(desk.folder / "bad.csv", bad)
    return desk


@pytest.fixture
def desk(moved_in, tmp_path):
    return moved_in.copy(tmp_path / "desk")


def bring(desk, *words, lang="en"):
    return desk.run("--as-of", "2026-02-02", "loan", "import", *words, "--format", "json", lang=lang)


def file(moved_in, name):
    return moved_in.folder / name


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_portfolio_is_taken_over_from_csv_and_excel(ending, moved_in, desk):
    typed = (file(moved_in, f"l.{ending}"), "--payments", file(moved_in, f"p.{ending}"))
    with desk.unchanged():
        tried = bring(desk, *typed, "--expect-outstanding", OUTSTANDING, "--dry-run")
    told = bring(desk, *typed, "--expect-outstanding", OUTSTANDING)
    assert told.json() == tried.json()
    *_, total = told.json()
    assert (total["new"], total["same"], total["outstanding_fen"], total["late"]) == (3, 0, 3_812_072, 1)
    assert "3 loans taken over, 0 were there already, 0 refused; outstanding 38,120.72 yuan" in told.err
    assert "nothing was written" in tried.err
    shown = desk.run("--as-of", "2026-02-02", "loan", "list", "--format", "json").json()
    assert {row["loan_id"]: (row["principal_outstanding_fen"], row["bucket"]) for row in shown} == {
        "OLD-1": (1_012_072, "M3"),
        "OLD-2": (2_000_000, "M0"),
        "OLD-3": (800_000, "M0"),
    }
    before = desk.dump()
    again = bring(desk, *typed)
    assert "0 loans taken over, 3 were there already" in again.err
    assert desk.dump() == before
    desk.done("ledger", "check")


def test_all_rows_or_none_and_every_bad_one_with_both_figures(moved_in, desk):
    typed = (file(moved_in, "bad.csv"), "--payments", file(moved_in, "p.csv"))
    with desk.unchanged():
        told = bring(desk, *typed)
    assert (told.code, told.out) == (3, "")
    assert "bad.csv:2:outstanding: 10,120.73 is stated, but the contract and what was paid give 10,120.72" in told.err
    assert "bad.csv:5:borrower_id: there is no borrower 'B3'" in told.err


def test_the_good_rows_alone_if_asked_and_the_bad_ones_in_a_file(moved_in, desk):
    typed = (file(moved_in, "bad.csv"), "--payments", file(moved_in, "p.csv"), "--keep-going")
    with desk.unchanged():
        tried = bring(desk, *typed, "--dry-run", lang="zh")
    assert tried.code == 5
    assert "bad.csv:5:borrower_id: 没有借款人“B3”" in tried.err
    told = bring(desk, *typed, "--rejects", "rejects.csv")
    assert told.code == 5
    assert told.json()[-1]["new"] == 2
    text = (desk.folder / "rejects.csv").read_text(encoding="utf-8-sig")
    assert [(row["file"], row["row"], row["column"]) for row in csv.DictReader(text.splitlines())] == [
        ("bad.csv", "2", "outstanding"),
        ("bad.csv", "5", "borrower_id"),
    ]
    # The whole file again, once it is corrected: what was taken is there already.
    told = bring(desk, file(moved_in, "l.csv"), "--payments", file(moved_in, "p.csv"))
    assert (told.code, told.json()[-1]["new"], told.json()[-1]["same"]) == (0, 1, 2)
    desk.done("ledger", "check")


def test_rows_that_cannot_be_read_do_not_hide_what_is_wrong_with_others(moved_in, desk, tmp_path):
    bad = [list(row) for row in LOANS]
    bad[1][3], bad[2][5] = "USD 12000", "20000.01"  # of OLD-1, which was paid on, and of OLD-2
    write_csv(tmp_path / "worse.csv", bad)
    with desk.unchanged():
        told = bring(desk, tmp_path / "worse.csv", "--payments", file(moved_in, "p.csv"))
    assert told.code == 3
    assert [line.split(": ")[-2] for line in told.err.splitlines()] == [
        "worse.csv:2:principal",
        "worse.csv:3:outstanding",
    ]


def test_what_moved_before_is_on_no_account_of_today(moved_in, desk):
    bring(desk, file(moved_in, "l.csv"), "--payments", file(moved_in, "p.csv"))
    told = desk.run("ledger", "balances", "--as-of", "2026-02-02", "--format", "json").json()
    rows = told if isinstance(told, list) else told["accounts"]
    moved = {row["account"]: (row["debits_fen"], row["credits_fen"]) for row in rows}
    paid_out = 1_200_000 + 2_400_000 + 800_000
    assert moved["clearing:opening"][1] == paid_out
    assert moved["clearing:opening"][0] > 2 * 108_024  # what was paid, the payments of paid_until among it
    assert moved["clearing:bank"] == moved["clearing:alipay"] == moved["clearing:wechat"] == (0, 0)


@pytest.mark.parametrize(
    ("words", "code", "names"),
    [
        ("nowhere.csv", 4, "nowhere.csv"),
        ("L --payments nowhere.csv", 4, "nowhere.csv"),
        ("L --expect-outstanding 1.001", 2, "--expect-outstanding"),
        ("L --expect-outstanding 1", 3, "l.csv outstanding 38,120.72 1.00"),
        ("P", 3, "p.csv:1: 'paid_on' loan_id"),
        ("L --payments L", 3, "l.csv:1: 'borrower_id' kind"),
        ("EMPTY", 3, "empty.csv no rows"),
        ("L --payments SHORT --keep-going", 3, "short.csv:2: 2 cells; 3"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(words, code, names, moved_in, desk, tmp_path):
    write_csv(tmp_path / "empty.csv", LOANS[:1])
    write_csv(tmp_path / "short.csv", [PAST[0], ("OLD-1", "2025-10-10")])
    files = {"L": file(moved_in, "l.csv"), "P": file(moved_in, "p.csv")}
    files |= {"EMPTY": tmp_path / "empty.csv", "SHORT": tmp_path / "short.csv"}
    with desk.unchanged():
        told = bring(desk, *(files.get(word, word) for word in words.split()))
    assert (told.code, told.out) == (code, ""), told
    assert [name for name in names.split() if name not in told.err] == [], told.err


def test_a_signing_day_of_another_age_is_refused_with_its_place(moved_in, desk):
    rows = [list(row) for row in LOANS]
    rows[3][4] = "1900-01-20"
    write_csv(desk.folder / "old.csv", rows)
    for lang, told in (
        ("en", "old.csv:4:signed_on: 1900-01-20 is before 1990"),
        ("zh", "old.csv:4:signed_on: 1900-01-20 早于 1990 年"),
    ):
        with desk.unchanged():
            found = bring(desk, "old.csv", "--payments", file(moved_in, "p.csv"), lang=lang)
        assert (found.code, told in found.err) == (3, True), found.err


def test_money_that_came_with_the_loans_is_dismissed_at_once(moved_in, desk):
    assert bring(desk, file(moved_in, "l.csv"), "--payments", file(moved_in, "p.csv")).code == 0
    before = desk.done("loan", "list", "--format", "json").json()
    day = date(2025, 11, 10)
    rows = [repayment(day, 108_024, "P1", note="OLD-1"), repayment(date(2026, 2, 20), 500, "P2", party="陌生人")]
    (desk.folder / "old_bank.csv").write_bytes(alipay(rows))
    assert desk.run("import", "old_bank.csv", "--as", "repayments").code == 5
    told = desk.done("payment", "dismiss", "--taken-over", "--reason", "came with the loans", "--format", "json")
    assert [(row["paid_on"], row["state"]) for row in told.json()] == [("2025-11-10", "dismissed")]
    assert [row["paid_on"] for row in desk.done("payment", "unmatched", "--format", "json").json()] == ["2026-02-20"]
    told = desk.run("payment", "record", "OLD-1", "5", "--on", day, lang="zh")
    assert (told.code, "已随贷款导入" in told.err) == (3, True)
    assert desk.done("loan", "list", "--format", "json").json() == before
    desk.done("ledger", "check")
