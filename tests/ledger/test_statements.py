"""Files and rows: one transaction is one row for ever, in whichever files, in whichever order, however often."""

import hashlib
import io
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import (
    DAY,
    LOST,
    RULES,
    Paid,
    alipay,
    borrower,
    current_txns,
    dump,
    faults,
    new_ledger,
    paid,
    revenue_rows,
    sent_back,
    stamp,
    take,
    take_inside,
)

from loancli.core.errors import InputError, NotFoundError
from loancli.jobs.take_statement import take_statement
from loancli.ledger import borrowers, statements, transactions
from loancli.ledger import revenue as stored
from loancli.ledger.connect import Connection, trial, writing

FIRST = date(2026, 1, 10)
PENDING, SETTLED, REFUNDED, CLOSED = "等待确认收货", "交易成功", "退款成功", "交易关闭"


def ledger(folder) -> Connection:
    db = new_ledger(folder, is_durable=False)
    with writing(db):
        borrowers.add(db, [borrower("B1"), borrower("B2")])
    return db


@pytest.fixture
def db(tmp_path) -> Connection:
    return ledger(tmp_path)


def revenue(db: Connection, day: date = FIRST) -> dict[str, tuple[int, int]]:
    rows = stored.daily_revenue(db, "B1", from_on=day, to_on=day)
    return {kind: (fen, count) for _, _, kind, fen, count, *_ in rows}


# once


def test_the_same_file_twice_changes_nothing(db):
    data = alipay([paid(FIRST, 100), paid(FIRST, 200)])
    first = take(db, data, borrower_id="B1")
    assert (first.new_count, first.seen_count, first.already_imported) == (2, 0, False)
    before = dump(db)
    again = take(db, data, borrower_id="B1", name="another name.csv")
    assert (again.row_count, again.new_count, again.seen_count, again.already_imported) == (2, 0, 2, True)
    assert dump(db) == before


def test_the_same_rows_in_another_file_are_seen_and_not_new(db):
    rows = [paid(FIRST, 100), paid(FIRST, 200)]
    take(db, alipay(rows), borrower_id="B1")
    found = current_txns(db, "B1"), revenue_rows(db)
    report = take(db, alipay(rows[::-1]), borrower_id="B1")
    assert (report.new_count, report.seen_count, report.changed_count, report.conflicts) == (0, 2, 0, [])
    assert (current_txns(db, "B1"), revenue_rows(db)) == found
    assert len(statements.files(db, "B1")) == 2


def test_one_file_may_be_evidence_for_two_uses(db):
    data = alipay([paid(FIRST, 100)])
    for borrower_id in ("B1", "B2", None):
        assert take(db, data, borrower_id=borrower_id).new_count == 1
    assert len(current_txns(db, "B1")) == len(current_txns(db, "B2")) == len(current_txns(db, "lender")) == 1
    assert faults(db) == []


def test_a_row_twice_in_one_file_is_one_row(db):
    row = paid(FIRST, 100)
    report = take(db, alipay([row, row]), borrower_id="B1")
    assert (report.row_count, report.new_count) == (2, 1)
    assert revenue(db) == {"sure": (100, 1)}
    assert faults(db) == []


def test_rows_beyond_one_chunk_are_all_there(db, monkeypatch):
    monkeypatch.setattr(statements, "CHUNK", 3)
    rows = [paid(FIRST + number % 5 * DAY, 100 + number) for number in range(10)]
    take(db, alipay(rows[:7]), borrower_id="B1")
    take(db, alipay([*rows[2:], rows[0]]), borrower_id="B1")
    assert sorted(txn.row.amount_fen for txn in transactions.txns_of(db, "B1")) == [row.amount_fen for row in rows]
    assert faults(db) == []


# rows without an id


def test_twins_without_an_id_in_one_file_are_two(db):
    lost = paid(FIRST, 100, number=LOST)
    other_time, other_party = lost._replace(at="09:00:00"), lost._replace(party="另一位")
    rows = [lost, lost, other_time, other_party, lost._replace(amount_fen=101)]
    report = take(db, alipay(rows), borrower_id="B1")
    assert report.new_count == 5
    # The same rows in another file are those again; a third twin is new.
    assert take(db, alipay([*rows[::-1], lost]), borrower_id="B1").new_count == 1
    assert take(db, alipay([lost]), borrower_id="B1").new_count == 0
    assert revenue(db)["sure"] == (601, 6)
    assert faults(db) == []


