"""What people decide about revenue rows, and cash that they declare: it wins, it is chained, it can be taken back."""

import json
from datetime import date, timedelta

import pytest
from ledger_maker import (
    DAY,
    OPENED_ON,
    alipay,
    borrower,
    close,
    dump,
    execute,
    faults,
    new_ledger,
    open_loan,
    paid,
    revenue_rows,
    stamp,
    take,
)
from terms import revenue_product

from loancli.cli.explain import why
from loancli.core.errors import InputError, NotFoundError, RefusedError
from loancli.core.rates import DayCount
from loancli.jobs.classify import Decided, classify
from loancli.jobs.declare_revenue import Declaration, declare_revenue
from loancli.ledger import borrowers, loans, revenue, transactions
from loancli.ledger.connect import Connection, writing
from loancli.plan.product import Frequency

FIRST = date(2026, 1, 10)
TODAY = FIRST + 30 * DAY


@pytest.fixture
def db(tmp_path) -> Connection:
    db = new_ledger(tmp_path, is_durable=False)
    with writing(db):
        borrowers.add(db, [borrower("B1"), borrower("B2")])
    return db


def sums(db: Connection) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, _, kind, fen, *_ in revenue.daily_revenue(db, "B1", from_on=FIRST, to_on=TODAY):
        found[kind] = found.get(kind, 0) + fen
    return found


def decide(db: Connection, txn_ids: list[int], revenue_class: str | None, why: str = "seen the shop") -> Decided:
    with writing(db):
        return classify(db, "B1", txn_ids, revenue_class, why=why, stamp=stamp(TODAY, actor="lin"))


SALE = paid(FIRST, 100)
FRIEND = paid(FIRST, 2_000, item="转账", kind="转账")
SPENT = paid(FIRST, 30_000, direction="支出", item="面粉", kind="餐饮美食")
CLOSED = paid(FIRST, 400_000, status="交易关闭")


@pytest.fixture
def rows(db) -> dict[str, int]:
    """What it is → the row's number."""
    take(db, alipay([SALE, FRIEND, SPENT, CLOSED]), borrower_id="B1")
    names = {100: "sale", 2_000: "friend", 30_000: "spent", 400_000: "closed"}
    return {names[txn.row.amount_fen]: txn.txn_id for txn in transactions.txns_of(db, "B1")}


# a person's word


def test_a_persons_word_wins_until_it_is_taken_back(db, rows):
    assert sums(db) == {"sure": 100, "possible": 2_000, "excluded": 400_000}
    told = decide(db, [rows["friend"], rows["sale"]], "excluded")
    assert told.new_count == 2
    assert {txn.revenue_rule for txn in told.rows} == {"person"}
    assert sums(db) == {"excluded": 402_100}
    decide(db, [rows["friend"]], "sure")
    assert sums(db) == {"sure": 2_000, "excluded": 400_100}
    assert faults(db) == []
    assert decide(db, [rows["friend"], rows["sale"]], None).new_count == 2
    assert sums(db) == {"sure": 100, "possible": 2_000, "excluded": 400_000}
    assert faults(db) == []


def test_it_outlives_later_statuses_and_other_exports(db, rows):
    decide(db, [rows["friend"]], "sure")
    take(db, alipay([FRIEND._replace(status="交易关闭"), paid(FIRST, 1)]), borrower_id="B1")
    assert sums(db)["sure"] == 2_101
    decide(db, [rows["friend"]], None)
    assert sums(db) == {"sure": 101, "excluded": 402_000}
    assert faults(db) == []


def test_the_same_decision_again_changes_nothing(db, rows):
    decide(db, [rows["sale"]], "possible")
    before = dump(db)
    assert decide(db, [rows["sale"]], "possible").new_count == 0
    assert decide(db, [rows["friend"]], None).new_count == 0
    assert dump(db) == before


@pytest.mark.parametrize(
    ("row", "revenue_class", "told"),
    [
        ("sale", "reduction", "reduction is for money that went out, this is in"),
        ("spent", "sure", "sure is for money that went in, this is out"),
        ("spent", "possible", "possible is for money that went in, this is out"),
        ("closed", "sure", "did not move"),
    ],
)
def test_what_cannot_be_is_refused(db, rows, row, revenue_class, told):
    before = dump(db)
    with pytest.raises(RefusedError, match=told):
        decide(db, [rows["friend"], rows[row]], revenue_class)
    assert dump(db) == before


def test_money_that_went_out_can_reduce_revenue(db, rows):
    decide(db, [rows["spent"]], "reduction")
    assert sums(db)["reduction"] == 30_000
    decide(db, [rows["spent"]], "excluded")
    assert "reduction" not in sums(db)
    assert faults(db) == []


def test_rows_of_others_are_not_found(db, rows):
    take(db, alipay([paid(FIRST, 7)]), borrower_id="B2")
    take(db, alipay([paid(FIRST, 8)]))
    for txn_id in (999, rows["sale"] + 4, rows["sale"] + 5):
        with pytest.raises(NotFoundError, match=str(txn_id)):
            decide(db, [txn_id], "excluded")


@pytest.mark.parametrize("change", ["revenue_class = 'possible'", "why = 'x'", "actor = 'x'", "txn_id = 1"])
def test_a_verdict_that_somebody_changed_is_found(db, rows, change):
    decide(db, [rows["friend"]], "sure")
    execute(db, "DROP TRIGGER verdict_is_final", f"UPDATE verdict SET {change}")
    assert any("what people decided" in fault for fault in faults(db))


