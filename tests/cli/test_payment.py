"""`payment` as an analyst works through what waits: one by one, or by a work list that is filled in and read back."""

import csv
import io
from datetime import date

import pytest
import xlsxwriter
from ledger_maker import DAY, alipay, borrower, close, new_ledger, open_loan, repayment
from python_calamine import CalamineWorkbook

from loancli.ledger import borrowers
from loancli.ledger.connect import writing

DUE = date(2026, 2, 5)
LEVEL = 106_619


@pytest.fixture(scope="module")
def waiting(new_desk, tmp_path_factory):
    """Five payments that wait: two of one payer, one for two loans, a masked name, a stranger."""
    folder = tmp_path_factory.mktemp("waiting")
    db = new_ledger(folder)
    with writing(db):
        borrowers.add(db, [borrower("B1", name="王小明"), borrower("B2", name="李四")])
    open_loan(db, "LN000001", borrower_id="B1")
    open_loan(db, "LN000002", borrower_id="B2", principal_fen=2_400_000)
    open_loan(db, "LN000003", borrower_id="B2", principal_fen=3_600_000)
    close(db, DUE - DAY)
    db.close()
    rows = [
        repayment(DUE, LEVEL, "1", party="王记面馆"),
        repayment(DUE - DAY, LEVEL, "2", party="王记面馆"),
        repayment(DUE, 533_093, "3", party="李四"),
        repayment(DUE, 500, "4", party="*明"),
        repayment(DUE, 700, "5", party="陌生人甲", note="=1+1"),
    ]
    (folder / "lender.csv").write_bytes(alipay(rows))
    desk = new_desk(folder)
    told = desk.run("import", "lender.csv", "--as", "repayments")
    assert told.code == 5, told
    return desk


@pytest.fixture
def desk(waiting, tmp_path):
    return waiting.copy(tmp_path / "desk")


def ids(desk) -> dict[str, int]:
    """Amount in fen (and of the two alike, the day) → the number of the payment."""
    rows = desk.done("payment", "list", "--format", "json").json()
    return {f"{row['amount_fen']} {row['paid_on'][-2:]}": row["payment_id"] for row in rows}


def states(desk) -> dict[int, tuple[str, str | None]]:
    rows = desk.done("payment", "list", "--format", "json").json()
    return {row["payment_id"]: (row["state"], row["loan_id"]) for row in rows}


# one by one


def test_a_payment_is_split_and_the_sums_are_told_where_they_differ(desk):
    number = ids(desk)["533093 05"]
    with desk.unchanged():
        told = desk.run("payment", "match", number, "LN000002=2132.36", "LN000003=3000")
        assert told.code == 3
        assert "5,132.36 together, the payment is 5,330.93" in told.err
        tried = desk.done("payment", "match", number, "LN000002=2132.36", "LN000003=3198.57", "--dry-run")
    told = desk.done("payment", "match", number, "LN000002=2132.36", "LN000003=3198.57")
    assert tried.out == told.out
    rows = [line.split("\t") for line in told.out.splitlines()]
    dues = [row[3] for row in rows if row[0] in {"before", "after"}]  # before with the penalty up to the day
    assert (dues[0], dues[2]) == ("2155.08", "3232.62")
    assert max(dues[1], dues[3]) <= "0.01"
    booked = [row[-2] for row in rows if row[-1].startswith("loan:")]
    assert set(booked) == {"clearing:alipay"}
    assert f"payment {number} placed on loan LN000002 + LN000003" in told.err
    again = desk.done("payment", "match", number, "LN000003=3198.57;LN000002=2132.36")
    assert f"payment {number} is on loan LN000002 + LN000003 already" in again.err
    assert desk.run("payment", "match", number, "LN000002").code == 3
    assert states(desk)[number] == ("placed", "LN000002 + LN000003")
    for loan_id in ("LN000002", "LN000003"):
        [row] = desk.done("payment", "list", "--loan", loan_id, "--format", "json").json()
        assert row["payment_id"] == number
    desk.done("ledger", "check")


