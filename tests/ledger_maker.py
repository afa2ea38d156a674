"""A ledger with borrowers, loans and export files for tests, and the ways to look at what stands in it."""

import csv
import io
import itertools
import runpy
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from terms import AGEING, CALENDAR, SCHEDULES, product

from loancli.core.days import BEIJING
from loancli.core.event import Event
from loancli.core.loan import Borrower
from loancli.core.money import yuan
from loancli.jobs import Stamp
from loancli.jobs.close_day import close_through
from loancli.jobs.draw_line import Draw, draw_line
from loancli.jobs.open_loan import Signing, open_loans
from loancli.jobs.place_payment import Placement, PlacementReport, place_payments
from loancli.jobs.prove import prove
from loancli.jobs.record_event import Effect, put_in_force, work_out, work_out_void
from loancli.jobs.take_statement import ImportReport, take_statement
from loancli.ledger.connect import Connection, create, open_ledger, writing
from loancli.plan.build import build
from loancli.plan.product import Product
from loancli.revenue.pairs_file import read_pairs
from loancli.revenue.rules_file import read_rules
from loancli.servicing.bookings import ACCOUNTS

CHECKOUT = Path(__file__).resolve().parents[1]
RULES = {
    rules.channel: rules
    for rules in (
        read_rules((SCHEDULES / "revenue" / f"{channel}.toml").read_text(encoding="utf-8"), channel)
        for channel in ("alipay", "wechat")
    )
}
PAIRS = read_pairs((SCHEDULES / "revenue" / "pairs.toml").read_text(encoding="utf-8"), "pairs.toml").pairs
PLAIN = product()
LOST = "2.0260101E+27"  # a transaction number as Excel destroys it
OPENED_ON = date(2026, 1, 5)
DAY = timedelta(days=1)
TIMES = ("recorded_at", "closed_at", "imported_at", "claimed_at", "done_at")
CHAINED = ("previous_sha", "sha", "entry_sha", "event_sha")


def stamp(on: date, *, actor: str = "test", at: time = time(9)) -> Stamp:
    return Stamp(actor=actor, at=datetime.combine(on, at, BEIJING))


@lru_cache(maxsize=8)
def _empty(opened_on: date) -> bytes:
    """A ledger's file as `create` makes it; made once, because migrations cost more than most tests."""
    with TemporaryDirectory() as folder:
        create(Path(folder) / "books.db", opened_on=opened_on.isoformat(), accounts=ACCOUNTS)
        return (Path(folder) / "books.db").read_bytes()


def new_ledger(
    folder: Path, *, opened_on: date = OPENED_ON, name: str = "books.db", is_durable: bool = True
) -> Connection:
    """A ledger that is open. Without `is_durable` nothing waits for the disk: for tests of many steps."""
    path = folder / name
    path.touch(mode=0o600)
    path.write_bytes(_empty(opened_on))
    db = open_ledger(path)
    if not is_durable:
        db.execute("PRAGMA synchronous = 0")
    return db


def file_of(db: Connection) -> Path:
    return Path(db.execute("PRAGMA database_list").fetchone()[2])


def execute(db: Connection, *statements: str) -> None:
    """Plain SQL in one transaction."""
    with writing(db):
        for sql in statements:
            db.execute(sql)


def tampered(path: Path, sql: str) -> Connection:
    """The ledger after a foreign program that takes the guards off, writes, and puts them back: the schema is right."""
    foreign = sqlite3.connect(path, isolation_level=None)
    triggers = foreign.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        foreign.execute(f"DROP TRIGGER {name}")
    foreign.executescript(sql).close()
    for _, text in triggers:
        foreign.execute(text)
    foreign.close()
    return open_ledger(path)


def borrower(borrower_id: str = "B1", **changes: Any) -> Borrower:
    """Pays under the name 借款人<id>."""
    plain = {"name": f"借款人{borrower_id}", "phone": f"1990000{int(borrower_id[1:] or 0):04d}", "trade": "noodle_shop"}
    return Borrower(borrower_id=borrower_id, **plain | changes)


def open_loan(
    db: Connection,
    loan_id: str = "LN000001",
    *,
    borrower_id: str = "B1",
    terms: Product = PLAIN,
    principal_fen: int = 1_200_000,
    start_on: date = OPENED_ON,
    periods: int | None = None,
    channel: str = "bank",
    first_draw_fen: int = 0,
) -> str:
    """A loan that is signed and paid out, a line as far as it is told; its borrower is added where there is none."""
    from loancli.ledger import borrowers

    plan = build(terms, principal_fen, start_on, calendar=CALENDAR, periods=periods)
    with writing(db):
        if borrower_id not in borrowers.find(db, [borrower_id]):
            borrowers.add(db, [borrower(borrower_id)])
        signing = Signing(
            loan_id=loan_id, borrower_id=borrower_id, plan=plan, channel=channel, first_draw_fen=first_draw_fen
        )
        open_loans(db, [signing], calendar=CALENDAR, stamp=stamp(start_on))
    return loan_id


