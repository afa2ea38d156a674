"""A person places what waits: whole, split, by a list; what that teaches places the next payments by itself."""

from datetime import date

import pytest
from ledger_maker import (
    DAY,
    OPENED_ON,
    alipay,
    balance,
    borrower,
    close,
    dump,
    faults,
    net_entries,
    new_ledger,
    open_loan,
    outstanding,
    place_by_hand,
    placings,
    repayment,
    sent_back,
    stamp,
    take,
    three_loans,
)

from loancli.core.errors import NotFoundError, RefusedError
from loancli.jobs.place_payment import Placement, place_payments, rematch, work_list
from loancli.ledger import borrowers, journal, receipts
from loancli.ledger.connect import Connection, writing

DUE = date(2026, 2, 5)
LEVEL = 106_619
BOTH = 500_000


@pytest.fixture
def db(tmp_path) -> Connection:
    """The books are open on the second due day."""
    return three_loans(tmp_path, open_on=DUE)


def events(db: Connection, loan_id: str) -> list[str]:
    return [event.key for event in journal.events_of(db, [loan_id])[loan_id] if event.kind.value.startswith("payment")]


def waits(db: Connection, *rows) -> None:
    report = take(db, alipay(rows))
    assert report.placed.suspense_count == len(rows)


# whole


def test_a_person_places_a_payment_once(db):
    waits(db, repayment(DUE, LEVEL, "N", party="陌生人"))
    assert place_by_hand(db, "N", "LN000001", on=DUE).placed_count == 1
    assert placings(db) == {"N": ("placed", "LN000001")}
    assert balance(db, "suspense") == 0
    before = dump(db)
    again = place_by_hand(db, "N", "LN000001", on=DUE)
    assert (again.placed_count, again.same_count) == (0, 1)
    assert place_by_hand(db, "N", ("LN000001", LEVEL), on=DUE).same_count == 1
    assert dump(db) == before
    assert faults(db) == []


def test_a_placed_payment_stays_where_it_is(db):
    take(db, alipay([repayment(DUE, LEVEL, "N", note="LN000001")]))
    before = dump(db)
    with pytest.raises(RefusedError, match="placed on loan LN000001"):
        place_by_hand(db, "N", "LN000002", on=DUE)
    with pytest.raises(RefusedError, match="placed on loan LN000001"):
        place_by_hand(db, "N", ("LN000001", 1), ("LN000002", LEVEL - 1), on=DUE)
    assert dump(db) == before


def test_a_bounced_payment_cannot_be_placed(db):
    row = repayment(DUE, 5, "N", party="陌生人")
    take(db, alipay([row, sent_back(row, DUE)]))
    before = dump(db)
    with pytest.raises(RefusedError, match="reversed"):
        place_by_hand(db, "N", "LN000001", on=DUE)
    assert dump(db) == before


def test_money_cannot_repay_a_loan_that_was_not_there_yet(db):
    waits(db, repayment(OPENED_ON - DAY, 5, "N", party="陌生人"))
    with pytest.raises(RefusedError, match="older than loan"):
        place_by_hand(db, "N", "LN000001", on=DUE)


@pytest.mark.parametrize(("payment_id", "loan_id"), [(99, "LN000001"), (1, "LN000009")])
def test_unknown_payments_and_loans_are_not_found(db, payment_id, loan_id):
    waits(db, repayment(DUE, 5, "N", party="陌生人"))
    with pytest.raises(NotFoundError), writing(db):
        place_payments(db, [Placement(payment_id=payment_id, shares=((loan_id, None),))], stamp=stamp(DUE))


def test_a_placed_payment_bounces_from_its_loan(db):
    row = repayment(DUE, LEVEL, "N", party="陌生人")
    waits(db, row)
    before = outstanding(db)
    place_by_hand(db, "N", "LN000001", on=DUE)
    take(db, alipay([sent_back(row, DUE)]))
    assert (outstanding(db), balance(db, "suspense"), balance(db, "clearing:alipay")) == (before, 0, 0)
    assert placings(db) == {"N": ("reversed", "LN000001")}
    assert faults(db) == []


def test_placing_by_hand_books_what_a_reference_would_have(db, tmp_path):
    take(db, alipay([repayment(DUE, LEVEL, "N", note="LN000001")]))
    sure = net_entries(db)
    (tmp_path / "other").mkdir()
    other = new_ledger(tmp_path / "other", is_durable=False)
    open_loan(other, "LN000001")
    open_loan(other, "LN000002", borrower_id="B2", principal_fen=2_400_000)
    open_loan(other, "LN000003", borrower_id="B2", principal_fen=3_600_000)
    close(other, DUE - DAY)
    waits(other, repayment(DUE, LEVEL, "N", party="陌生人"))
    place_by_hand(other, "N", "LN000001", on=DUE)
    assert net_entries(other) == sure


