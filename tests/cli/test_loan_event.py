"""What a person tells of a loan, as they do it: shown before and after, recorded, taken back, and had again."""

from dataclasses import replace
from datetime import date

import pytest
from ledger_maker import alipay, repayment


@pytest.fixture
def office(story, tmp_path):
    """A desk on 10 March, ten days after the story."""
    return replace(story.desk.copy(tmp_path / "office"), now="2026-03-10T10:00:00+08:00")


def late_loan(desk):
    rows = desk.run("loan", "list", "--late", "--format", "json").json()
    return rows[0]["loan_id"]


def told(desk, *words, reason="flood"):
    return desk.done("loan", *words, "--reason", reason, "--format", "json").json()


def show(desk, loan_id):
    return desk.run("loan", "show", loan_id, "--format", "json").json()


def test_a_waiver_is_previewed_recorded_taken_back_and_had_again(office):
    office.done("day", "close")
    loan_id = late_loan(office)
    fee = office.done("loan", "charge", loan_id, "80", "--name", "court fee", "--on", "2026-02-01", "--format", "json")
    assert fee.json()["events"][0]["payload"] == {"amount_fen": 8_000, "name": "court fee"}
    words = ("waive", loan_id, "30", "--part", "fee")
    with office.unchanged():
        tried = told(office, *words, "--dry-run")
    done = told(office, *words)
    assert done == tried
    before, after = done["positions"]
    assert before["due_fen"] - after["due_fen"] == 3_000
    [changed] = done["instalments"]  # penalty that goes on accruing is not made due by it
    assert changed["unpaid_before_fen"] - changed["unpaid_after_fen"] == 3_000
    booked = [(row["debit"], row["credit"], row["amount_fen"]) for row in done["entries"]]
    assert booked == [("expense:waived", "loan:fee_due", 3_000)]
    key = done["events"][0]["key"]
    void = told(office, "void", loan_id, key, reason="slip")
    assert [row["takes_back"] for row in void["entries"]] == [True] * len(void["entries"])
    assert show(office, loan_id)["due_fen"] == before["due_fen"]
    events = office.run("loan", "events", loan_id, "--format", "json").json()["events"]
    assert {row["key"]: row["counts"] for row in events}[key] is False
    told(office, "void", loan_id, void["events"][0]["key"], reason="no slip")
    assert show(office, loan_id)["due_fen"] == after["due_fen"]
    why = show(office, loan_id)["instalments"][changed["number"] - 1]["why"]
    assert "30.00 waived" in why
    office.done("ledger", "check")


def test_an_event_of_the_past_that_makes_a_loan_late_says_so(office):
    office.done("day", "close")
    settled = office.run("loan", "list", "--status", "settled", "--format", "json").json()[0]
    words = ("loan", "charge", settled["loan_id"], "25", "--name", "letter", "--on", settled["signed_on"], "--dry-run")
    found = office.done(*words)
    assert f"note: with this, loan {settled['loan_id']} is " in found.err
    assert "days past due on 2026-03-10, not 0" in found.err
    late = late_loan(office)
    assert "note:" not in office.done("loan", "charge", late, "25", "--name", "letter", "--dry-run").err


def test_a_write_off_is_recovered_in_part(office):
    loan_id = late_loan(office)
    owed = office.run("loan", "quote", loan_id, "--format", "json").json()
    told(office, "write-off", loan_id, reason="the shop is closed")
    shown = show(office, loan_id)
    assert (shown["status"], shown["principal_outstanding_fen"], shown["due_fen"]) == ("written_off", 0, 0)
    assert owed["principal_fen"] <= shown["written_off_fen"] <= owed["to_pay_fen"]
    assert "written_off" in {row["state"] for row in shown["instalments"]}
    effect = office.done("loan", "recover", loan_id, "100", "--channel", "alipay", "--format", "json").json()
    claims_fen = [position["claim_fen"] for position in effect["positions"]]
    assert claims_fen == [shown["written_off_fen"], shown["written_off_fen"] - 10_000]
    assert show(office, loan_id)["recovered_fen"] == 10_000
    tomorrow = replace(office, now="2026-03-11T10:00:00+08:00")
    asked = tomorrow.run("loan", "quote", loan_id, "--format", "json").json()
    assert asked["to_pay_fen"] == asked["written_off_fen"] == shown["written_off_fen"] - 10_000
    assert loan_id not in {row["loan_id"] for row in office.run("loan", "list", "--late", "--format", "json").json()}
    office.done("ledger", "check")