def draw(
    db: Connection,
    on: date,
    amount_fen: int,
    loan_id: str = "LN000001",
    *,
    channel: str = "bank",
    reference: str = "",
    today: date | None = None,
) -> bool:
    """Draw on a line in a transaction of its own; whether that was new."""
    with writing(db):
        asked = Draw(loan_id=loan_id, on=on, amount_fen=amount_fen, channel=channel, reference=reference)
        return draw_line(db, asked, stamp=stamp(today or on))


def tell(db: Connection, event: Event, *, today: date) -> Effect | None:
    """A person records an event of a loan in a transaction of its own; None where the same is there already."""
    with writing(db):
        effect = work_out(db, event, stamp=stamp(today))
        if effect is not None:
            put_in_force(db, effect, stamp=stamp(today))
        return effect


def take_back(db: Connection, loan_id: str, key: str, *, today: date) -> Effect:
    """A person voids an event in a transaction of its own."""
    with writing(db):
        effect = work_out_void(db, loan_id, key, reason="slip", stamp=stamp(today))
        put_in_force(db, effect, stamp=stamp(today))
        return effect


class Paid(NamedTuple):
    """A row of an export as a person would tell it. `number` becomes the platform's id; '' where it was lost."""

    on: date
    amount_fen: int
    number: str
    party: str = "顾客"
    direction: str = "收入"
    item: str = "收钱码收款"
    note: str = ""
    status: str = "交易成功"
    kind: str = "收入"
    order: str = ""
    at: str = "08:30:00"
    account: str = ""


_numbers = itertools.count(1)


def paid(on: date, amount_fen: int, number: str | None = None, **changes: str) -> Paid:
    """A receipt by QR code, under an id of its own."""
    return Paid(on, amount_fen, f"2026{next(_numbers):024d}" if number is None else number, **changes)


def repayment(on: date, amount_fen: int, number: str | None = None, **changes: str) -> Paid:
    """Money for the lender by transfer; name the loan with `note`."""
    return paid(on, amount_fen, number, **{"item": "转账", "kind": "转账", **changes})


def sent_back(of: Paid, on: date, amount_fen: int | None = None) -> Paid:
    """The row by which the lender's money leaves again: its id is that of the payment and a suffix."""
    return of._replace(
        on=on,
        number=f"{of.number}_back",
        direction="支出",
        status="退款成功",
        amount_fen=of.amount_fen if amount_fen is None else amount_fen,
    )


_COLUMNS = "交易时间,交易分类,交易对方,对方账号,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号,备注"


def alipay(rows: Iterable[Paid], *, period: tuple[date, date] | None = None, exported: str = "全部") -> bytes:
    """An Alipay app statement. Without `period` the file says nothing about the days it covers."""
    out = io.StringIO()
    out.write("-" * 40 + "\n导出信息：\n姓名：某人\n支付宝账户：shop@example.com\n")
    if period:
        out.write(f"起始时间：[{period[0]} 00:00:00]    终止时间：[{period[1]} 23:59:59]\n")
    out.write(
        f"导出交易类型：[{exported}]\n" + "\n" * 17 + "-" * 8 + "支付宝支付科技有限公司  电子客户回单" + "-" * 8 + "\n"
    )
    out.write(_COLUMNS + "\n")
    write = csv.writer(out, lineterminator="\n").writerow
    for row in rows:
        write(
            [f"{row.on} {row.at}", row.kind, row.party, row.account, row.item, row.direction, yuan(row.amount_fen),
             "余额", row.status, f"{row.number}\t", f"{row.order}\t", row.note]
        )  # fmt: skip
    return out.getvalue().encode("gb18030")


def take(
    db: Connection, data: bytes, *, borrower_id: str | None = None, name: str = "export.csv", on: date | None = None
) -> ImportReport:
    """Import one file in a transaction of its own."""
    with writing(db):
        return take_inside(db, data, borrower_id=borrower_id, name=name, on=on)


def take_inside(
    db: Connection, data: bytes, *, borrower_id: str | None = None, name: str = "export.csv", on: date | None = None
) -> ImportReport:
    from loancli.ledger.days import open_day

    return take_statement(
        db,
        io.BytesIO(data),
        name,
        borrower_id=borrower_id,
        rules=RULES,
        pairs=PAIRS if borrower_id else None,
        stamp=stamp(on or open_day(db)),
    )


def close(db: Connection, through: date, *, on: date | None = None) -> list[dict[str, Any]]:
    """Close every open day up to `through`, on the morning after unless told."""
    return list(close_through(db, through, calendar=CALENDAR, ageing=AGEING, stamp=stamp(on or through + DAY)))


