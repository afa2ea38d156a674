"""What the benchmarks run on: large statements and a large book, made up, the same on every machine.

python benchmarks/make.py statement FILE alipay|wechat|workbook ROWS
python benchmarks/make.py books LEDGER LOANS SHARE_PERCENT
python benchmarks/make.py journal LEDGER POSTINGS
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT / "src"), str(CHECKOUT / "fixtures")]

from shops import month_lines  # noqa: E402
from trades import make_borrowers  # noqa: E402
from wallets import Line, alipay_file, wechat_file  # noqa: E402
from workbooks import wechat_workbook  # noqa: E402

from loancli.core.loan import Borrower  # noqa: E402

if TYPE_CHECKING:
    from loancli.jobs.open_loan import Signing

SEED = 7
MONTHS = [date(2024 + month // 12, month % 12 + 1, 1) for month in range(6, 30)]  # July 2024 … June 2026
ACCOUNTS_MAX = 1_200  # as many shops as the fixtures have names for
OWNER = "B1"

DAY = timedelta(days=1)
CLOSED_ON = date(2026, 3, 10)  # the day whose close is measured: a Tuesday, as is the one before a working day
CHUNK = 2_000
JOURNAL_DAYS = 1_095


def lines(channel: str) -> Iterator[Line]:
    """The rows of many shops, month by month, as if one account had them all."""
    for borrower in make_borrowers(SEED, ACCOUNTS_MAX):
        for month in MONTHS:
            yield from month_lines(SEED, borrower, channel, month, MONTHS[0])


def statement(path: Path, kind: str, row_count: int) -> None:
    """Write a statement of exactly `row_count` rows; `workbook` is WeChat's."""
    period = {"from_on": MONTHS[0], "to_on": date(2026, 6, 30), "exported_at": "2026-07-01 09:00:00"}
    rows = list(islice(lines("alipay" if kind == "alipay" else "wechat"), row_count))
    assert len(rows) == row_count, f"the fixtures make {len(rows)} rows at most"
    if kind == "alipay":
        whole = alipay_file(name="周禾丰", account="199****0001", lines=rows, **period)
    elif kind == "wechat":
        whole = wechat_file(nickname="禾丰慢生活", lines=rows, **period)
    else:
        whole = wechat_workbook(nickname="禾丰慢生活", lines=rows, is_deflated=True, **period)
    path.write_bytes(whole)