# split


def split(db: Connection) -> int:
    return place_by_hand(db, "N", ("LN000003", 300_000), ("LN000002", 200_000), on=DUE).placed_count


def test_a_payment_is_split_over_loans_once_in_whatever_order_they_are_named(db):
    waits(db, repayment(DUE, BOTH, "N", party="借款人B2"))
    before = {loan_id: outstanding(db, loan_id) for loan_id in ("LN000002", "LN000003")}
    assert split(db) == 1
    assert placings(db) == {"N": ("placed", "LN000002 + LN000003")}
    assert (balance(db, "suspense"), balance(db, "clearing:alipay")) == (0, BOTH)
    assert all(outstanding(db, loan_id) < fen for loan_id, fen in before.items())
    key = f"payment/lender|alipay|N|{DUE}T08:30:00+08:00|{BOTH}|in"
    assert (events(db, "LN000002"), events(db, "LN000003")) == ([key], [f"{key}#2"])
    assert faults(db) == []
    books = dump(db)
    assert split(db) == 0
    assert place_by_hand(db, "N", ("LN000002", 200_000), ("LN000003", 300_000), on=DUE).same_count == 1
    assert dump(db) == books


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ([("LN000002", 200_000), ("LN000003", 200_000)], "4,000.00 together, the payment is 5,000.00"),
        ([("LN000002", 200_000), ("LN000003", 300_001)], "5,000.01 together, the payment is 5,000.00"),
        ([("LN000002", BOTH), ("LN000003", 0)], "above 0.00"),
        ([("LN000002", 499_999)], "4,999.99 together"),
        ([("LN000002", 200_000), ("LN000002", 300_000)], "LN000002 stands there twice"),
        (["LN000002", ("LN000003", 300_000)], "how much is for loan LN000002"),
    ],
)
def test_a_split_that_is_not_the_payment_is_refused(db, shares, told):
    waits(db, repayment(DUE, BOTH, "N", party="借款人B2"))
    before = dump(db)
    with pytest.raises(RefusedError, match=told):
        place_by_hand(db, "N", *shares, on=DUE)
    assert dump(db) == before


def test_another_split_of_a_split_payment_is_refused(db):
    waits(db, repayment(DUE, BOTH, "N", party="借款人B2"))
    split(db)
    before = dump(db)
    with pytest.raises(RefusedError, match=r"placed on loan LN000002 \+ LN000003"):
        place_by_hand(db, "N", ("LN000002", 300_000), ("LN000003", 200_000), on=DUE)
    assert dump(db) == before


@pytest.mark.parametrize("returns", [[BOTH], [200_000, 300_000]], ids=["at once", "in two"])
def test_a_split_payment_that_comes_back_leaves_every_loan(db, returns):
    close(db, DUE + DAY)
    before = net_entries(db)
    row = repayment(DUE, BOTH, "N", party="借款人B2")
    waits(db, row)
    split(db)
    for number, amount_fen in enumerate(returns):
        back = sent_back(row, DUE + DAY, amount_fen)._replace(number=f"N_{number}")
        take(db, alipay([back]))
        assert faults(db) == []
    assert placings(db) == {"N": ("reversed", "LN000002 + LN000003")}
    assert net_entries(db) == before


def test_a_part_of_a_split_payment_that_comes_back_waits_for_a_person(db):
    row = repayment(DUE, BOTH, "N", party="借款人B2")
    waits(db, row)
    split(db)
    before = net_entries(db)
    report = take(db, alipay([sent_back(row, DUE, 100_000)]))
    assert [warning for warning in report.warnings if "1,000.00 of payment 1 (5,000.00)" in warning]
    assert net_entries(db) == before
    assert split(db) == 0
    assert faults(db) == []


# a part went back before it was placed


def test_only_what_did_not_go_back_is_placed(db):
    row = repayment(DUE, BOTH, "N", party="陌生人")
    report = take(db, alipay([row, sent_back(row, DUE, 100_000)]))
    assert [warning for warning in report.warnings if "only the rest can be placed" in warning]
    assert (balance(db, "suspense"), faults(db)) == (-BOTH, [])
    with pytest.raises(RefusedError, match=r"of which 1,000\.00 was paid back"):
        split(db)
    assert place_by_hand(db, "N", "LN000002", on=DUE).placed_count == 1
    assert (balance(db, "suspense"), balance(db, "clearing:alipay")) == (0, 400_000)
    assert place_by_hand(db, "N", "LN000002", on=DUE).same_count == 1
    assert faults(db) == []


