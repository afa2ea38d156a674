"""The books of a loan equal its movements, whatever came before; an entry is never changed."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from lives import DAY, PLAIN, bounced, contract_for, payment, payout, random_lives

from loancli.core.entry import Entry
from loancli.core.event import Event
from loancli.servicing.bookings import ACCOUNTS, Booked, accrual, difference, suspense
from loancli.servicing.contract import Contract, Movement
from loancli.servicing.life import life

START = date(2025, 3, 1)
ACCOUNT_NAMES = ["clearing:alipay", "loan:principal", "loan:interest_due", "income:interest", "borrower:credit"]

movements = st.builds(
    lambda day, cause, sides, amount_fen: Movement(
        START + timedelta(days=day), cause, sides[0], sides[1], amount_fen, "principal", 1
    ),
    st.integers(0, 2),
    st.sampled_from(["payment:a", "payment:b", "due:1"]),
    st.permutations(ACCOUNT_NAMES),
    st.integers(1, 3),
)


class Books:
    """A journal of one loan: entries are appended, and an entry says which one it takes back."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def booked(self) -> list[Booked]:
        gone = {entry.reverses for entry in self.entries}
        return [Booked(entry=entry, is_reversed=entry.key in gone) for entry in self.entries]

    def settle(self, wanted: Iterable[Movement]) -> list[Entry]:
        new = difference("L1", wanted, self.booked())
        self.entries += new
        return new


def net_of_entries(entries: Iterable[Entry]) -> dict[tuple[str, date, str], int]:
    """Per cause, value date and account: debits less credits, without zeros."""
    return _net(
        (entry.cause, entry.value_on, leg.debit, leg.credit, leg.amount_fen) for entry in entries for leg in entry.legs
    )


def net_of_movements(wanted: Iterable[Movement]) -> dict[tuple[str, date, str], int]:
    return _net((each.cause, each.value_on, each.debit, each.credit, each.amount_fen) for each in wanted)


def _net(legs: Iterable[tuple[str, date, str, str, int]]) -> dict[tuple[str, date, str], int]:
    found: dict[tuple[str, date, str], int] = {}
    for cause, value_on, debit, credit, amount_fen in legs:
        found[cause, value_on, debit] = found.get((cause, value_on, debit), 0) + amount_fen
        found[cause, value_on, credit] = found.get((cause, value_on, credit), 0) - amount_fen
    return {place: fen for place, fen in found.items() if fen}


def check(books: Books, wanted: Sequence[Movement]) -> None:
    assert net_of_entries(books.entries) == net_of_movements(wanted)
    keys = [entry.key for entry in books.entries]
    assert len(set(keys)) == len(keys)
    taken_back = [entry.reverses for entry in books.entries if entry.reverses]
    assert len(set(taken_back)) == len(taken_back)
    assert books.settle(wanted) == []


@given(st.lists(st.lists(movements, max_size=6), min_size=1, max_size=5))
def test_after_any_change_the_books_equal_the_movements(versions: list[list[Movement]]) -> None:
    books = Books()
    for wanted in versions:
        books.settle(wanted)
        check(books, wanted)


@settings(deadline=None)
@given(random_lives(payments_max=4), st.randoms(use_true_random=False))
def test_settling_event_by_event_in_any_order_books_the_same_as_at_once(told, dice) -> None:  # type: ignore[no-untyped-def]
    arrived = list(told.events)
    dice.shuffle(arrived)
    one_by_one, at_once = Books(), Books()
    for count in range(len(arrived) + 1):
        lived = life(told.contract, arrived[:count], told.end_on)
        one_by_one.settle(lived.movements)
        check(one_by_one, lived.movements)
    at_once.settle(life(told.contract, told.events, told.end_on).movements)

    assert net_of_entries(one_by_one.entries) == net_of_entries(at_once.entries)


def paid_loan() -> tuple[Contract, list[Event]]:
    contract = contract_for(PLAIN, 6_000_000, date(2025, 3, 10))
    return contract, [payout(contract)]


def test_what_is_equal_stays_and_only_what_changed_is_booked_anew() -> None:
    contract, events = paid_loan()
    row = contract.rows[0]
    paid = payment(row.due_on, row.due_fen)
    books = Books()
    as_of = row.due_on + 5 * DAY
    first = books.settle(life(contract, [*events, paid], as_of).movements)
    assert [entry.kind for entry in first] == ["disbursed", "due", "payment"]

    new = books.settle(life(contract, [*events, paid, bounced(paid)], as_of).movements)

    (entry,) = new
    assert entry.kind == "reversal"
    assert entry.reverses == first[2].key
    assert (entry.cause, entry.value_on) == (first[2].cause, first[2].value_on)


def test_a_late_arrival_keeps_its_value_date_and_a_new_version_gets_a_new_key() -> None:
    contract, events = paid_loan()
    row = contract.rows[0]
    books = Books()
    as_of = row.due_on + 30 * DAY
    late = payment(row.due_on + 20 * DAY, 1_000)
    books.settle(life(contract, [*events, late], as_of).movements)

    earlier = payment(row.due_on, row.due_fen, "p0")
    new = books.settle(life(contract, [*events, late, earlier], as_of).movements)

    anew = [entry for entry in new if not entry.reverses]
    assert {(entry.cause, entry.value_on) for entry in anew} == {
        ("payment:p0", earlier.effective_on),
        ("payment:p1", late.effective_on),
    }
    assert [entry.key.rpartition("/")[2] for entry in anew if entry.cause == "payment:p1"] == ["2"]


def test_suspense_and_accrual_are_booked_on_known_accounts() -> None:
    waiting = suspense(txn_key="t1", channel="wechat", amount_fen=500, value_on=START)
    accrued = accrual(product_code="plain", day=START, amount_fen=700)

    for entry in (waiting, accrued):
        assert entry.loan_id == ""
        for leg in entry.legs:
            assert {leg.debit, leg.credit} <= set(ACCOUNTS)
    assert (waiting.legs[0].debit, waiting.legs[0].credit) == ("clearing:wechat", "suspense")
    assert (accrued.legs[0].debit, accrued.legs[0].credit) == ("loan:interest_accrued", "income:interest")
    assert accrual(product_code="plain", day=START + DAY, amount_fen=700).key != accrued.key


def test_a_correction_names_the_last_event_that_took_effect_by_its_day() -> None:
    """Two late facts of one file: what is booked for the days between them was changed by the first alone."""
    first, between, last = START, START + DAY, START + 2 * DAY
    was = [Movement(day, "due:1", ACCOUNT_NAMES[0], ACCOUNT_NAMES[1], 5, "principal", 1) for day in (between, last)]
    books = Books()
    books.settle(was)
    now = [each._replace(amount_fen=7) for each in was]
    reasons = [payment(last, 1, "second"), payment(first, 1, "first")]
    found = difference("L1", now, books.booked(), because=reasons)
    assert [(each.value_on, each.key.partition("~")[2]) for each in found] == [
        (between, "first"), (last, "second"), (between, "first"), (last, "second"),
    ]  # fmt: skip
