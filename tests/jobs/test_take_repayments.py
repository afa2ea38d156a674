"""Repayments find their loan, wait where nothing is sure, and leave again when they bounce; in any order of files."""

import itertools
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import (
    DAY,
    OPENED_ON,
    Paid,
    alipay,
    balance,
    close,
    current_txns,
    faults,
    net_entries,
    new_ledger,
    open_loan,
    outstanding,
    place_by_hand,
    placings,
    repayment,
    sent_back,
    take,
    three_loans,
)
from sizes import size

from loancli.jobs.place_payment import work_list
from loancli.ledger import journal, loans, receipts
from loancli.ledger.connect import Connection

DUE = date(2026, 2, 5)
LEVEL = 106_619


@pytest.fixture
def db(tmp_path) -> Connection:
    """The books are open on the second due day."""
    return three_loans(tmp_path, open_on=DUE)


def place(db: Connection, number: str, loan_id: str) -> bool:
    return bool(place_by_hand(db, number, loan_id, on=DUE).placed_count)


# finding the loan


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (repayment(DUE, 777, "N", note="还款 LN000001"), "reference"),
        (repayment(DUE, 777, "N", item="LN000001"), "reference"),
        (repayment(DUE, 777, "N", order="LN000001"), "reference"),
        (repayment(DUE, LEVEL, "N", party="借款人B1"), "payer_and_amount"),
        (repayment(DUE, LEVEL, "N", party="*明", account="wang@example.com"), "payer_and_amount"),
    ],
)
def test_a_sure_match_is_booked(db, row, reason):
    report = take(db, alipay([row]))
    assert (report.placed.placed_count, report.placed.suspense_count, report.placed.reversed_count) == (1, 0, 0)
    (receipt,) = receipts.listing(db)
    assert (receipt["state"], receipt["loan_id"], receipt["reason"]) == ("placed", "LN000001", reason)
    assert balance(db, "clearing:alipay") == row.amount_fen
    assert faults(db) == []


@pytest.mark.parametrize(
    ("row", "reason", "candidates"),
    [
        (repayment(DUE, 5, "N", party="陌生人"), "unknown_payer", []),
        (repayment(DUE, LEVEL, "N", party="陌生人"), "unknown_payer", ["LN000001"]),
        (
            repayment(DUE, 5, "N", party="借款人B2"),
            "amount_differs",
            ["LN000002=0.02;LN000003=0.03", "LN000002", "LN000003"],
        ),
        (repayment(DUE, 5, "N", note="LN000009", party="借款人B1"), "unknown_reference", ["LN000001"]),
        (repayment(DUE, 5, "N", note="LN000001 LN000002"), "several_references", ["LN000001", "LN000002"]),
        (repayment(OPENED_ON - DAY, 5, "N", note="LN000001"), "before_payout", ["LN000001"]),
        (repayment(DUE, 5, "N", note="LN000001", status="等待确认收货"), "pending", ["LN000001"]),
    ],
)
def test_anything_else_waits_in_suspense_with_candidates(db, row, reason, candidates):
    before = {loan_id: outstanding(db, loan_id) for loan_id in ("LN000001", "LN000002", "LN000003")}
    report = take(db, alipay([row]))
    assert (report.placed.placed_count, report.placed.suspense_count) == (0, 1)
    (receipt,) = work_list(db)
    assert (receipt["state"], receipt["loan_id"], receipt["reason"]) == ("suspense", None, reason)
    assert [each.loan_id for each in receipt["candidates"]] == candidates
    assert all(each.reasons for each in receipt["candidates"])
    assert (balance(db, "clearing:alipay"), balance(db, "suspense")) == (row.amount_fen, -row.amount_fen)
    assert {loan_id: outstanding(db, loan_id) for loan_id in before} == before
    assert faults(db) == []