def faults(db: Connection) -> list[str]:
    """What `ledger check` finds."""
    return [f"{question}: {answer}" for question, answers in prove(db) for answer in answers]


# what stands in the books


def tables(db: Connection) -> list[str]:
    found = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
    return [row[0] for row in found]


def dump(db: Connection, *, without: Sequence[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, sorted; columns named in `without` left out."""
    found = {}
    for table in tables(db):
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] not in without]
        found[table] = sorted(db.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall(), key=repr)
    return found


def timeless(db: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """`dump` without instants, and without the links of chains, which cover them."""
    return dump(db, without=(*TIMES, *CHAINED))


def net_entries(db: Connection, *, with_day: bool = False) -> dict[tuple[str, ...], int]:
    """Per loan, cause, value date (and day of booking) and account: debits less credits, without zeros."""
    found: dict[tuple[str, ...], int] = {}
    rows = db.execute(
        "SELECT coalesce(e.loan_id, ''), e.cause, e.value_on, e.booked_on, d.code, c.code, p.amount_fen"
        " FROM entry e JOIN posting p ON p.entry_id = e.id"
        " JOIN account d ON d.id = p.debit JOIN account c ON c.id = p.credit"
    )
    for loan_id, cause, value_on, booked_on, debit, credit, amount_fen in rows:
        place = (loan_id, cause, value_on, *([booked_on] if with_day else []))
        for account, fen in ((debit, amount_fen), (credit, -amount_fen)):
            found[*place, account] = found.get((*place, account), 0) + fen
    return {key: fen for key, fen in found.items() if fen}


def current_txns(db: Connection, owner: str) -> list[tuple[Any, ...]]:
    """The transactions of an owner as they stand, without where they were read."""
    from loancli.ledger.transactions import txns_of

    return sorted(
        (txn.key, *txn.row._replace(line=0), txn.revenue_class, txn.revenue_rule) for txn in txns_of(db, owner)
    )


def revenue_rows(db: Connection) -> list[tuple[Any, ...]]:
    return db.execute("SELECT * FROM daily_revenue ORDER BY 1, 2, 3, 4").fetchall()


def balance(db: Connection, account: str) -> int:
    """Debits less credits."""
    from loancli.ledger.journal import balances

    return next(row["balance_fen"] for row in balances(db) if row["account"] == account)


def three_loans(folder: Path, *, open_on: date) -> Connection:
    """A ledger with one loan of B1, who pays as wang@example.com as well, and two of B2; B3 has none."""
    from loancli.ledger import borrowers

    made = new_ledger(folder, is_durable=False)
    with writing(made):
        borrowers.add(made, [borrower("B1", aliases=("wang@example.com",)), borrower("B2"), borrower("B3")])
    open_loan(made, "LN000001")
    open_loan(made, "LN000002", borrower_id="B2", principal_fen=2_400_000)
    open_loan(made, "LN000003", borrower_id="B2", principal_fen=3_600_000)
    close(made, open_on - DAY)
    return made


def outstanding(db: Connection, loan_id: str = "LN000001") -> int:
    """The principal of a loan that is not repaid, in fen."""
    return db.execute("SELECT principal_outstanding_fen FROM position WHERE loan_id = ?", (loan_id,)).fetchone()[0]


def place_by_hand(
    db: Connection, number: str, *shares: str | tuple[str, int | None], on: date, is_learnt: bool = False
) -> PlacementReport:
    """A person places the payment under a platform id, whole or in parts, in a transaction of its own."""
    from loancli.ledger import receipts

    [payment_id] = [row["payment_id"] for row in receipts.listing(db) if row["external_id"] == number]
    parts = tuple((each, None) if isinstance(each, str) else each for each in shares)
    with writing(db):
        placement = Placement(payment_id=payment_id, shares=parts, is_learnt=is_learnt)
        return place_payments(db, [placement], stamp=stamp(on))


def placings(db: Connection) -> dict[str, tuple[str, str | None]]:
    """Platform id → (state, loan) of every receipt."""
    from loancli.ledger import receipts

    return {row["external_id"]: (row["state"], row["loan_id"]) for row in receipts.listing(db)}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What fixtures/lender.py wrote."""

    folder: Path
    world: Any
    lender_month: Any


def make_world(folder: Path, *, seed: int = 3, borrowers: int = 8, months: int = 12) -> World:
    """A small lender's world, by path: fixtures are no package."""
    found = runpy.run_path(str(CHECKOUT / "fixtures" / "lender.py"))
    world = found["write_lender"](folder, seed, borrowers, months)
    return World(folder=folder, world=world, lender_month=found["lender_month"])
