"""One movement of money counts once, in however many exports it stands (FORMATS §7): decided over rows of one number.

Functions of the set of rows: neither the order in which they arrived nor how often plays a part.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import zip_longest
from typing import NamedTuple

from loancli.core.ruling import Ruling, Seen

SAME_MONEY = "same_money"
PAID_BACK = "already_paid_back"
FEE_IN_BILL = "fee_in_bill"
CONFLICT = "conflict"

# Of one movement the row of the format that stands first here counts: a merchant's bill knows fees and refunds, an app
# statement what the web site leaves out; a fund bill splits a movement into its legs.
PRECEDENCE = (
    ("alipay_trade_detail", "wechat_trade_bill"),
    ("alipay_app_v2", "wechat_csv", "wechat_xlsx"),
    ("alipay_app_v1",),
    ("alipay_web",),
    ("alipay_fund_detail", "wechat_fund_bill"),
)
TRADE_BILLS, FUND_BILLS = PRECEDENCE[0], PRECEDENCE[-1]
_RANK = {name: rank for rank, names in enumerate(PRECEDENCE) for name in names}
FEE_DAYS_MAX = timedelta(days=3)  # a fee comes with its receipt, or shortly after
_BACK = ("refunded", "closed")


def _rank(row: Seen) -> int:
    return _RANK.get(row.format, len(PRECEDENCE))


def _order(row: Seen) -> tuple[bool, str, str]:
    """Of a fund bill's legs the one that its own rule leaves out must not stand for the money of another export."""
    return row.revenue_class == "excluded", row.occurred_at, row.key


def same_money(rows: Iterable[Seen]) -> dict[int, int]:
    """Rows of one movement → the row that counts in their place; rows that count are not in it.

    Rows of the same direction and amount in different formats are one; times may differ between exports. A format that
    shows several of them (two refunds of ten yuan) is met one by one.
    """
    alike: dict[tuple[str, int], list[Seen]] = {}
    for row in rows:
        alike.setdefault((row.direction, row.amount_fen), []).append(row)
    found: dict[int, int] = {}
    for bucket in alike.values():
        if len(bucket) > 1:
            found |= _met(bucket)
    found |= _fees_told_twice(row for bucket in alike.values() for row in bucket if row.txn_id not in found)
    return {txn_id: _end(found, txn_id) for txn_id in found}


def _met(bucket: Sequence[Seen]) -> dict[int, int]:
    found: dict[int, int] = {}
    by_format: dict[int, list[Seen]] = {}
    twins: dict[tuple[object, ...], Seen] = {}
    for row in sorted(bucket, key=_order):
        # The same row under another key: until schema 4 the category was part of it.
        leg = row.kind if row.trade_id else ""
        twin = twins.setdefault((_rank(row), row.occurred_at, row.trade_id, row.external_id, leg), row)
        if twin is row:
            by_format.setdefault(_rank(row), []).append(row)
        else:
            found[row.txn_id] = twin.txn_id
    for rank in zip_longest(*(by_format[each] for each in sorted(by_format))):
        first, *others = [row for row in rank if row is not None]
        found |= {other.txn_id: first.txn_id for other in others}
    return found


def _fees_told_twice(rows: Iterable[Seen]) -> dict[int, int]:
    """A fund bill books the fee of a sale as a row of its own; a trade bill tells it on the sale. It reduces once."""
    standing = sorted(rows, key=_order)
    told = [row for row in standing if row.format in TRADE_BILLS and row.fee_milli_fen]
    if not told:
        return {}
    return {
        row.txn_id: told[0].txn_id
        for row in standing
        if row.format in FUND_BILLS and row.fee_milli_fen and abs(row.fee_milli_fen) == 1_000 * row.amount_fen
    }


def _end(found: dict[int, int], txn_id: int) -> int:
    while txn_id in found:
        txn_id = found[txn_id]
    return txn_id


