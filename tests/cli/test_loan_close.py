"""`loan close` at the desk: said what is missing, closed within a limit, the same again, and credit told."""

import json

import pytest


@pytest.fixture
def desk(new_desk, tmp_path):
    """A loan of three instalments of which the last is paid 0.42 short, on 10 April."""
    desk = new_desk(tmp_path)
    desk.done("--as-of", "2026-04-10", "init")
    desk.done("borrower", "add", "B1", "--name", "王小明")
    rows = ["loan_id,borrower_id,product,principal,signed_on,outstanding,periods,paid_until",
            "L1,B1,equal-instalments,3000,2026-01-10,0.42,3,2026-03-31"]  # fmt: skip
    (tmp_path / "l.csv").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "p.csv").write_text("loan_id,paid_on,amount\nL1,2026-04-10,1023.67\n", encoding="utf-8")
    desk.done("--as-of", "2026-04-10", "loan", "import", "l.csv", "--payments", "p.csv")
    return desk


def close(desk, *words, lang="en", day="2026-04-20"):
    return desk.run("--as-of", day, "loan", "close", "L1", *words, lang=lang)


def test_what_is_missing_is_said_and_nothing_is_written(desk):
    with desk.unchanged():
        told = close(desk)
        chinese = close(desk, lang="zh")
    assert (told.code, chinese.code) == (3, 3)
    assert (
        "close: 0.42 yuan is still to be paid on 2026-04-20 (principal 0.42), more than may be waived, 0.00" in told.err
    )
    assert "尚有 0.42 元应还" in chinese.err


def test_a_small_rest_is_waived_within_the_limit_and_the_loan_is_settled(desk):
    words = ("--waive-up-to", "1", "--reason", "rounding", "--format", "json")
    with desk.unchanged():
        tried = close(desk, *words, "--dry-run")
    done = close(desk, *words)
    assert done.json() == tried.json()
    [event] = done.json()["events"]
    assert (event["what"], event["on"], event["payload"]["amount_fen"]) == ("amount_waived", "2026-04-10", 42)
    assert event["payload"]["reason"] == "rounding"
    assert [row["status"] for row in done.json()["positions"]] == ["active", "settled"]
    assert "loan L1 is settled: 0.42 yuan waived" in done.err
    before = desk.dump()
    again = close(desk)
    assert (again.code, again.out) == (0, "")
    assert "was settled on 2026-04-10; there is nothing to close" in again.err
    assert desk.dump() == before
    desk.done("ledger", "check")


def test_credit_of_a_settled_loan_is_told(desk):
    (desk.folder / "l2.csv").write_text(
        "loan_id,borrower_id,product,principal,signed_on,outstanding\nL2,B1,equal-instalments,3000,2026-03-10,0\n",
        encoding="utf-8",
    )
    (desk.folder / "p2.csv").write_text("loan_id,paid_on,amount\nL2,2026-04-01,3100\n", encoding="utf-8")
    desk.done("--as-of", "2026-04-10", "loan", "import", "l2.csv", "--payments", "p2.csv")
    told = desk.run("--as-of", "2026-04-20", "loan", "close", "L2")
    assert told.code == 0
    assert "yuan of credit; pay it out: loancli loan refund L2 YUAN" in told.err
    shown = json.loads(desk.run("--as-of", "2026-04-20", "loan", "show", "L2", "--format", "json").out)
    assert shown["credit_fen"] > 0


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("--on", "2026-05-01"), 3, "2026-05-01 is after 2026-04-20"),
        (("--waive-up-to", "x"), 2, "--waive-up-to"),
        (("--reason", ""), 2, "--reason"),
    ],
)
def test_wrong_usage_is_told(words, code, name, desk):
    with desk.unchanged():
        told = close(desk, *words)
    assert told.code == code
    assert name in told.err
