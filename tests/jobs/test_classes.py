"""Classes over the whole book are those of each life by itself, and of all claims on a debtor together."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import (
    CALENDAR,
    DAY,
    OPENED_ON,
    alipay,
    borrower,
    close,
    faults,
    new_ledger,
    open_loan,
    repayment,
    stamp,
    take,
    tell,
)
from lives import paused
from older_ledgers import as_schema
from terms import AGEING, SCHEDULES, product

from loancli.core.event import Event
from loancli.jobs.adjust_loan import Rules, adjust
from loancli.jobs.classes import class_of
from loancli.jobs.close_day import close_day
from loancli.jobs.list_loans import loans_on
from loancli.jobs.rebuild import rebuild
from loancli.jobs.record_event import put_in_force, work_out_void
from loancli.jobs.settle import gather
from loancli.ledger import borrowers, claims, loans
from loancli.ledger.connect import Connection, open_ledger, trial, writing
from loancli.ledger.loan_list import Wanted
from loancli.plan.ceilings import read_ceilings
from loancli.servicing.asset_class import AssetClass, in_force
from loancli.servicing.life import life

CEILINGS = read_ceilings(
    *((SCHEDULES / "policies" / name).read_text(encoding="utf-8") for name in ("ceilings.toml", "lpr.csv"))
)
OPEN_ON = date(2026, 7, 9)
BANK = product(code="equal", lender_kind="bank")
MICRO = product(code="micro", lender_kind="microcredit")
# Of a company: one loan that is never paid, one paid as agreed, one of another kind of lender. Of a sole trader: the
# same. Of another company: a small one never paid, a large one as agreed, so that they come to less than a tenth.
LOANS = (
    ("LN000001", "C1", BANK, 1_200_000, False),
    ("LN000002", "C1", BANK, 2_400_000, True),
    ("LN000003", "C1", MICRO, 600_000, True),
    ("LN000004", "T1", BANK, 1_200_000, False),
    ("LN000005", "T1", BANK, 2_400_000, True),
    ("LN000006", "C2", BANK, 120_000, False),
    ("LN000007", "C2", BANK, 12_000_000, True),
    ("LN000008", "C3", BANK, 1_200_000, True),
    ("LN000009", "C3", BANK, 1_200_000, False),
    ("LN000010", "P1", BANK, 1_200_000, True),
    ("LN000011", "C4", BANK, 1_200_000, False),
    ("LN000012", "C4", BANK, 1_200_000, True),
)
STARTS = {"LN000012": date(2026, 2, 10)}
KINDS = {"C": "company", "T": "sole_trader", "P": "person"}
PAID_UP_ON = date(2026, 5, 20)  # LN000009, which was non-performing; LN000011 is settled on it


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    made = new_ledger(tmp_path_factory.mktemp("ledger"), is_durable=False)
    with writing(made):
        for number, borrower_id in enumerate(sorted({each[1] for each in LOANS}), start=1):
            borrowers.add(made, [replace(borrower(f"B{number}"), borrower_id=borrower_id, kind=KINDS[borrower_id[0]])])
    rows = []
    for loan_id, borrower_id, terms, principal_fen, is_paid in LOANS:
        start_on = STARTS.get(loan_id, OPENED_ON)
        open_loan(made, loan_id, borrower_id=borrower_id, terms=terms, principal_fen=principal_fen, start_on=start_on)
        contract, _ = gather(made, [loan_id])[loan_id]
        if is_paid:
            rows += [repayment(row.due_on, row.due_fen, note=loan_id) for row in contract.rows if row.due_on < OPEN_ON]
        elif loan_id == "LN000009":
            rows += [repayment(PAID_UP_ON, 450_000, note=loan_id)]
            rows += [
                repayment(row.due_on, row.due_fen, note=loan_id)
                for row in contract.rows
                if PAID_UP_ON < row.due_on < OPEN_ON
            ]
        elif loan_id == "LN000011":
            rows += [repayment(PAID_UP_ON, 1_300_000, note=loan_id)]
    take(made, alipay(rows), on=OPEN_ON)
    close(made, OPEN_ON - DAY)
    ease(made, "LN000010", "extend 3", OPEN_ON, in_difficulty=True)
    ease(made, "LN000008", "rate 5%", OPEN_ON, in_difficulty=False)
    event = paused(date(2026, 7, 8), OPEN_ON, "w")
    tell(made, replace(event, key="w/LN000005", loan_id="LN000005", payload=event.payload | {"in_difficulty": True}),
         today=OPEN_ON)  # fmt: skip
    yield made
    made.close()


def ease(db: Connection, loan_id: str, text: str, on: date, *, in_difficulty: bool) -> Event:
    rules = Rules(calendar=CALENDAR, ceilings=CEILINGS, products={}, stamp=stamp(on))
    with writing(db):
        found = adjust(db, loan_id, text, on, rules, in_difficulty)
    assert found is not None
    return found.event


def alone(db: Connection, day: date) -> dict[str, AssetClass | None]:
    """The classes without any SQL: each loan by itself, then a debtor's loans at one kind of lender together."""
    own: dict[str, AssetClass | None] = {}
    groups: dict[tuple[str, str], list[tuple[str, int]]] = {}
    kinds = {each: found.kind for each, found in borrowers.find(db).items()}
    for loan_id, (contract, events) in gather(db, loans.loan_ids(db)).items():
        if contract.signed_on > day:
            continue
        lived = life(contract, events, day)
        own[loan_id] = AGEING.standing(lived).asset_class
        group = groups.setdefault((contract.borrower_id, contract.product.lender_kind), [])
        group.append((loan_id, lived.position.principal_outstanding_fen))
    found = dict(own)
    for (borrower_id, lender_kind), group in groups.items():
        rule = in_force(AGEING.cross_defaults, lender_kind, day)
        bad = {loan_id for loan_id, _ in group if (its := own[loan_id]) and its.is_non_performing}
        bad_fen = sum(fen for loan_id, fen in group if loan_id in bad)
        whole_fen = sum(fen for _, fen in group)
        if rule and kinds[borrower_id] in rule.borrower_kinds and 10 * bad_fen > whole_fen:
            found |= {loan_id: AssetClass.SUBSTANDARD for loan_id, _ in group if own[loan_id] and loan_id not in bad}
    return found