def test_a_coupon_and_a_pause_lower_what_the_next_instalment_asks_for(office):
    opened = ("--borrower", "B0001", "--product", "equal-instalments", "--principal", "10000", "--loan-id", "NEW-1")
    office.done("loan", "open", *opened)
    loan_id = "NEW-1"
    before = show(office, loan_id)["next_due_fen"]
    office.done("coupon", "redeem", "SPRING-1", "--loan", loan_id, "--share", "50%", "--instalments", "1")
    halved = show(office, loan_id)["next_due_fen"]
    assert halved < before
    paused = told(office, "pause", loan_id, "--from", "2026-03-10", "--to", "2026-03-20")
    assert paused["positions"][1]["next_due_fen"] < halved
    refused = office.run("coupon", "redeem", "SPRING-1", "--loan", "LN000002", "--amount", "5")
    assert refused.code == 3
    assert "recorded already" in refused.err
    office.done("day", "close")
    office.done("ledger", "check")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_terminal_shows_the_loan_before_and_after_and_the_entries(office, lang):
    office.done("day", "close")
    loan_id = late_loan(office)
    screen = office.screen("loan", "waive", loan_id, "1", "--part", "interest", "--reason", "flood", lang=lang)
    words = {"en": "before,after,unpaid after,2026-03-10, the open day", "zh": "变更前,变更后,未还,2026-03-10 的分录"}
    for word in words[lang].split(","):
        assert word in screen
    assert "expense:waived" in screen


def test_a_borrower_chooses_what_becomes_of_a_surplus(office):
    opened = ("--borrower", "B0001", "--product", "equal-instalments", "--principal", "10000", "--loan-id", "NEW-1")
    office.done("loan", "open", *opened, "--start", "2026-02-10")
    due_fen = show(office, "NEW-1")["instalments"][0]["due_fen"]
    (office.folder / "paid.csv").write_bytes(alipay([repayment(date(2026, 3, 10), due_fen + 200_000, note="NEW-1")]))
    office.done("import", "paid.csv", "--as", "repayments")
    [paid] = office.run("payment", "list", "--loan", "NEW-1", "--format", "json").json()
    words = ("payment", "surplus", paid["payment_id"])
    assert office.run(*words, "later").code == 2
    with office.unchanged():
        tried = office.done(*words, "smaller", "--dry-run", "--format", "json").json()
    told = office.done(*words, "smaller", "--format", "json")
    assert told.json() == tried
    assert "the instalments become smaller" in told.err
    before, after = tried["positions"]
    assert (before["credit_fen"], after["credit_fen"]) == (200_000, 0)
    assert before["principal_outstanding_fen"] - after["principal_outstanding_fen"] == 200_000
    assert "chosen already; nothing was changed" in office.done(*words, "smaller").err
    refused = office.run(*words, "shorter", lang="zh")
    assert (refused.code, "已选择“smaller”" in refused.err) == (3, True)
    office.done("day", "close")
    office.done("ledger", "check")


def test_a_bounce_that_no_export_shows_is_told_by_hand(office):
    rows = office.run("payment", "list", "--format", "json").json()
    paid = next(row for row in rows if row["state"] == "placed")
    words = ("payment", "reverse", paid["payment_id"], "--reason", "sent back", "--on", paid["paid_on"])
    with office.unchanged():
        assert "nothing was written" in office.done(*words, "--dry-run").err
    before = show(office, paid["loan_id"])["paid_total_fen"]
    told = office.done(*words, "--format", "json").json()
    [of_loan] = told["loans"]
    assert (told["payment_id"], of_loan["loan_id"]) == (paid["payment_id"], paid["loan_id"])
    assert of_loan["events"][0]["what"] == "payment_reversed"
    assert show(office, paid["loan_id"])["paid_total_fen"] == before - paid["amount_fen"]
    assert "taken back already" in office.done(*words).err
    assert office.run("payment", "reverse", paid["payment_id"], "--reason", "x", "--on", "2020-01-01").code == 0
    office.done("payment", "match", paid["payment_id"], paid["loan_id"])
    assert office.run("payment", "reverse", paid["payment_id"], "--reason", "x", "--on", "2020-01-01").code == 3
    assert show(office, paid["loan_id"])["paid_total_fen"] == before
    office.done("ledger", "check")
