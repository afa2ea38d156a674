"""`payment record` as a clerk uses it: a transfer or cash that no export shows."""

from datetime import date

import pytest
from ledger_maker import DAY, alipay, close, new_ledger, open_loan, repayment

DUE = date(2026, 2, 5)
LEVEL = 106_619


@pytest.fixture(scope="module")
def office(new_desk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("told")
    db = new_ledger(folder)
    open_loan(db)
    close(db, DUE + 4 * DAY)
    db.close()
    return new_desk(folder)


@pytest.fixture
def desk(office, tmp_path):
    return office.copy(tmp_path / "desk")


CASH = ("payment", "record", "LN000001", "1066.19", "--on", DUE, "--channel", "cash", "--ref", "slip-7")


def test_it_is_shown_recorded_once_and_taken_back(desk):
    with desk.unchanged():
        tried = desk.done(*CASH, "--dry-run", "--format", "json")
        assert "nothing was written" in tried.err
    told = desk.done(*CASH, "--format", "json")
    assert tried.json() == told.json()
    before, after = told.json()["positions"]
    assert before["due_fen"] > LEVEL > after["due_fen"]
    assert {row["debit"] for row in told.json()["entries"] if not row["takes_back"]} == {"clearing:cash"}
    assert "payment 1: 1,066.19 (Cash) of 2026-02-05 recorded on loan LN000001" in told.err
    with desk.unchanged():
        assert "is this one, recorded already" in desk.done(*CASH).err
    [row] = desk.done("payment", "list", "--loan", "LN000001", "--format", "json").json()
    assert (row["channel"], row["note"], row["state"]) == ("cash", "slip-7", "placed")
    events = desk.done("loan", "events", "LN000001", "--format", "json").json()["events"]
    assert [event["amount_fen"] for event in events if event["what"] == "payment_received"] == [LEVEL]
    assert desk.done("loan", "track", "LN000001", "--format", "json").json()["last_paid_fen"] == LEVEL
    desk.done("ledger", "check")
    desk.done("payment", "reverse", 1, "--reason", "slip", "--on", DUE)
    with desk.unchanged():
        assert "place it again: loancli payment match 1 LN000001" in desk.run(*CASH).err
    desk.done("payment", "match", 1, "LN000001")
    desk.done("ledger", "check")


def test_an_export_that_shows_it_later_waits_and_says_why(desk):
    desk.done(*CASH)
    (desk.folder / "later.csv").write_bytes(alipay([repayment(DUE, LEVEL, "P1", note="LN000001")]))
    assert desk.run("import", "later.csv", "--as", "repayments").code == 5
    told = desk.run("payment", "unmatched", lang="zh")
    assert "可能就是已人工登记的款项" in told.out


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (("--channel", "alipay"), 2, "不是 bank（银行）、cash（现金）、other（其他）之一"),
        (("--ref", "a b"), 2, "须为 1 至 40 个字母"),
        (("--ref", "", "--another"), 2, "须同时给出 --ref"),
        (("--on", "2026-12-01"), 3, "请到那一天再登记"),
        (("--on", "2025-12-01"), 3, "在 2025-12-01 尚未放款"),
    ],
)
def test_what_cannot_be_is_refused_in_the_language_of_the_user(desk, more, code, told):
    with desk.unchanged():
        found = desk.run(*CASH, *more, lang="zh")
    assert (found.code, found.out) == (code, "")
    assert told in found.err