def test_a_split_payment_is_taken_back_in_one_answer(desk):
    number, waiting = ids(desk)["533093 05"], ids(desk)["700 05"]
    desk.done("payment", "match", number, "LN000002=2132.36", "LN000003=3198.57")
    words = ("payment", "reverse", number, "--reason", "bounced", "--on", DUE, "--format")
    told = desk.done(*words, "json", "--dry-run").json()
    assert [each["loan_id"] for each in told["loans"]] == ["LN000002", "LN000003"]
    rows = csv.DictReader(io.StringIO(desk.done(*words, "csv").out))
    assert {row["loan_id"] for row in rows} == {"LN000002", "LN000003"}
    found = desk.done("payment", "reverse", waiting, "--reason", "bounced", "--format", "json").json()
    assert found == {"payment_id": waiting, "loans": []}


def test_a_payer_is_learnt_and_its_other_payments_find_their_loan(desk):
    number, other = ids(desk)["106619 05"], ids(desk)["106619 04"]
    with desk.unchanged():
        told = desk.done("payment", "match", number, "LN000001", "--learn", "--dry-run")
    assert f"1 other waiting payments of that payer matched and were placed (numbers: {other})" in told.err
    assert "王记面馆" not in told.err
    told = desk.run("payment", "match", number, "LN000001", "--learn", lang="zh")
    assert told.code == 0
    assert "已记住：王*** 的付款归借款人 B1" in told.err
    assert states(desk)[other] == ("placed", "LN000001")
    assert desk.done("borrower", "show", "B1", "--unmask", "--format", "json").json()["aliases"] == ["王记面馆"]
    desk.done("ledger", "check")


@pytest.mark.parametrize(
    ("what", "told"), [("500 05", "masks the payer's name"), ("533093 05", "is a name of borrower B2 (李*) already")]
)
def test_what_cannot_be_learnt_is_told(desk, what, told):
    with desk.unchanged():
        found = desk.run("payment", "match", ids(desk)[what], "LN000001", "--learn")
    assert found.code == 3
    assert told in found.err


def test_waiting_payments_are_tried_again_when_more_is_known(desk):
    with desk.unchanged():
        told = desk.done("payment", "rematch", "--format", "json")
    assert told.json() == []
    assert "0 payments placed, 5 still wait for a person" in told.err
    desk.done("borrower", "add", "B3", "--name", "记账", "--alias", "王记面馆")
    opened = ["--as-of", "2026-01-05", "loan", "open", "--loan-id", "LN000004", "--borrower", "B3"]
    desk.done(*opened, "--product", "equal-instalments", "--principal", "12000")
    first = desk.done("loan", "show", "LN000004", "--format", "json").json()["instalments"][0]
    rows = [repayment(DUE, first["principal_fen"] + first["interest_fen"], "6", party="王记面馆")]
    (desk.folder / "more.csv").write_bytes(alipay(rows))
    desk.done("import", "more.csv", "--as", "repayments")
    desk.done("payment", "rematch")
    assert ("placed", "LN000004") in states(desk).values()
    desk.done("ledger", "check")


def test_money_that_is_no_repayment_is_dismissed_and_taken_up_again(desk):
    known = ids(desk)
    stranger, masked = known["700 05"], known["500 05"]
    words = ("payment", "dismiss", stranger, masked, "--reason", "refund of a supplier")
    with desk.unchanged():
        assert "nothing was written" in desk.done(*words, "--dry-run").err
    told = desk.done(*words, "--format", "json")
    assert {(row["payment_id"], row["state"]) for row in told.json()} == {
        (stranger, "dismissed"),
        (masked, "dismissed"),
    }
    assert "2 payments dismissed, 0 were before" in told.err
    with desk.unchanged():
        assert "0 payments dismissed, 2 were before" in desk.done(*words).err
    waiting = desk.done("payment", "unmatched", "--format", "json").json()
    assert {row["payment_id"] for row in waiting}.isdisjoint({stranger, masked})
    told = desk.run("payment", "dismiss", stranger, "--undo", "--reason", "slip", lang="zh")
    assert (told.code, "1 笔款项恢复待认领" in told.err) == (0, True)
    shown = desk.run("payment", "list", lang="zh").out
    assert "不作还款" in shown
    desk.done("payment", "match", masked, "LN000001")
    refused = desk.run("payment", "dismiss", masked, "--reason", "x", lang="zh")
    assert (refused.code, "不在待认领中" in refused.err) == (3, True)
    desk.done("ledger", "check")