def listed(db: Connection, day: date, **asked: Any) -> dict[str, dict[str, Any]]:
    return {row["loan_id"]: row for row in loans_on(db, day, Wanted(**asked), AGEING)[0]}


def classes(rows: dict[str, dict[str, Any]]) -> dict[str, AssetClass | None]:
    return {loan_id: row["asset_class"] and AssetClass(row["asset_class"]) for loan_id, row in rows.items()}


def test_the_book_holds_every_case(db: Connection) -> None:
    """Else the laws below would say little."""
    told = {loan_id: (row["asset_class"], row["class_why"]) for loan_id, row in listed(db, OPEN_ON).items()}
    assert told == {
        "LN000001": ("substandard", ""),
        "LN000002": ("substandard", "debtor"),
        "LN000003": ("normal", ""),  # at another lender
        "LN000004": ("substandard", ""),
        "LN000005": ("special_mention", "restructured"),  # a sole trader: the other loan does not count
        "LN000006": ("substandard", ""),
        "LN000007": ("normal", ""),  # the other is less than a tenth
        "LN000008": ("substandard", "debtor"),  # eased, and not in difficulty
        "LN000009": ("substandard", "was_non_performing"),
        "LN000010": ("special_mention", "restructured"),
        "LN000011": (None, ""),
        "LN000012": ("normal", ""),
    }
    assert listed(db, OPEN_ON)["LN000010"]["observed_until"] == "2027-08-05"


@settings(max_examples=30, deadline=None)
@given(back=st.integers(-180, 400), one=st.sampled_from(LOANS))
def test_on_any_day_the_list_and_each_loan_by_itself_tell_the_same_classes(
    db: Connection, back: int, one: tuple[Any, ...]
) -> None:
    day = OPEN_ON + back * DAY
    expected = alone(db, day)
    rows = listed(db, day)
    assert classes(rows) == expected
    assert classes(listed(db, day, borrower_id=one[1])) == {
        loan_id: found for loan_id, found in expected.items() if rows[loan_id]["borrower_id"] == one[1]
    }
    assert set(listed(db, day, is_restructured=True)) == {
        loan_id for loan_id, row in rows.items() if row["restructured_on"]
    }
    if one[0] in expected:
        _, classed = class_of(db, one[0], day, AGEING)
        assert (classed.asset_class if classed else None) is expected[one[0]]
        assert classed is None or classed.told[1:] == tuple(rows[one[0]][name] for name in (
            "asset_class", "class_why", "restructured_on", "observed_until"))  # fmt: skip