@pytest.mark.parametrize(
    "row",
    [
        repayment(DUE, 500, "N", note="LN000001", direction="支出"),
        repayment(DUE, 500, "N", note="LN000001", direction="不计收支"),
        repayment(DUE, 500, "N", note="LN000001", status="交易关闭"),
        repayment(DUE, 500, "N", note="LN000001", kind="退款"),
        repayment(DUE, 500, "OURS_1", note="LN000001", status="退款成功"),  # our own purchase came back
        repayment(DUE, 0, "N", note="LN000001"),
    ],
)
def test_what_is_no_money_for_us_is_kept_and_not_booked(db, row):
    before = net_entries(db)
    report = take(db, alipay([row]))
    assert (report.placed.placed_count, report.placed.suspense_count, report.new_count) == (0, 0, 1)
    assert net_entries(db) == before
    assert receipts.listing(db) == []
    assert faults(db) == []


def test_the_same_payment_in_two_files_is_paid_once(db):
    row = repayment(DUE, LEVEL, note="LN000001")
    take(db, alipay([row]))
    before = net_entries(db), outstanding(db)
    report = take(db, alipay([row, repayment(DUE, 9, party="陌生人")]))
    assert (report.placed.placed_count, report.placed.suspense_count, report.seen_count) == (0, 1, 1)
    assert outstanding(db) == before[1]


def test_money_that_may_be_there_already_waits_for_a_person(db):
    row = repayment(DUE, LEVEL, "2026" + "1" * 24, note="LN000001")
    take(db, alipay([row]))
    before = outstanding(db)
    through_excel = row._replace(number="2.02611E+27", at="08:30:41")  # its number is gone, and so are its seconds
    other_amount = row._replace(amount_fen=LEVEL + 100)
    for doubtful in (through_excel, other_amount):
        report = take(db, alipay([doubtful]))
        assert (report.placed.placed_count, report.placed.suspense_count) == (0, 1)
    assert {row["reason"] for row in receipts.listing(db, state="suspense")} == {"possible_double"}
    assert outstanding(db) == before
    assert faults(db) == []


def test_two_payments_of_one_minute_that_both_have_a_number_are_two(db):
    rows = [repayment(DUE, LEVEL, note="LN000001"), repayment(DUE, LEVEL, note="LN000001")]
    assert take(db, alipay(rows)).placed.placed_count == 2


def test_a_pending_payment_is_placed_when_it_is_final(db):
    row = repayment(DUE, LEVEL, "N", note="LN000001")
    take(db, alipay([row._replace(status="等待确认收货")]))
    assert placings(db) == {"N": ("suspense", None)}
    report = take(db, alipay([row]))
    assert (report.placed.placed_count, report.placed.suspense_count, report.changed_count) == (1, 0, 1)
    assert placings(db) == {"N": ("placed", "LN000001")}
    assert balance(db, "suspense") == 0
    assert faults(db) == []


def test_a_pending_payment_of_a_stranger_waits_on_for_the_reason_it_then_has(db):
    row = repayment(DUE, 5, "N", party="陌生人")
    take(db, alipay([row._replace(status="等待确认收货")]))
    report = take(db, alipay([row]))
    assert (report.placed.placed_count, report.placed.suspense_count) == (0, 0)
    assert receipts.listing(db)[0]["reason"] == "unknown_payer"
    assert balance(db, "suspense") == -5
    assert faults(db) == []


def test_a_pending_payment_that_a_person_placed_stays_there(db):
    row = repayment(DUE, 5, "N", note="LN000001", status="等待确认收货")
    take(db, alipay([row]))
    place(db, "N", "LN000002")
    take(db, alipay([row._replace(status="交易成功")]))
    assert placings(db) == {"N": ("placed", "LN000002")}
    assert faults(db) == []


# bounced


