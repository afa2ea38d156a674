"""Events and entries: once, in a chain, never half."""

import sqlite3
from datetime import date
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_maker import DAY, OPENED_ON, close, dump, faults, new_ledger, open_loan

from loancli.core.entry import Entry, Leg, reversal
from loancli.core.errors import RefusedError
from loancli.core.event import Event, EventKind
from loancli.ledger import journal
from loancli.ledger.connect import Connection, writing
from loancli.servicing.bookings import ACCOUNTS


@pytest.fixture
def db(tmp_path) -> Connection:
    made = new_ledger(tmp_path, is_durable=False)
    open_loan(made)
    return made


def payment(key: str = "cash/1", *, loan_id: str = "LN000001", on: date = OPENED_ON, **payload: object) -> Event:
    return Event(
        key=key,
        loan_id=loan_id,
        kind=EventKind.PAYMENT_RECEIVED,
        effective_on=on,
        payload={"amount_fen": 100, "channel": "bank", "txn_key": "", **payload},
        actor="test",
    )


def record(db: Connection, *events: Event, at: str = "2026-01-05T09:00:00+08:00") -> list[Event]:
    with writing(db):
        return journal.record(db, events, recorded_at=at)


def entry(key: str = "e1", *legs: tuple[str, str, int], loan_id: str = "") -> Entry:
    made = [Leg(debit=debit, credit=credit, amount_fen=fen) for debit, credit, fen in legs]
    made = made or [Leg(debit="clearing:bank", credit="income:fee", amount_fen=100)]
    return Entry(key=key, loan_id=loan_id, kind="test", cause=key, value_on=OPENED_ON, legs=tuple(made))


def test_recording_twice_is_recording_once(db):
    event = payment()
    assert record(db, event) == [event]
    before = dump(db)
    assert record(db, event, at="2026-02-01T09:00:00+08:00") == []
    assert dump(db) == before


def test_the_same_event_twice_in_one_batch_is_recorded_once(db):
    event = payment()
    assert record(db, event, event) == [event]


@pytest.mark.parametrize(
    "other",
    [
        {"amount_fen": 101},
        {"channel": "alipay"},
        {"on": OPENED_ON + DAY},
        {"loan_id": "LN000002"},
        {"extra": None},
    ],
    ids=lambda other: next(iter(other)),
)
def test_the_same_key_with_other_content_is_refused_and_nothing_written(db, other):
    open_loan(db, "LN000002")
    record(db, payment())
    before = dump(db)
    with pytest.raises(RefusedError, match="cash/1"):
        record(db, payment("cash/2"), payment(**other))
    with pytest.raises(RefusedError, match="cash/3"):
        record(db, payment("cash/3"), payment("cash/3", **other))
    assert dump(db) == before


def test_another_kind_under_the_same_key_is_refused(db):
    record(db, payment())
    other = Event(
        key="cash/1",
        loan_id="LN000001",
        kind=EventKind.DISBURSED,
        effective_on=OPENED_ON,
        payload=payment().payload,
        actor="test",
    )
    with pytest.raises(RefusedError):
        record(db, other)


def test_what_is_recorded_is_read_back(db):
    events = [payment("cash/1", note="[/] 王"), payment("cash/2", on=OPENED_ON - 30 * DAY)]
    record(db, *events)
    assert journal.events_of(db, ["LN000001", "LN999999"]) == {
        "LN000001": [*journal.events_of(db, ["LN000001"])["LN000001"][:1], *events],
        "LN999999": [],
    }


def test_links_go_on_from_one_another(db):
    record(db, payment("cash/1"), payment("cash/2"))
    record(db, payment("cash/3"))
    with writing(db):
        journal.book(db, [entry("e1"), entry("e2")], booked_on=OPENED_ON)
        journal.book(db, [entry("e3")], booked_on=OPENED_ON)
    for table in ("event", "entry"):
        links = db.execute(f"SELECT id, previous_sha, sha FROM {table} ORDER BY id").fetchall()
        assert [number for number, _, _ in links] == list(range(1, len(links) + 1))
        assert links[0][1] == bytes(32)
        assert all(before[2] == after[1] for before, after in pairwise(links))
        assert journal.head(db, table) == links[-1][2]


def test_an_event_of_an_unknown_loan_is_refused(db):
    with pytest.raises(sqlite3.IntegrityError):
        record(db, payment(loan_id="LN999999"))