def test_what_did_not_go_back_is_split(db):
    row = repayment(DUE, BOTH, "N", party="陌生人")
    take(db, alipay([row, sent_back(row, DUE, 100_000)]))
    place_by_hand(db, "N", ("LN000002", 150_000), ("LN000003", 250_000), on=DUE)
    assert (balance(db, "suspense"), balance(db, "clearing:alipay")) == (0, 400_000)
    assert take(db, alipay([row, sent_back(row, DUE, 100_000), repayment(DUE, 1)])).warnings == []
    assert faults(db) == []


# what is learnt


def test_a_payer_that_was_learnt_is_known_from_then_on(db):
    later = repayment(DUE + 31 * DAY, LEVEL, "L", party="王记面馆")
    waits(db, repayment(DUE, LEVEL, "N", party="王记面馆"))
    report = place_by_hand(db, "N", "LN000001", on=DUE, is_learnt=True)
    assert (report.learnt, report.matched) == ([("王记面馆", "B1")], [])
    assert borrowers.one(db, "B1").aliases == ("wang@example.com", "王记面馆")
    assert take(db, alipay([later])).placed.placed_count == 1
    assert placings(db)["L"] == ("placed", "LN000001")
    before = dump(db)
    assert place_by_hand(db, "N", "LN000001", on=DUE, is_learnt=True).learnt == []
    assert dump(db) == before


def test_the_account_is_learnt_rather_than_the_name(db):
    waits(db, repayment(DUE, LEVEL, "N", party="*明", account="138****1234"))
    place_by_hand(db, "N", "LN000001", on=DUE, is_learnt=True)
    assert "138****1234" in borrowers.one(db, "B1").aliases


def test_what_else_waits_of_that_payer_is_placed_where_it_surely_belongs(db):
    rows = [
        repayment(DUE, LEVEL, "N", party="王记面馆"),
        repayment(DUE - DAY, LEVEL, "SURE", party="王记面馆"),
        repayment(DUE, 777, "ODD", party="王记面馆"),
        repayment(DUE, LEVEL, "OTHER", party="张记面馆"),
        repayment(DUE, LEVEL, "PENDING", party="王记面馆", status="等待确认收货"),
    ]
    waits(db, *rows)
    report = place_by_hand(db, "N", "LN000001", on=DUE, is_learnt=True)
    assert len(report.matched) == 1
    states = {number: state for number, (state, _) in placings(db).items()}
    assert states == {
        "N": "placed", "SURE": "placed", "ODD": "suspense", "OTHER": "suspense", "PENDING": "suspense"
    }  # fmt: skip
    reasons = {row["external_id"]: row["reason"] for row in receipts.listing(db)}
    assert (reasons["SURE"], reasons["ODD"]) == ("payer_and_amount", "amount_differs")
    assert faults(db) == []


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (repayment(DUE, LEVEL, "N", party="*明"), "masks the payer's name"),
        (repayment(DUE, LEVEL, "N", party="**智"), "masks the payer's name"),
        (repayment(DUE, LEVEL, "N", party="王**"), "masks the payer's name"),
        (repayment(DUE, LEVEL, "N", party=""), "masks the payer's name"),
        (repayment(DUE, 5, "N", party="借款人B2"), r"'借\*\*\*\*' is a name of borrower B2 \(借\*\*\*\*\) already"),
    ],
)
def test_what_tells_nobody_or_another_is_not_learnt_and_then_nothing_is_placed(db, row, told):
    waits(db, row)
    before = dump(db)
    with pytest.raises(RefusedError, match=told):
        place_by_hand(db, "N", "LN000001", on=DUE, is_learnt=True)
    assert dump(db) == before


def test_a_payment_for_several_borrowers_teaches_nothing(db):
    waits(db, repayment(DUE, BOTH, "N", party="会计"))
    with pytest.raises(RefusedError, match="B1, B2"):
        place_by_hand(db, "N", ("LN000001", 200_000), ("LN000002", 300_000), on=DUE, is_learnt=True)


def test_a_split_over_loans_of_one_borrower_teaches(db):
    waits(db, repayment(DUE, BOTH, "N", party="会计"))
    report = place_by_hand(db, "N", ("LN000003", 200_000), ("LN000002", 300_000), on=DUE, is_learnt=True)
    assert report.learnt == [("会计", "B2")]


def test_the_list_that_a_borrower_came_from_is_still_the_same_after_learning(db):
    waits(db, repayment(DUE, LEVEL, "N", party="王记面馆"))
    place_by_hand(db, "N", "LN000001", on=DUE, is_learnt=True)
    with writing(db):
        assert borrowers.add(db, [borrower("B1", aliases=("wang@example.com",))]) == 0
    with pytest.raises(RefusedError), writing(db):
        borrowers.add(db, [borrower("B1", aliases=("wang@example.com", "另一个"))])


# tried again