def differing(rows: Iterable[Seen]) -> Iterator[list[Seen]]:
    """Rows that carry one number and cannot be one movement, in order; `rows` are those of a movement that count.

    What one export says twice with other facts is told as well. Legs of a fund bill and refunds have numbers of their
    own; a neutral row is a statement's way not to say the direction.
    """
    named: dict[tuple[str, ...], list[Seen]] = {}
    for row in rows:
        if row.direction != "neutral":
            leg = (row.trade_id, row.kind, row.direction) if row.trade_id else ()
            named.setdefault((row.external_id, *leg), []).append(row)
    for several in named.values():
        if len(several) > 1:
            yield sorted(several, key=lambda row: (row.occurred_at, row.key))


def rule_movement(rows: Sequence[Seen]) -> tuple[dict[int, Ruling], list[list[Seen]]]:
    """The rulings for all rows of one movement by txn id, and the rows that contradict each other."""
    by_id = {row.txn_id: row for row in rows}
    doubles = same_money(rows)
    rulings = {
        txn_id: Ruling(SAME_MONEY, _unless_lender(by_id[txn_id], "excluded"), other)
        for txn_id, other in doubles.items()
    }
    conflicts = list(differing(row for row in rows if row.txn_id not in doubles))
    for several in conflicts:
        for row in several:
            other = several[0] if row is not several[0] else several[1]
            revenue_class = "possible" if row.revenue_class == "sure" else None
            rulings[row.txn_id] = Ruling(CONFLICT, revenue_class, other.txn_id)
    return rulings, conflicts


class Nameless(NamedTuple):
    """A row among those of its day, some of which lost their number (Excel): what is left to tell it by."""

    txn_id: int
    key: str
    number: str  # of the movement; '' where it was lost
    alike: tuple[str, str, int, str, str]  # minute, channel, fen, direction, counterparty: seconds go with the number


def rule_lost(rows: Iterable[Nameless]) -> dict[int, Ruling]:
    """Rows without a number that are the same money as movements with one, met one by one."""
    named: dict[tuple[str, str, int, str, str], dict[str, int]] = {}
    lost: dict[tuple[str, str, int, str, str], list[int]] = {}
    for row in sorted(rows, key=lambda row: row.key):
        if row.number:
            named.setdefault(row.alike, {}).setdefault(row.number, row.txn_id)
        else:
            lost.setdefault(row.alike, []).append(row.txn_id)
    return {
        txn_id: Ruling(SAME_MONEY, "excluded", other)
        for alike, without in lost.items()
        for txn_id, other in zip(without, named.get(alike, {}).values(), strict=False)
    }


class StatementFee(NamedTuple):
    """A row of a person's statement that is the platform's fee for a receipt, which it names."""

    txn_id: int
    day: str
    number: str  # of the receipt


def rule_statement_fees(fees: Iterable[StatementFee], movements: Mapping[str, Sequence[Seen]]) -> dict[int, Ruling]:
    """Fees that a merchant's bill tells as well: they reduce there. `movements`: number → all rows of it."""
    found: dict[int, Ruling] = {}
    for fee in fees:
        told = [
            row
            for row in movements.get(fee.number, ())
            if row.format in (*TRADE_BILLS, *FUND_BILLS)
            and row.fee_milli_fen > 0
            and timedelta() <= date.fromisoformat(fee.day) - date.fromisoformat(row.occurred_at[:10]) <= FEE_DAYS_MAX
        ]
        if told:
            found[fee.txn_id] = Ruling(FEE_IN_BILL, "excluded", min(told, key=lambda row: (_rank(row), row.key)).txn_id)
    return found


def _unless_lender(row: Seen, revenue_class: str) -> str | None:
    return None if row.revenue_class is None else revenue_class


def rule_refunds(receipts: Sequence[Seen], refunds: Iterable[Seen]) -> dict[int, Ruling]:
    """Refunds whose receipt no longer counts because it was paid back: they must not reduce revenue as well."""
    standing = [row for row in receipts if row.direction == "in"]
    back = [row for row in standing if row.revenue_class == "excluded" and row.status_class in _BACK]
    if not back or any(row.revenue_class != "excluded" for row in standing):
        return {}
    return {
        row.txn_id: Ruling(PAID_BACK, "excluded", min(back, key=_order).txn_id)
        for row in refunds
        if row.revenue_class == "reduction"
    }