def test_what_is_typed_wrongly_is_wrong_usage(desk):
    for line in (
        "payment dismiss --reason x",
        "payment dismiss 1",
        "payment dismiss 1 --taken-over --reason x",
        "payment dismiss --taken-over --undo --reason x",
        "payment match",
        "payment match 1",
        "payment match 1 LN000001 --from list.csv",
        "payment match --from list.csv --learn",
        "payment match 1 LN000001 --keep-going",
        "payment match x LN000001",
    ):
        with desk.unchanged():
            assert desk.run(*line.split()).code == 2, line
    for line, told in {
        "payment match 1 LN000001=x": "'x' is not an amount",
        "payment match 1 =5": "names no loan",
        "payment match 1 ;": "there is no loan",
        "payment match --from nowhere.csv": "nowhere.csv: no such file",
    }.items():
        with desk.unchanged():
            found = desk.run(*line.split())
        assert found.code in {3, 4}
        assert told in found.err


# the work list


def read_book(path) -> list[dict[str, object]]:
    names, *rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    return [dict(zip(names, row, strict=True)) for row in rows]


def write_book(path, rows: list[dict[str, object]]) -> None:
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, list(rows[0]))
        for number, row in enumerate(rows, start=1):
            page.write_row(number, 0, list(row.values()))


def filled_in(desk, suffix: str, lang: str, place: dict[int, str], learn: dict[int, object]):
    """The work list as the program writes it, filled in as a person does, in the same form."""
    path = desk.folder / f"work{suffix}"
    assert desk.run("payment", "unmatched", "-o", path, lang=lang).code == 0
    if suffix == ".xlsx":
        rows = read_book(path)
        key, to, also = ("款项编号", "计入", "记住") if lang == "zh" else ("payment id", "place", "learn")
        for row in rows:
            assert (row[to], row[also]) == ("", "")
            row[to], row[also] = place.get(int(row[key]), ""), learn.get(int(row[key]), "")
        write_book(path, rows)
        return path
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    for row in rows:
        row["place"], row["learn"] = place.get(int(row["payment_id"]), ""), learn.get(int(row["payment_id"]), "")
    with path.open("w", encoding="gb18030", newline="") as file:  # as Excel saves it in China
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(("suffix", "lang"), [(".xlsx", "en"), (".xlsx", "zh"), (".csv", "en")])
@pytest.mark.parametrize("yes", ["yes", "是", 1], ids=str)
def test_a_work_list_is_filled_in_and_read_back_once(desk, suffix, lang, yes):
    known = ids(desk)
    first, other, both = known["106619 05"], known["106619 04"], known["533093 05"]
    place = {first: "LN000001", both: "LN000002=2132.36；LN000003＝3198.57"}
    work = filled_in(desk, suffix, lang, place, {first: yes})
    with desk.unchanged():
        told = desk.done("payment", "match", "--from", work, "--dry-run")
        assert "nothing was written" in told.err
    told = desk.done("payment", "match", "--from", work)
    assert "2 payments placed, 0 were there already, 3 rows have no place" in told.err
    found = states(desk)
    assert (found[first], found[other]) == (("placed", "LN000001"),) * 2
    assert found[both] == ("placed", "LN000002 + LN000003")
    desk.done("ledger", "check")
    with desk.unchanged():
        told = desk.done("payment", "match", "--from", work)
    assert "0 payments placed, 2 were there already, 3 rows have no place" in told.err