def arrivals(row: Paid) -> dict[str, list[bytes]]:
    """Every way in which a payment and its return may come to us."""
    back = sent_back(row, row.on + DAY)
    refunded = row._replace(status="退款成功")
    other = repayment(DUE, 3, "OTHER", party="陌生人")
    return {
        "receipt first": [alipay([row]), alipay([back])],
        "refund first": [alipay([back]), alipay([row])],
        "same file": [alipay([row, back])],
        "same file, newest first": [alipay([back, row])],
        "later status": [alipay([row]), alipay([refunded])],
        "later status and refund": [alipay([row]), alipay([refunded, back])],
        "refunded from the start": [alipay([refunded])],
        "refunded from the start, refund later": [alipay([refunded]), alipay([back])],
        "refund first, then refunded": [alipay([back]), alipay([refunded])],
        "closed later": [alipay([row]), alipay([row._replace(status="交易关闭")])],
        "closed later, then an older export": [alipay([row._replace(status="交易关闭")]), alipay([row, other])],
        "everything twice": [alipay([row, back]), alipay([back, row, other]), alipay([back])],
    }


WAYS = list(arrivals(repayment(DUE, 1, "N")))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("note", ["LN000001", ""], ids=["placed", "suspense"])
def test_a_bounced_payment_is_as_if_it_never_came(db, way, note):
    close(db, DUE + DAY)  # what the books say on the day after both
    before = net_entries(db), outstanding(db)
    row = repayment(DUE, LEVEL, "N", note=note, party="陌生人")
    reversed_count = sum(take(db, data).placed.reversed_count for data in arrivals(row)[way])
    net = {key: fen for key, fen in net_entries(db).items() if not key[1].endswith("|3|in")}
    assert (net, outstanding(db)) == before
    assert placings(db).get("N", ("reversed", None))[0] == "reversed"
    assert reversed_count <= 1
    assert faults(db) == []


@pytest.mark.parametrize("way", WAYS)
def test_a_payment_that_bounces_before_any_close_leaves_the_same_books_after_it(db, way):
    row = repayment(DUE, LEVEL, "N", note="LN000001")
    for data in arrivals(row)[way]:
        take(db, data)
    close(db, DUE + 10 * DAY)
    net = net_entries(db)
    assert not [key for key in net if key[0] == "LN000001" and "payment:" in key[1]]
    assert db.execute("SELECT oldest_unpaid_due_on FROM position WHERE loan_id = 'LN000001'").fetchone() == (
        DUE.isoformat(),
    )
    assert faults(db) == []


def test_a_payment_counts_until_the_day_it_bounces(db):
    row = repayment(DUE, LEVEL, "N", note="LN000001")
    take(db, alipay([row, sent_back(row, DUE + 3 * DAY)]))
    paid_on = [outstanding(db)]
    for day in range(4):
        close(db, DUE + day * DAY)
        paid_on.append(outstanding(db))
    assert [fen < 1_200_000 for fen in paid_on] == [True, True, True, True, False]
    assert faults(db) == []


@pytest.mark.parametrize("returns", list(itertools.permutations([(1, 1_000), (3, 20_000), (2, 500)])), ids=str)
@pytest.mark.parametrize("is_first", [True, False], ids=["payment first", "refunds first"])
def test_of_a_payment_the_rest_stays_on_the_loan_when_parts_are_sent_back(db, returns, is_first):
    row = repayment(DUE, LEVEL, "N", note="LN000001")
    backs = [alipay([sent_back(row, DUE + days * DAY, fen)._replace(number=f"N_{days}")]) for days, fen in returns]
    for data in [alipay([row]), *backs] if is_first else [*backs, alipay([row])]:
        take(db, data)
        assert faults(db) == []
    (receipt,) = receipts.listing(db)
    assert (receipt["state"], [part[:2] for part in receipt["parts"]]) == ("placed", [("LN000001", LEVEL - 21_500)])
    paid_fen = []
    for day in range(5):
        close(db, DUE + day * DAY)
        paid_fen.append(db.execute("SELECT paid_total_fen FROM position WHERE loan_id = 'LN000001'").fetchone()[0])
    assert paid_fen == [LEVEL, LEVEL - 1_000, LEVEL - 1_500, LEVEL - 21_500, LEVEL - 21_500]
    assert balance(db, "clearing:alipay") == LEVEL - 21_500
    assert faults(db) == []
    before = net_entries(db)
    take(db, alipay([row, repayment(DUE, 3, party="陌生人")]))
    assert {key: fen for key, fen in net_entries(db).items() if "|3|in" not in key[1]} == before