def test_payments_are_tried_again_with_what_is_known_now(db):
    waits(
        db,
        repayment(DUE, LEVEL, "NOTED", note="LN000004", party="x"),
        repayment(DUE, LEVEL, "PAYER", party="借款人B3"),
        repayment(DUE, 5, "ODD", party="借款人B3"),
        repayment(DUE, LEVEL, "PENDING", note="LN000004", status="等待确认收货"),
        repayment(DUE, 5, "STRANGER", party="陌生人"),
    )
    row = repayment(DUE, LEVEL, "2026" + "1" * 24, note="LN000001")
    take(db, alipay([row]))
    waits(db, row._replace(number="2.02611E+27", at="08:30:41"))
    with writing(db):
        assert rematch(db, stamp=stamp(DUE)) == []
    before = dump(db)
    with writing(db):
        assert rematch(db, stamp=stamp(DUE)) == []
    assert dump(db) == before
    open_loan(db, "LN000004", borrower_id="B3")
    with writing(db):
        assert len(rematch(db, stamp=stamp(DUE))) == 2
    found = placings(db)
    assert {number for number, (_, loan_id) in found.items() if loan_id == "LN000004"} == {"NOTED", "PAYER"}
    reasons = {each["external_id"]: each["reason"] for each in receipts.listing(db, state="suspense")}
    assert reasons == {
        "ODD": "amount_differs",
        "PENDING": "pending",
        "STRANGER": "unknown_payer",
        "": "possible_double",  # Excel had destroyed its number
    }
    assert faults(db) == []


# a list


def placement(db: Connection, number: str, *loan_ids: str, **options) -> Placement:
    [payment_id] = [row["payment_id"] for row in receipts.listing(db) if row["external_id"] == number]
    return Placement(payment_id=payment_id, shares=tuple((loan_id, None) for loan_id in loan_ids), **options)


def test_a_list_is_placed_row_by_row_and_then_learns(db):
    """What a list says of a payment counts before what another of its rows teaches."""
    rows = [repayment(DUE, LEVEL, number, party="王记面馆") for number in ("A", "B", "C")]
    waits(db, *rows)
    wanted = [
        placement(db, "A", "LN000001", is_learnt=True),
        placement(db, "B", "LN000002"),
        placement(db, "A", "LN000001", is_learnt=True),
    ]
    with writing(db):
        report = place_payments(db, wanted, stamp=stamp(DUE))
    assert (report.placed_count, report.same_count, len(report.matched)) == (2, 1, 1)
    assert {number: loan_id for number, (_, loan_id) in placings(db).items()} == {
        "A": "LN000001",
        "B": "LN000002",
        "C": "LN000001",
    }
    before = dump(db)
    with writing(db):
        report = place_payments(db, wanted, stamp=stamp(DUE))
    assert (report.placed_count, report.same_count, report.learnt) == (0, 3, [])
    assert dump(db) == before
    assert faults(db) == []


def test_with_keep_going_the_good_are_done_and_the_others_told(db):
    waits(db, repayment(DUE, LEVEL, "A", party="甲方"), repayment(DUE, LEVEL, "B", party="*乙"))
    wanted = [
        placement(db, "A", "LN000009"),
        placement(db, "B", "LN000001", is_learnt=True),
        placement(db, "A", "LN000002", amount_fen=LEVEL + 1),
        Placement(payment_id=77, shares=(("LN000001", None),)),
        placement(db, "A", "LN000002", amount_fen=LEVEL),
        placement(db, "A", "LN000003"),
    ]
    with writing(db):
        report = place_payments(db, wanted, stamp=stamp(DUE), keep_going=True)
    assert [(at, column) for at, column, _ in report.refused] == [
        (0, "place"), (1, "learn"), (2, "place"), (3, "place"), (5, "place")
    ]  # fmt: skip
    assert placings(db) == {"A": ("placed", "LN000002"), "B": ("suspense", None)}
    assert faults(db) == []


def test_candidates_follow_how_the_loans_stand(db):
    waits(db, repayment(DUE, LEVEL, "N", party="陌生人"))
    [each] = work_list(db)
    assert [(choice.loan_id, choice.reasons) for choice in each["candidates"]] == [("LN000001", ("due_day",))]
    take(db, alipay([repayment(DUE, LEVEL, note="LN000001")]))
    close(db, DUE + DAY)
    [each] = work_list(db)
    assert [choice.reasons for choice in each["candidates"]] == [("amount",)]  # the one of March is not near


def test_what_settles_a_loan_is_what_its_quote_says(db):
    from loancli.jobs.settle import gather
    from loancli.servicing.life import quote

    contract, known = gather(db, ["LN000001"])["LN000001"]
    waits(db, repayment(DUE, quote(contract, known, DUE).to_pay_fen, "N", party="借款人B1"))
    [each] = work_list(db)
    assert [(choice.loan_id, choice.reasons) for choice in each["candidates"]] == [("LN000001", ("payer", "settles"))]
