"""`ledger balances` of any day by both days, and `ledger rebuild`, as an operator meets them."""

import sqlite3
from contextlib import closing

import pytest
from ledger_maker import tampered


@pytest.mark.parametrize("by", ["booking", "value"])
def test_balances_sum_to_zero_on_every_day(shared_desk, by):
    for day in ("2025-05-01", "2025-10-31", "2025-12-31", "2026-02-28"):
        told = shared_desk.run("ledger", "balances", "--as-of", day, "--by", by, "--format", "json")
        *accounts, total = told.json()
        assert total["account"] == "total"
        assert total["balance_fen"] == sum(row["balance_fen"] for row in accounts) == 0
        assert total["debits_fen"] == total["credits_fen"]
        assert day in told.err


def test_balances_are_of_the_day_that_is_asked_for_before_the_command_or_after_it(shared_desk):
    own, outer = (
        shared_desk.run(*words)
        for words in (
            ("ledger", "balances", "--as-of", "2025-10-31"),
            ("--as-of", "2025-10-31", "ledger", "balances"),
        )
    )
    assert own.out == outer.out
    assert shared_desk.run("--as-of", "2025-01-01", "ledger", "balances", "--as-of", "2025-10-31").out == own.out
    assert shared_desk.run("ledger", "balances").out != own.out


def test_which_day_counts_is_said_with_the_reason(shared_desk):
    words = ("ledger", "balances", "--as-of", "2025-10-31", "--by")
    booking, value = (shared_desk.run(*words, by).err for by in ("booking", "value"))
    assert booking == ("at the end of 2025-10-31, as booked by then; what is told of a closed day never changes\n")
    assert value.startswith("what is for the days up to 2025-10-31, as known now: late facts still change it")
    assert "2025-10-31" in shared_desk.run(*words, "value", lang="zh").err


def test_a_late_payment_changes_the_balance_by_value_day_and_never_that_of_a_closed_day(story, tmp_path):
    desk = story.desk.copy(tmp_path / "desk")
    words = ("ledger", "balances", "--as-of", "2026-02-20", "--by")
    before = {by: desk.run(*words, by).out for by in ("booking", "value")}
    text = (story.world / "lender" / "alipay-2026-02.csv").read_bytes().decode("gb18030")
    (desk.folder / "late.csv").write_bytes(text.replace("2200202602", "2299202602").encode("gb18030"))
    desk.done("import", "late.csv", "--as", "repayments")
    assert desk.run(*words, "booking").out == before["booking"]
    assert desk.run(*words, "value").out != before["value"]


@pytest.fixture
def hurt(story, tmp_path):
    """Books of which a foreign program changed two positions and every balance by day."""
    desk = story.desk.copy(tmp_path / "desk")
    with closing(sqlite3.connect(desk.ledger, isolation_level=None)) as db:
        db.execute("UPDATE position SET credit_fen = credit_fen + 1 WHERE loan_id IN ('LN000001', 'LN000002')")
        db.execute("DELETE FROM turnover")
    return desk


def test_a_rebuild_is_shown_first_then_done_and_then_there_is_nothing_to_do(hurt, story):
    assert hurt.run("ledger", "check").code == 6
    with hurt.unchanged():
        tried = hurt.run("ledger", "rebuild", "--dry-run", "--format", "json")
    assert tried.err.endswith("nothing was written (--dry-run)\n")
    done = hurt.run("ledger", "rebuild", "--format", "json")
    assert done.out == tried.out
    rows = {row["table"]: row for row in done.json()}
    assert list(rows) == ["ruling", "daily_revenue", "turnover", "position", "instalment", "conduct"]
    assert (rows["position"]["rows"], rows["position"]["differed"]) == (12, 2)
    assert rows["turnover"]["differed"] == rows["turnover"]["rows"] > 0
    assert len(rows["turnover"]["differences"]) == 5
    first, second = rows["position"]["differences"]
    assert first.startswith("loan LN000001: credit_fen is ")
    assert second.startswith("loan LN000002: credit_fen is ")
    assert f"{rows['turnover']['differed'] + 2} differences put right" in done.err
    assert hurt.dump() == story.desk.dump()
    hurt.done("ledger", "check")
    with hurt.unchanged():
        again = hurt.run("ledger", "rebuild")
    assert again.err == "every stored copy is what events, entries and rows give; nothing changed\n"


def test_a_rebuild_from_books_that_are_not_as_they_were_written_is_refused(hurt):
    tampered(hurt.ledger, "UPDATE event SET effective_on = '2025-06-01' WHERE id = 3").close()
    with hurt.unchanged():
        told = hurt.run("ledger", "rebuild")
        chinese = hurt.run("ledger", "rebuild", lang="zh")
    assert (told.code, told.out) == (6, "")
    assert told.err.startswith("error: event 3 (")
    assert "nothing was rebuilt from that, as it would mislead: restore a backup" in told.err
    assert chinese.err.startswith("错误：事件 3（")
    assert "没有重建；请恢复备份" in chinese.err