def test_an_entry_is_booked_once(db):
    with writing(db):
        journal.book(db, [entry()], booked_on=OPENED_ON)
    before = dump(db)
    with pytest.raises(sqlite3.IntegrityError, match="key"), writing(db):
        journal.book(db, [entry("e2"), entry()], booked_on=OPENED_ON)
    assert dump(db) == before


def test_an_entry_is_reversed_once_and_then_is_no_longer_there(db):
    with writing(db):
        journal.book(db, [entry()], booked_on=OPENED_ON)
        assert journal.entry_of(db, "e1") == entry()
        journal.book(db, [reversal(entry(), key="reverse/e1")], booked_on=OPENED_ON)
        assert journal.entry_of(db, "e1") is None
    assert [row["balance_fen"] for row in journal.balances(db) if row["account"] == "income:fee"] == [0]
    with pytest.raises(sqlite3.IntegrityError, match="reverses"), writing(db):
        journal.book(db, [reversal(entry(), key="again")], booked_on=OPENED_ON)


def test_entries_come_back_as_they_were_booked(db):
    first = entry("e1", ("loan:fee_due", "income:fee", 7), ("clearing:bank", "loan:fee_due", 7), loan_id="LN000001")
    second = reversal(first, key="reverse/e1")
    with writing(db):
        journal.book(db, [first, second], booked_on=OPENED_ON)
    found = journal.entries_of(db, ["LN000001", "LN999999"])
    assert found["LN000001"][1:] == [(first, True), (second, False)]
    assert found["LN999999"] == []


def test_nothing_is_booked_in_a_closed_day(db):
    close(db, OPENED_ON)
    with pytest.raises(sqlite3.IntegrityError, match="closed day"), writing(db):
        journal.book(db, [entry()], booked_on=OPENED_ON)


@given(
    st.lists(
        st.tuples(st.permutations(list(ACCOUNTS)), st.integers(1, 10**14), st.integers(0, 3)), min_size=1, max_size=8
    )
)
def test_balances_sum_to_zero_on_every_day(tmp_path_factory, moves):
    db = new_ledger(tmp_path_factory.mktemp("balances"), is_durable=False)
    expected: dict[tuple[str, int], int] = {}
    with writing(db):
        for number, (accounts, fen, later) in enumerate(moves):
            moved = entry(f"e{number}", (accounts[0], accounts[1], fen))
            journal.book(db, [moved], booked_on=OPENED_ON + later * DAY)
            for account, signed in ((accounts[0], fen), (accounts[1], -fen)):
                for day in range(later, 4):
                    expected[account, day] = expected.get((account, day), 0) + signed
    for day in range(4):
        rows = journal.balances(db, OPENED_ON + day * DAY)
        assert [row["account"] for row in rows] == list(ACCOUNTS)
        assert sum(row["balance_fen"] for row in rows) == 0
        assert {row["account"]: row["balance_fen"] for row in rows} == {
            account: expected.get((account, day), 0) for account in ACCOUNTS
        }
    assert journal.balances(db) == journal.balances(db, OPENED_ON + 9 * DAY)
    db.close()


def test_a_chain_says_the_same_for_ever():
    # Version 1 of the text form. Another value here means that no ledger in the field checks any more.
    link = journal.chained(bytes(32), 1, "k", None, "王", b"x", [(1, 0, 2, 3, 100)])
    assert link.hex() == "d2a5b4774cfd9702abf5473f5db9007e155864b3d0cd89123f8b2e3a0fd0ef2a"
    assert journal.chained(link, "a") != journal.chained(bytes(32), "a")
    assert journal.chained(link, "a", "b") != journal.chained(link, "ab")


@given(st.binary(min_size=32, max_size=32), st.lists(st.text() | st.integers() | st.none() | st.binary()))
def test_the_text_of_a_link_is_the_canonical_one_of_its_parts(previous, parts):
    text = journal.canonical([str(part) for part in parts])
    assert journal.chained(previous, *parts) == sha256(previous + b"1" + text.encode()).digest()


def test_an_entry_is_taken_back_in_the_call_that_booked_it(db):
    with writing(db):
        assert journal.book(db, [entry(), reversal(entry(), key="reverse/e1")], booked_on=OPENED_ON) == 2
    assert [gone for _, gone in journal.entries_between(db, "e1", "e1")] == [True]


def test_an_event_that_nobody_settled_is_found(db):
    assert faults(db) == []
    record(db, payment())
    assert faults(db) == [
        "positions computed again = stored: loan LN000001: the stored position is not what its events give",
        "entries computed again = booked: loan LN000001: 1 entries differ from what its events give",
    ]