def test_a_row_without_an_id_may_have_texts_of_any_length(db):
    lost = paid(FIRST, 100, number=LOST, item="长" * 800, party="名" * 300)
    assert take(db, alipay([lost]), borrower_id="B1").new_count == 1
    assert take(db, alipay([lost, lost]), borrower_id="B1").new_count == 1
    assert take(db, alipay([lost])).placed.suspense_count == 1
    assert faults(db) == []


# what tells transactions apart


@pytest.mark.parametrize(
    "change", [{"amount_fen": 101}, {"at": "08:30:01"}, {"direction": "支出"}, {"on": FIRST + DAY}], ids=str
)
def test_one_id_on_rows_that_differ_is_told(db, change):
    row = paid(FIRST, 100, number="N1")
    take(db, alipay([row, paid(FIRST, 5)]), borrower_id="B1")
    report = take(db, alipay([row._replace(**change), paid(FIRST, 6)]), borrower_id="B1")
    [told] = report.conflicts
    assert told.startswith("N1 on export.csv:")
    assert told.count("export.csv:") == 2
    assert report.new_count == 2
    assert faults(db) == []


def test_an_id_that_begins_with_another_is_no_conflict(db):
    row = paid(FIRST, 100, number="N1")
    take(db, alipay([row]), borrower_id="B1")
    others = [row._replace(number="N11", amount_fen=7), row._replace(number="N", amount_fen=8), sent_back(row, FIRST)]
    assert take(db, alipay(others), borrower_id="B1").conflicts == []


def test_the_same_id_in_another_account_is_another_transaction(db):
    row = paid(FIRST, 100, number="N1")
    take(db, alipay([row]), borrower_id="B1")
    report = take(db, alipay([row._replace(amount_fen=7)]), borrower_id="B2")
    assert (report.new_count, report.conflicts) == (1, [])


def test_what_a_person_may_have_edited_does_not_make_another_transaction(db):
    row = paid(FIRST, 100)
    take(db, alipay([row]), borrower_id="B1")
    report = take(db, alipay([row._replace(note="a note of later")]), borrower_id="B1")
    assert (report.new_count, report.changed_count, report.conflicts) == (0, 0, [])


# later statuses


def test_a_later_status_is_noted_and_revenue_follows(db):
    row = paid(FIRST, 100, status=PENDING)
    take(db, alipay([row]), borrower_id="B1")
    assert revenue(db) == {"possible": (100, 1)}
    report = take(db, alipay([row._replace(status=SETTLED)]), borrower_id="B1")
    assert (report.new_count, report.changed_count) == (0, 1)
    assert revenue(db) == {"sure": (100, 1)}
    take(db, alipay([row._replace(status=CLOSED)]), borrower_id="B1")
    assert revenue(db) == {"excluded": (100, 1)}
    (txn,) = transactions.txns_of(db, "B1")
    assert (txn.row.status, txn.row.status_class, txn.row.money_moved) == (CLOSED, "closed", 0)
    assert (txn.revenue_class, txn.revenue_rule) == ("excluded", "not_moved")
    assert db.execute("SELECT status FROM txn").fetchall() == [(PENDING,)]  # as it was read
    assert faults(db) == []


def test_an_older_export_that_arrives_later_takes_nothing_back(db):
    row = paid(FIRST, 100, status=SETTLED)
    take(db, alipay([row]), borrower_id="B1")
    report = take(db, alipay([row._replace(status=PENDING), paid(FIRST, 1)]), borrower_id="B1")
    assert report.changed_count == 0
    assert revenue(db) == {"sure": (101, 2)}
    assert faults(db) == []


def test_several_statuses_in_one_file_count_as_the_last(db):
    row = paid(FIRST, 100, status=PENDING)
    take(db, alipay([row]), borrower_id="B1")
    report = take(db, alipay([row._replace(status=status) for status in (SETTLED, CLOSED, PENDING)]), borrower_id="B1")
    assert report.changed_count == 1
    assert revenue(db) == {"excluded": (100, 1)}
    assert faults(db) == []