def test_other_loans_of_the_debtor_count_as_of_the_day_whatever_is_asked_for(db: Connection) -> None:
    """One of them is settled by now; it was not then, and it is not among those asked for."""
    for on, told in ((PAID_UP_ON - DAY, "substandard"), (PAID_UP_ON, "normal")):
        rows = listed(db, on, signed_from=STARTS["LN000012"])
        assert {loan_id: row["asset_class"] for loan_id, row in rows.items()} == {"LN000012": told}


def test_the_line_of_a_day_counts_them(db: Connection) -> None:
    with trial(db):
        line = close_day(db, OPEN_ON, calendar=CALENDAR, ageing=AGEING, stamp=stamp(OPEN_ON + DAY))
        rows = listed(db, OPEN_ON)
    groups: dict[str, dict[str, int]] = {}
    for row in rows.values():
        if row["asset_class"] not in {"normal", None}:
            group = groups.setdefault(row["asset_class"], {"loans": 0, "outstanding_fen": 0})
            group["loans"] += 1
            group["outstanding_fen"] += row["principal_outstanding_fen"]
    assert line["classes"] == groups
    eased = [row for row in rows.values() if row["restructured_on"]]
    eased_fen = sum(row["principal_outstanding_fen"] for row in eased)
    assert line["restructured"] == {"loans": 2, "outstanding_fen": eased_fen}
    whole_fen = sum(row["principal_outstanding_fen"] for row in rows.values())
    assert line["par30_restructured_ppm"] - line["par30_ppm"] == pytest.approx(
        eased_fen * 1_000_000 // whole_fen, abs=200
    )
    assert db.execute("SELECT count(*) FROM temp.sqlite_schema").fetchone() == (0,)


def test_a_void_takes_the_restructuring_away_everywhere(db: Connection) -> None:
    key = next(event.key for event in gather(db, ["LN000010"])["LN000010"][1] if event.kind.value == "plan_changed")
    with trial(db):
        effect = work_out_void(db, "LN000010", key, reason="slip", stamp=stamp(OPEN_ON))
        put_in_force(db, effect, stamp=stamp(OPEN_ON))
        assert claims.stored(db, "LN000010") is None
        row = listed(db, OPEN_ON)["LN000010"]
        assert (row["asset_class"], row["restructured_on"]) == ("normal", None)
    assert listed(db, OPEN_ON)["LN000010"]["restructured_on"] == OPEN_ON.isoformat()


def test_a_ledger_from_before_there_was_conduct_tells_the_same_before_and_after_a_close(db: Connection) -> None:
    expected = listed(db, OPEN_ON)
    kept = dict(db.execute("SELECT * FROM conduct"))
    assert set(kept) == {"LN000005", "LN000008", "LN000009", "LN000010"}
    with trial(db):
        db.execute("UPDATE conduct SET facts = NULL")
        db.execute("INSERT INTO conduct VALUES ('LN000007', NULL)")
        assert listed(db, OPEN_ON) == expected
        assert faults(db) == []
        line = close_day(db, OPEN_ON, calendar=CALENDAR, ageing=AGEING, stamp=stamp(OPEN_ON + DAY))
        assert line["restructured"]["loans"] == 2
        assert claims.waiting(db) == []
        assert dict(db.execute("SELECT * FROM conduct")) == kept


def test_a_ledger_of_schema_8_marks_every_loan_that_may_have_a_conduct(db: Connection, tmp_path: Path) -> None:
    as_schema(8, db, tmp_path / "old.db")
    with closing(open_ledger(tmp_path / "old.db")) as old:
        marked = claims.waiting(old)
        assert set(marked) >= {row[0] for row in db.execute("SELECT loan_id FROM conduct")}
        assert not {"LN000002", "LN000003", "LN000007", "LN000011", "LN000012"} & set(marked)
        assert listed(old, OPEN_ON) == listed(db, OPEN_ON)
        assert faults(old) == []


def test_a_copy_that_another_hand_changed_is_found_and_put_right(db: Connection) -> None:
    kept = dict(db.execute("SELECT * FROM conduct"))
    with trial(db):
        db.execute("DELETE FROM conduct WHERE loan_id = 'LN000010'")
        db.execute("UPDATE conduct SET facts = '[[],[],[]]' WHERE loan_id = 'LN000009'")
        db.execute("INSERT INTO conduct VALUES ('LN000001', '[[],[],[]]')")
        assert len(faults(db)) == 3
        (found,) = (each for each in rebuild(db) if each.table == "conduct")
        assert len(found.differed) == 3
        assert faults(db) == []
        assert dict(db.execute("SELECT * FROM conduct")) == kept