def test_bad_rows_are_named_and_nothing_is_written_unless_told_to_keep_going(desk):
    known = ids(desk)
    place = {
        known["106619 05"]: "LN000001",
        known["106619 04"]: "LN999999",
        known["533093 05"]: "LN000002=1;LN000003=2",
        known["500 05"]: "LN000001",
        known["700 05"]: "LN000001=seven",
    }
    work = filled_in(desk, ".xlsx", "en", place, {known["500 05"]: "yes", known["106619 05"]: "perhaps"})
    lines = {name: number for number, name in enumerate(["106619 04", "106619 05", "533093 05", "500 05", "700 05"], 2)}
    with desk.unchanged():
        told = desk.run("payment", "match", "--from", work)
    assert told.code == 3
    assert f"work.xlsx:{lines['106619 05']}:learn: 'perhaps'" in told.err
    assert f"work.xlsx:{lines['700 05']}:place: 'seven' is not an amount" in told.err
    work = filled_in(desk, ".xlsx", "en", place | {known["700 05"]: "LN000001"}, {known["500 05"]: "yes"})
    with desk.unchanged():
        told = desk.run("payment", "match", "--from", work)
        assert told.code == 3
        for name, column, why in (
            ("106619 04", "place", "no loan 'LN999999'"),
            ("533093 05", "place", "the parts are 3.00 together, the payment is 5,330.93"),
            ("500 05", "learn", "masks the payer's name"),
        ):
            assert f"work.xlsx:{lines[name]}:{column}: " in told.err
            assert why in told.err
    told = desk.run("payment", "match", "--from", work, "--keep-going")
    assert told.code == 5
    assert "2 payments placed" in told.err
    assert "3 rows were not done" in told.err
    assert [state for state, _ in states(desk).values()].count("placed") == 2
    desk.done("ledger", "check")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("payment_id,paid_on\n1,x\n", "list.csv:1: the columns place are missing"),
        ("place\nLN000001\n", "list.csv:1: the columns payment_id are missing"),
        ("payment_id,place,place\n1,x,y\n", "list.csv:1:place: stands there twice"),
        ("payment_id,place\none,LN000001\n", "list.csv:2:payment_id: 'one' is not the number of a payment"),
        ("payment_id,place\n0,LN000001\n", "list.csv:2:payment_id: '0' is not"),
        ("payment_id,place\n77777,LN000001\n", "list.csv:2:place: there is no payment 77777"),
        ("payment_id,place,amount_fen\n1,LN000001,5\n", "list.csv:2:place: payment 1 is 1,066.19, which the list does"),
        ("payment_id,place,amount_fen\n1,LN000001,5.00\n", "list.csv:2:place: payment 1 is 1,066.19, which the list"),
        ("payment_id,place,amount\n1,LN000001,abc\n", "list.csv:2:amount: 'abc' is not an amount"),
        ('payment_id,place\n1,"LN000001\n', "list.csv:2: not CSV"),
        ("", "list.csv:1: the columns payment_id, place are missing"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_with_row_and_column(desk, text, told):
    (desk.folder / "list.csv").write_text(text, encoding="utf-8")
    with desk.unchanged():
        found = desk.run("payment", "match", "--from", "list.csv")
    assert found.code == 3
    assert told in found.err


def test_a_list_whose_amounts_are_those_of_the_payments_is_read(desk):
    number = ids(desk)["700 05"]
    (desk.folder / "list.csv").write_text(f"payment_id,place,amount\n{number},LN000001,7.00\n", encoding="utf-8")
    desk.done("payment", "match", "--from", "list.csv")
    assert states(desk)[number] == ("placed", "LN000001")


def test_borrowers_come_from_a_workbook_as_from_a_csv(desk):
    write_book(
        desk.folder / "people.xlsx",
        [
            {"borrower_id": "B8", "name": "新客户", "phone": 19900000008, "aliases": "甲;乙"},
            {"borrower_id": "B9", "name": "另一位", "phone": "", "aliases": ""},
        ],
    )
    assert "2 borrowers added" in desk.done("borrower", "import", "people.xlsx").err
    shown = desk.done("borrower", "show", "B8", "--unmask", "--format", "json").json()
    assert (shown["phone"], sorted(shown["aliases"])) == ("19900000008", sorted(["甲", "乙"]))
    write_book(desk.folder / "bad.xlsx", [{"borrower_id": "B7", "name": ""}, {"borrower_id": "", "name": "x"}])
    with desk.unchanged():
        told = desk.run("borrower", "import", "bad.xlsx")
    assert told.code == 3
    assert "bad.xlsx:2:name:" in told.err
    assert "bad.xlsx:3:borrower_id:" in told.err