def test_a_status_that_changes_within_the_file_that_brings_the_row(db):
    row = paid(FIRST, 100, status=PENDING)
    report = take(db, alipay([row, row._replace(status=SETTLED)]), borrower_id="B1")
    assert (report.new_count, report.changed_count) == (1, 1)
    assert revenue(db) == {"sure": (100, 1)}
    assert faults(db) == []


def test_revenue_by_rule_tells_the_latest_status(db):
    row = paid(FIRST, 100, status=PENDING)
    take(db, alipay([row]), borrower_id="B1")
    take(db, alipay([row._replace(status=SETTLED)]), borrower_id="B1")
    assert stored.revenue_by_rule(db, "B1") == [
        {"channel": "alipay", "class": "sure", "rule": "qr_receipt", "rows": 1, "amount_fen": 100}
    ]


# any order, any cut


@st.composite
def arrangements(draw: st.DrawFn) -> tuple[list[bytes], list[int]]:
    """Files of overlapping days cut from one corpus, exported at several moments, and the order in which they come."""
    lives = [
        (SETTLED,),
        (PENDING, SETTLED),
        (PENDING, CLOSED),
        (SETTLED, SETTLED, CLOSED),
        (PENDING, SETTLED, REFUNDED),
    ]
    corpus = []
    for number in range(draw(st.integers(1, 12))):
        row = Paid(
            on=FIRST + draw(st.integers(0, 9)) * DAY,
            amount_fen=draw(st.integers(1, 3)) * 100,
            number=draw(st.sampled_from([f"N{number}", f"N{number}", LOST])),
            direction=draw(st.sampled_from(["收入", "收入", "支出"])),
        )
        corpus.append((row, draw(st.sampled_from(lives)) if row.number != LOST else (SETTLED,)))
    files = []
    for _ in range(draw(st.integers(1, 5))):
        from_day, days, stage = draw(st.integers(0, 9)), draw(st.integers(0, 9)), draw(st.integers(0, 2))
        period = (FIRST + from_day * DAY, FIRST + (from_day + days) * DAY)
        rows = [
            row._replace(status=life[min(stage, len(life) - 1)])
            for row, life in corpus
            if period[0] <= row.on <= period[1]
        ]
        if rows:
            files.append((stage, alipay(rows, period=period if draw(st.booleans()) else None)))
    ordered = [data for _, data in sorted(files, key=lambda each: each[0])]
    order = draw(st.permutations(range(len(ordered)))) if ordered else []
    return ordered, [*order, *order[:2]]


def content(db: Connection) -> object:
    return current_txns(db, "B1"), revenue_rows(db), stored.coverage(db, "B1"), stored.revenue_by_rule(db, "B1")


@given(arrangements())
@settings(max_examples=60)
def test_overlapping_files_in_any_order_and_repeated_give_the_same(tmp_path_factory, arranged):
    files, order = arranged
    in_order, shuffled = (ledger(tmp_path_factory.mktemp("order")) for _ in range(2))
    for data in files:
        take(in_order, data, borrower_id="B1")
    for at in order:
        take(shuffled, files[at], borrower_id="B1")
    assert content(shuffled) == content(in_order)
    assert faults(shuffled) == []
    in_order.close()
    shuffled.close()


# coverage


def test_a_file_covers_the_days_that_it_states_else_those_of_its_rows(db):
    take(db, alipay([paid(FIRST, 1)], period=(FIRST - 3 * DAY, FIRST + 9 * DAY)), borrower_id="B1")
    take(db, alipay([paid(FIRST + 20 * DAY, 1), paid(FIRST + 12 * DAY, 1)]), borrower_id="B1")
    assert stored.coverage(db, "B1") == {
        "alipay": [(FIRST - 3 * DAY, FIRST + 9 * DAY), (FIRST + 12 * DAY, FIRST + 20 * DAY)]
    }
    assert stored.coverage(db, "B2") == {}


def test_a_filtered_export_and_the_lenders_own_cover_nothing(db):
    take(db, alipay([paid(FIRST, 1)], exported="收入"), borrower_id="B1")
    take(db, alipay([paid(FIRST, 1)]))
    assert db.execute("SELECT * FROM coverage").fetchall() == []