def test_a_payment_that_is_sent_back_in_parts_is_gone(db):
    close(db, DUE + DAY)
    before = net_entries(db)
    row = repayment(DUE, LEVEL, "N", note="LN000001")
    backs = [sent_back(row, DUE, fen)._replace(number=f"N_{fen}") for fen in (LEVEL - 600, 600)]
    take(db, alipay([row]))
    assert [take(db, alipay([back])).placed.reversed_count for back in backs] == [0, 1]
    assert placings(db) == {"N": ("reversed", "LN000001")}
    assert net_entries(db) == before
    assert faults(db) == []


def test_our_own_payments_that_came_back_bounce_nothing(db):
    row = repayment(DUE, LEVEL, "N", note="LN000001")
    ours = repayment(DUE, LEVEL, "M", direction="支出")
    take(db, alipay([row, ours, ours._replace(number="M_back", direction="收入", status="退款成功")]))
    assert placings(db) == {"N": ("placed", "LN000001")}


# any order of files


def build(folder) -> Connection:
    db = new_ledger(folder, is_durable=False)
    for number in (1, 2):
        open_loan(db, f"LN00000{number}", borrower_id=f"B{number}")
    return db


@st.composite
def payment_files(draw: st.DrawFn) -> tuple[list[bytes], list[int]]:
    rows: list[Paid] = []
    for number in range(draw(st.integers(1, 7))):
        on = OPENED_ON + draw(st.integers(0, 70)) * DAY
        amount_fen = draw(st.sampled_from([LEVEL, 50_000, 300_000, 1_300_000]))
        note, party = draw(
            st.sampled_from([("LN000001", "x"), ("LN000002", "x"), ("", "借款人B1"), ("", "借款人B2"), ("", "x")])
        )
        row = repayment(on, amount_fen, f"N{number}", note=note, party=party)
        rows.append(row)
        if draw(st.integers(0, 3)) == 0:
            rows.append(sent_back(row, on + draw(st.integers(0, 9)) * DAY))
        elif draw(st.integers(0, 3)) == 0:
            rows += [
                sent_back(row, on + draw(st.integers(0, 9)) * DAY, fen)._replace(number=f"N{number}_{fen}")
                for fen in draw(st.lists(st.sampled_from([1, 20_000, 29_999, amount_fen - 1]), max_size=3, unique=True))
            ]
    files = draw(st.lists(st.lists(st.sampled_from(rows), min_size=1, unique=True), min_size=1, max_size=3))
    rest = [row for row in rows if not any(row in file for file in files)]
    made = [alipay(file) for file in [*files, rest] if file]
    return made, draw(st.permutations(range(len(made))))


@given(payment_files(), st.lists(st.integers(0, 80), max_size=3))
@settings(max_examples=size(10, 500))
def test_the_books_are_the_same_in_every_order_of_files_and_closes(tmp_path_factory, given_files, closes):
    files, order = given_files
    end_on = OPENED_ON + 85 * DAY
    straight, other = (build(tmp_path_factory.mktemp("order")) for _ in range(2))
    for data in files:
        take(straight, data)
    close(straight, end_on)
    for data, close_after in itertools.zip_longest([files[at] for at in order], sorted(closes)):
        if data is not None:
            take(other, data)
        if close_after is not None:
            close(other, OPENED_ON + close_after * DAY, on=end_on)
    close(other, end_on)
    ours, theirs = (
        {key: fen for key, fen in net_entries(db).items() if key[0] or "suspense" in key[1]} for db in (straight, other)
    )
    assert ours == theirs
    assert placings(straight) == placings(other)
    assert current_txns(straight, "lender") == current_txns(other, "lender")
    for loan_id in loans.loan_ids(straight):
        assert loans.stored_instalments(straight, loan_id) == loans.stored_instalments(other, loan_id)
    assert faults(straight) == faults(other) == []
    assert sum(row["balance_fen"] for row in journal.balances(other)) == 0
    straight.close()
    other.close()