def books(path: Path, loan_count: int, share_percent: int) -> None:
    """A ledger with the open day CLOSED_ON, on which an instalment of `share_percent` of its loans falls due.

    The loans are signed in the month before, each for 12 monthly instalments; nobody has paid yet, as no day has come.
    The first thousands are opened one by one, the others are like them.
    """
    from loancli.core.days import BEIJING, read_calendar
    from loancli.jobs import Stamp
    from loancli.jobs.close_day import close_through
    from loancli.jobs.open_loan import Signing, open_loans
    from loancli.ledger import borrowers
    from loancli.ledger.connect import create, open_ledger, writing
    from loancli.plan.build import build
    from loancli.plan.product_file import read_product
    from loancli.plan.rows import Plan
    from loancli.servicing.bookings import ACCOUNTS
    from loancli.servicing.delinquency import read_ageing

    schedules = CHECKOUT / "schedules"
    calendar = read_calendar(
        {file.name: file.read_text(encoding="utf-8") for file in (schedules / "calendars").glob("cn-*.csv")}
    )
    product = read_product((schedules / "products" / "equal-instalments.toml").read_text(encoding="utf-8"), "product")
    ageing = read_ageing((schedules / "policies" / "ageing.toml").read_text(encoding="utf-8"), "ageing.toml")
    stamp = Stamp(actor="bench", at=datetime(2026, 3, 10, 9, tzinfo=BEIJING))
    opened_on = CLOSED_ON - 2 * DAY  # a loan that is settled on the day before is looked at by that day's close
    principals_fen = [yuan * 100 for yuan in range(5_000, 50_000, 500)]
    due: list[list[Plan]] = []
    later: list[list[Plan]] = []
    for back in range(2, 31):
        plans = [build(product, fen, CLOSED_ON - back * DAY, calendar=calendar) for fen in principals_fen]
        first = plans[0].rows[0]
        if first.due_on == first.to_on == CLOSED_ON:
            due.append(plans)
        elif min(first.to_on, first.due_on) > CLOSED_ON:
            later.append(plans)
    assert due, "no loan falls due on the day"
    plans = []  # of the loan of each number, in turn: so many of a hundred fall due
    for number in range(100 * len(principals_fen)):
        days = due if number % 100 < share_percent else later
        plans.append(days[number // 100 % len(days)][number % len(principals_fen)])
    create(path, opened_on=opened_on.isoformat(), accounts=ACCOUNTS)
    db = open_ledger(path)
    db.execute("PRAGMA synchronous = 0")  # of this connection only
    db.execute("PRAGMA cache_size = -400000")
    signings = []
    for number, plan in enumerate(plans[:loan_count], start=1):
        signings.append(Signing(loan_id=f"LN{number:07d}", borrower_id=f"B{number:07d}", plan=plan, channel="bank"))
    with writing(db):
        borrowers.add(db, [borrower(each.loan_id) for each in signings])
        open_loans(db, signings, calendar=calendar, stamp=stamp)
    for from_number in range(len(plans), loan_count, CHUNK):
        with writing(db):
            numbers = range(from_number, min(from_number + CHUNK, loan_count))
            multiply(db, [(f"LN{number + 1:07d}", signings[number % len(plans)]) for number in numbers], stamp.text)
    list(close_through(db, CLOSED_ON - DAY, calendar=calendar, ageing=ageing, stamp=stamp))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def borrower(loan_id: str) -> Borrower:
    """The borrower of a loan of that number."""
    number = loan_id.removeprefix("LN")
    return Borrower(borrower_id=f"B{number}", name=f"借款人{number}", phone=f"199{int(number):08d}")


def multiply(db: sqlite3.Connection, copies: list[tuple[str, Signing]], recorded_at: str) -> None:
    """Loans like others that are there, with books of their own: what signing each would write, as chains have it."""
    from loancli.ledger import borrowers, days, journal, loans

    borrowers.add(db, [borrower(loan_id) for loan_id, _ in copies])
    origins = sorted({origin.loan_id for _, origin in copies})
    records, events, entries = (of(db, origins) for of in (loans.records, journal.events_of, journal.entries_of))
    for loan_id, origin in copies:
        record = records[origin.loan_id]
        loans.add(db, replace(record, loan_id=loan_id, borrower_id=borrower(loan_id).borrower_id))
    told = [
        replace(event, loan_id=loan_id, key=event.key.replace(origin.loan_id, loan_id))
        for loan_id, origin in copies
        for event in events[origin.loan_id]
    ]
    journal.record(db, told, recorded_at=recorded_at)
    booked = [
        replace(
            entry,
            loan_id=loan_id,
            key=entry.key.replace(origin.loan_id, loan_id),
            cause=entry.cause.replace(origin.loan_id, loan_id),
        )
        for loan_id, origin in copies
        for entry, _ in entries[origin.loan_id]
    ]
    journal.book(db, booked, booked_on=days.open_day(db))
    pairs = [(loan_id, origin.loan_id) for loan_id, origin in copies]
    for table, columns in (("position", loans.POSITION), ("instalment", f"loan_id, {loans.INSTALMENT}")):
        others = columns.removeprefix("loan_id, ")
        db.executemany(
            f"INSERT INTO {table} (loan_id, {others}) SELECT ?, {others} FROM {table} WHERE loan_id = ?", pairs
        )


def journal(path: Path, posting_count: int) -> None:
    """A ledger of three years of entries with two legs each, of which a fifth is for one of the thirty days before."""
    from loancli.core.entry import Entry, Leg
    from loancli.ledger import journal
    from loancli.ledger.connect import create, open_ledger, writing
    from loancli.servicing.bookings import ACCOUNTS

    codes = list(ACCOUNTS)
    create(path, opened_on=MONTHS[0].isoformat(), accounts=ACCOUNTS)
    db = open_ledger(path)
    db.execute("PRAGMA synchronous = 0")  # of this connection only
    entry_count = posting_count // 2
    for at in range(JOURNAL_DAYS):
        booked_on = MONTHS[0] + at * DAY
        entries = []
        for number in range(entry_count * at // JOURNAL_DAYS, entry_count * (at + 1) // JOURNAL_DAYS):
            sides = [codes[(number + step) % len(codes)] for step in range(3)]
            legs = [
                Leg(debit=debit, credit=credit, amount_fen=1 + number % 99_991) for debit, credit in pairwise(sides)
            ]
            value_on = booked_on if number % 5 else booked_on - (number // 5 % 30 + 1) * DAY
            entries.append(
                Entry(key=f"e{number}", loan_id="", kind="bench", cause="bench", value_on=value_on, legs=tuple(legs))
            )
        with writing(db):
            journal.book(db, entries, booked_on=booked_on)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


if __name__ == "__main__":
    what, path, *rest = sys.argv[1:]
    if what == "statement":
        statement(Path(path), rest[0], int(rest[1]))
    elif what == "journal":
        journal(Path(path), int(rest[0]))
    else:
        books(Path(path), int(rest[0]), int(rest[1]))