# refused files


def bad(data: bytes) -> bytes:
    return data.replace(b",1.00,", b",one,")


REFUSED = {
    "one bad row": (
        bad(alipay([paid(FIRST, 200), paid(FIRST, 100), paid(FIRST, 300)])),
        InputError,
        "export.csv:2[0-9]:金额",
    ),
    "no rows": (alipay([]), InputError, "no row"),
    "not an export": (b"hello", InputError, "export.csv"),
    "cut off": (alipay([paid(FIRST, 200)])[:-30], InputError, "export.csv"),
}


@pytest.mark.parametrize("borrower_id", ["B1", None], ids=["revenue", "repayments"])
@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_file_leaves_no_trace(db, what, borrower_id):
    data, error, told = REFUSED[what]
    take(db, alipay([paid(FIRST, 100)]), borrower_id=borrower_id)
    before = dump(db)
    with pytest.raises(error, match=told):
        take(db, data, borrower_id=borrower_id)
    assert dump(db) == before


def test_every_bad_row_of_a_file_is_told(db):
    with pytest.raises(InputError) as told:
        take(db, bad(alipay([paid(FIRST, 100) for _ in range(7)])), borrower_id="B1")
    assert len(str(told.value).splitlines()) == 7


def test_of_several_files_in_one_transaction_all_are_taken_or_none(db):
    before = dump(db)

    def take_both():
        with writing(db):
            take_inside(db, alipay([paid(FIRST, 100)]), borrower_id="B1")
            take_inside(db, alipay([]), borrower_id="B1")

    with pytest.raises(InputError):
        take_both()
    assert dump(db) == before


def test_an_unknown_borrower_is_not_found(db):
    before = dump(db)
    with pytest.raises(NotFoundError):
        take(db, alipay([paid(FIRST, 100)]), borrower_id="B9")
    assert dump(db) == before


def test_a_trial_reports_what_taking_does_and_leaves_nothing(db):
    data = alipay([paid(FIRST, 100), paid(FIRST, 300, status=PENDING)])
    before = dump(db)
    with trial(db):
        tried = take_inside(db, data, borrower_id="B1")
    assert dump(db) == before
    assert take(db, data, borrower_id="B1") == tried


# what is kept of a file


def test_the_facts_of_a_file_are_kept_and_the_account_is_not(db):
    data = alipay([paid(FIRST, 100)], period=(FIRST, FIRST), exported="收入")
    take(db, data, borrower_id="B1", name="a.csv")
    row = dict(
        zip(
            [c[1] for c in db.execute("PRAGMA table_info(file)")],
            db.execute("SELECT * FROM file").fetchone(),
            strict=True,
        )
    )
    assert row["content_sha"] == hashlib.sha256(data).hexdigest()
    kept = {name: row[name] for name in ("name", "owner", "read_as", "channel", "row_count", "new_count", "is_whole")}
    assert kept == {
        "name": "a.csv",
        "owner": "B1",
        "read_as": "revenue",
        "channel": "alipay",
        "row_count": 1,
        "new_count": 1,
        "is_whole": 0,
    }
    assert "shop@example.com" not in str(dump(db))
    assert "only some transaction types" in row["warnings"]


def test_sums_in_the_report_are_those_of_the_file(db):
    rows = [paid(FIRST, 100), paid(FIRST, 30, direction="支出"), paid(FIRST, 7, direction="不计收支")]
    report = take(db, alipay(rows), borrower_id="B1")
    assert report.sums_fen == {"in": (1, 100), "out": (1, 30), "neutral": (1, 7)}
    assert report.revenue_fen == {"sure": (1, 100)}
    assert revenue(db) == {"sure": (100, 1)}


def test_watching_tells_the_line_that_was_read(db, monkeypatch):
    monkeypatch.setattr(statements, "CHUNK", 1_000)
    seen = []
    rows = [paid(FIRST, 1) for _ in range(2_500)]
    with writing(db):
        take_statement(
            db,
            io.BytesIO(alipay(rows)),
            "big.csv",
            borrower_id="B1",
            rules=RULES,
            stamp=stamp(FIRST),
            watch=seen.append,
        )
    assert [line - seen[0] for line in seen] == [0, 1_000, 1_500]