def test_verdicts_are_never_changed(db, rows):
    decide(db, [rows["friend"]], "sure")
    for sql in ("UPDATE verdict SET why = 'x'", "DELETE FROM verdict"):
        with pytest.raises(Exception, match="never"):
            execute(db, sql)


# declared cash


def declare(db: Connection, *, on: date = TODAY, **changes: object) -> int:
    plain = {"borrower_id": "B1", "amount_fen": 100_001, "from_on": FIRST, "to_on": FIRST + 9 * DAY,
             "evidence": "the cash book", "revenue_class": "possible"}  # fmt: skip
    with writing(db):
        return declare_revenue(db, Declaration(**plain | changes), stamp=stamp(TODAY), as_of=on)


def test_declared_cash_is_shared_out_over_the_days_to_the_fen(db):
    assert declare(db) == 10
    daily = revenue.daily_revenue(db, "B1", from_on=FIRST, to_on=TODAY)
    assert [day for day, *_ in daily] == [FIRST + number * DAY for number in range(10)]
    assert {(channel, kind) for _, channel, kind, *_ in daily} == {("cash", "possible")}
    assert sum(fen for *_, fen, _, _ in daily) == 100_001
    assert {fen for *_, fen, _, _ in daily} == {10_000, 10_001}
    assert revenue.coverage(db, "B1") == {}  # it does not say that nothing else happened
    assert revenue.revenue_by_rule(db, "B1")[0]["rule"] == "declared"
    assert faults(db) == []


def test_the_same_declaration_again_changes_nothing_and_another_adds(db):
    declare(db)
    before = dump(db)
    assert declare(db) == 0
    assert dump(db) == before
    for change in ({"evidence": "slips"}, {"amount_fen": 5}, {"revenue_class": "sure"}, {"borrower_id": "B2"}):
        assert declare(db, **change) > 0
    assert sums(db) == {"possible": 200_007, "sure": 100_001}
    assert faults(db) == []


def test_fewer_fen_than_days_leave_days_without_a_row(db):
    assert declare(db, amount_fen=3) == 3
    assert sums(db) == {"possible": 3}


def test_a_declaration_is_put_right_as_any_row_is(db):
    declare(db, to_on=FIRST)
    [txn] = transactions.txns_of(db, "B1")
    assert txn.row.item == "the cash book"
    decide(db, [txn.txn_id], "excluded", why="counted twice")
    assert sums(db) == {"excluded": 100_001}
    assert faults(db) == []


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"on": FIRST + 8 * DAY}, RefusedError, "after"),
        ({"from_on": FIRST + 10 * DAY}, InputError, "after"),
        ({"from_on": FIRST - timedelta(days=360)}, InputError, "at most 366 days"),
        ({"amount_fen": 0}, InputError, "above 0"),
        ({"evidence": " "}, InputError, "evidence"),
        ({"evidence": "x" * 501}, InputError, "evidence"),
        ({"borrower_id": "B9"}, NotFoundError, "B9"),
    ],
)
def test_what_cannot_be_declared_is_refused(db, changes, error, told):
    before = dump(db)
    with pytest.raises(error, match=told):
        declare(db, **changes)
    assert dump(db) == before
    assert revenue_rows(db) == []


def weekly(folder):
    """Books with a loan that takes 12 % of each week's revenue, and the last day of its first window."""
    made = new_ledger(folder, is_durable=False)
    terms = revenue_product(
        frequency=Frequency(days=7), day_count=DayCount.ACT_365F, share={"floor": None, "cap": None}
    )
    open_loan(made, terms=terms, principal_fen=500_000, periods=12)
    return made, OPENED_ON + 6 * DAY


def test_declared_cash_stands_in_the_sentence_of_the_instalment_that_it_made(tmp_path):
    made, last_on = weekly(tmp_path)
    sold = paid(OPENED_ON, 300_000)
    take(made, alipay([sold], period=(OPENED_ON, last_on)), borrower_id="B1")
    declare(made, amount_fen=50_000, from_on=OPENED_ON, to_on=OPENED_ON + DAY, revenue_class="sure")
    close(made, last_on + DAY)
    [state, *_] = loans.stored_instalments(made, "LN000001")
    [reason] = [value for value in state if isinstance(value, str) and value.startswith("[")]
    assert why(reason, "en").startswith("Alipay revenue 3,000.00; Cash revenue 500.00; share 12%; gives 420.00")
    assert why(reason, "zh").startswith("支付宝营收 3,000.00 元；现金营收 500.00 元")
    assert faults(made) == []


def test_an_instalment_is_of_revenue_less_the_platforms_fees(tmp_path):
    made, last_on = weekly(tmp_path)
    take(made, alipay([paid(OPENED_ON, 300_000)], period=(OPENED_ON, last_on)), borrower_id="B1")
    with writing(made):
        made.execute("UPDATE daily_revenue SET fee_milli_fen = 1800500")
    close(made, last_on + DAY)
    [event] = made.execute("SELECT payload FROM event WHERE key = 'window/LN000001/1'").fetchone()
    assert json.loads(event)["counted_fen"] == {"alipay": 298_199}
