"""Rule what follows from several rows of an owner together, wherever a file's rows may have changed it.

One movement that several exports show counts once; a number on rows that contradict each other is told; money that
only went round is no revenue. The rulings are a function of the set of rows, so that the order of imports plays no
part; `compare_rulings` proves it by making them again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import groupby, islice
from typing import TypeVar

from loancli.core.money import whole_fen, yuan
from loancli.core.ruling import Ruling, Seen
from loancli.ledger import revenue, rulings
from loancli.ledger.connect import Connection
from loancli.ledger.statements import Taken
from loancli.ledger.transactions import revenue_classes
from loancli.revenue.doubles import (
    CONFLICT,
    FEE_DAYS_MAX,
    FEE_IN_BILL,
    FUND_BILLS,
    PAID_BACK,
    SAME_MONEY,
    TRADE_BILLS,
    Nameless,
    StatementFee,
    rule_lost,
    rule_movement,
    rule_refunds,
    rule_statement_fees,
)
from loancli.revenue.pairs import PAIR_RULES, Leg, Pairs, reach, rule_pairs
from loancli.revenue.pairs_file import restored, stored

T = TypeVar("T")

LENDER = "lender"
CHUNK = 2_000  # numbers at a time
MOVEMENT_ROWS_MAX = 10_000  # a number on more rows than that names nothing: its rows are judged in portions
SHOWN_MAX = 2  # rows of a conflict that are told
_BILLS = (*TRADE_BILLS, *FUND_BILLS)
_NUMBER_RULES = (SAME_MONEY, CONFLICT)


@dataclass(slots=True, kw_only=True)
class Ruled:
    """What was ruled because of a file."""

    doubled_count: int = 0  # rows that another export shows as well, and that now count there
    conflicts: list[str] = field(default_factory=list)  # a sentence for each number on rows that differ
    moved: list[tuple[str, str, int, int]] = field(default_factory=list)  # new rows: own class, ruled class, rows, fen


def rule_rows(db: Connection, owner: str, taken: Taken, pairs: Pairs | None) -> Ruled:
    """Rule the rows that a file brought or changed, and those that these concern; daily revenue follows.

    With other `pairs` than those that the owner's rulings were made with, all are made again; None: with the same.
    """
    kept = rulings.stored_pairs(db, owner)
    text = (kept or "") if pairs is None else stored(pairs)
    is_new = text != kept
    if is_new:
        rulings.keep_pairs(db, owner, text)
    work = _Work(db, owner, restored(text), rulings.RULING, first_id=taken.first_txn_id)
    if is_new or rulings.is_much(db, owner, taken):
        work.rule_all()
    else:
        work.rule_some(rulings.ids_of(db, taken))
    if owner != LENDER:
        work.ruled.moved = rulings.moved(db, taken)
    return work.ruled


def compare_rulings(db: Connection, *, is_renewed: bool = False) -> list[str]:
    """Rows whose stored ruling is not what all rows of their owner give; with `is_renewed` it becomes that."""
    rulings.begin_again(db)
    for owner in rulings.owners(db):
        _Work(db, owner, restored(rulings.stored_pairs(db, owner) or ""), rulings.AGAIN, first_id=0).rule_all()
    return rulings.differences(db, is_renewed=is_renewed)


class _Work:
    """The rulings of one owner, stage after stage: over rows of one number, over refunds, over pairs."""

    def __init__(self, db: Connection, owner: str, pairs: Pairs, table: str, *, first_id: int) -> None:
        self.db = db
        self.owner = owner
        # Between wallets there is nothing where there is one.
        self.channels = rulings.channels(db, owner)
        self.pairs = pairs if len(self.channels) > 1 else replace(pairs, between_wallets=None)
        self.table = table
        self.first_id = first_id
        self.ruled = Ruled()

    def rule_all(self) -> None:
        """Look at every row."""
        for channel in self.channels:
            for numbers in rulings.shared_numbers(self.db, self.owner, channel):
                self._movements(channel, numbers)
        if self.owner == LENDER:
            return
        self._lost(None)
        self._statement_fees(None)
        for portion in rulings.refunded_numbers(self.db, self.owner):
            for channel, each in groupby(portion, key=lambda pair: pair[0]):
                self._refunds(channel, [number for _, number in each])
        period = rulings.period(self.db, self.owner)
        if period and (self.pairs != Pairs() or rulings.has_pairs(self.db, self.table)):
            self._pairs(*period, is_whole=True)

    def rule_some(self, txn_ids: Iterable[int]) -> None:
        """Look at rows and at what they may concern."""
        touched = set(txn_ids)
        numbers = rulings.numbers_of(self.db, self.owner, touched)
        for channel, found in numbers.items():
            for some in _portions(sorted(found)):
                touched.update(self._movements(channel, some))
        if self.owner == LENDER:
            return
        days = rulings.days_of(self.db, touched)
        touched.update(self._lost(days))
        touched.update(self._statement_fees(days))
        for channel, found in rulings.numbers_of(self.db, self.owner, touched).items():
            for some in _portions(sorted(found)):
                touched.update(self._refunds(channel, some))
        if self.pairs != Pairs():
            for lo, hi in self._spans(rulings.days_of(self.db, touched)):
                self._pairs(lo, hi, is_whole=False)

    def _movements(self, channel: str, numbers: Iterable[str]) -> list[int]:
        wanted: dict[int, Ruling | None] = {}
        own_refunds: dict[int, Ruling | None] = {}  # those under the number of what they pay back
        rows = rulings.rows_of(self.db, self.owner, channel, numbers)
        for number, group in groupby(rows, key=lambda row: row.movement):
            while portion := list(islice(group, MOVEMENT_ROWS_MAX)):
                found, conflicts = rule_movement(portion) if len(portion) > 1 else ({}, [])
                wanted |= {row.txn_id: found.get(row.txn_id) for row in portion}
                refunds = [row for row in portion if row.refund_of == number and row.txn_id not in found]
                if refunds and self.owner != LENDER:
                    back = rule_refunds(_receipts(row for row in portion if not _is_double(found, row)), refunds)
                    own_refunds |= {row.txn_id: back.get(row.txn_id) for row in refunds}
                self.ruled.doubled_count += sum(
                    ruling.rule == SAME_MONEY and self.first_id <= max(txn_id, ruling.other_txn_id or 0)
                    for txn_id, ruling in found.items()
                )
                self.ruled.conflicts += [
                    _told(number, rows) for rows in conflicts if any(row.txn_id >= self.first_id for row in rows)
                ]
        changed = self._write(wanted, rules=_NUMBER_RULES)
        changed += self._write(own_refunds, rules=(PAID_BACK,), stronger=(*_NUMBER_RULES, FEE_IN_BILL))
        return changed

    def _lost(self, days: set[str] | None) -> list[int]:
        """Rows without a number, which Excel took: the same money as rows of that minute that still have theirs."""
        changed: list[int] = []
        lost = {day for channel in self.channels for day in rulings.lost_days(self.db, self.owner, channel)}
        for day in sorted(lost if days is None else lost & days):
            rows = [Nameless(*row) for row in rulings.nameless(self.db, self.owner, day)]
            found = rule_lost(rows)
            self.ruled.doubled_count += sum(
                self.first_id <= max(txn_id, ruling.other_txn_id or 0) for txn_id, ruling in found.items()
            )
            wanted = {row.txn_id: found.get(row.txn_id) for row in rows if not row.number}
            changed += self._write(wanted, rules=_NUMBER_RULES)
        return changed

    def _statement_fees(self, days: set[str] | None) -> list[int]:
        """Fees of receipts in a person's statement that a merchant's bill tells as well."""
        if not rulings.has_bills(self.db, self.owner, _BILLS):
            return []
        if days is not None:
            last = range(FEE_DAYS_MAX.days + 1)
            days = {str(date.fromisoformat(day) + timedelta(days=after)) for day in days for after in last}
        changed: list[int] = []
        fees: dict[str, list[StatementFee]] = {}
        for channel, fee in rulings.statement_fees(self.db, self.owner, days and sorted(days)):
            fees.setdefault(channel, []).append(StatementFee(*fee))
        for channel, found in fees.items():
            for some in _portions(found):
                movements: dict[str, list[Seen]] = {}
                for row in rulings.rows_of(self.db, self.owner, channel, {fee.number for fee in some}):
                    movements.setdefault(row.movement, []).append(row)
                ruled = rule_statement_fees(some, movements)
                wanted = {fee.txn_id: ruled.get(fee.txn_id) for fee in some}
                changed += self._write(wanted, rules=(FEE_IN_BILL,), stronger=_NUMBER_RULES)
        return changed

    def _refunds(self, channel: str, numbers: Iterable[str]) -> list[int]:
        numbers = list(numbers)
        refunds: dict[str, list[Seen]] = {}
        for row in rulings.refunds_of(self.db, self.owner, channel, numbers, self.table):
            refunds.setdefault(row.refund_of, []).append(row)
        if not refunds:
            return []
        receipts: dict[str, list[Seen]] = {}
        for row in _receipts(rulings.rows_of(self.db, self.owner, channel, refunds, no_doubles_of=self.table)):
            receipts.setdefault(row.movement, []).append(row)
        wanted: dict[int, Ruling | None] = {}
        for number, rows in refunds.items():
            found = rule_refunds(receipts.get(number, []), rows)
            wanted |= {row.txn_id: found.get(row.txn_id) for row in rows}
        return self._write(wanted, rules=(PAID_BACK,), stronger=(*_NUMBER_RULES, FEE_IN_BILL))

    def _spans(self, days: Iterable[str]) -> Iterator[tuple[str, str]]:
        """The days as periods, each with the days on which a payout of its last may come, that do not touch."""
        payout = self.pairs.payout_of_bill
        after = timedelta(days=payout.days if payout else 0)
        lo: date | None = None
        hi = date.min
        for day in map(date.fromisoformat, sorted(days)):
            if lo is not None and day - hi > self.pairs.margin + timedelta(days=1):
                yield _span(lo, hi)
                lo = None
            lo = lo or day
            hi = max(hi, day + after)
        if lo is not None:
            yield _span(lo, hi)

    def _pairs(self, lo: str, hi: str, *, is_whole: bool) -> None:
        """Rule the pairs of all rows from `lo` to `hi`, and of what hangs together with them."""
        core = datetime.fromisoformat(lo), datetime.fromisoformat(hi)
        with_ruled = rulings.has_pairs(self.db, self.table)
        while True:
            around = (core[0] - self.pairs.margin).isoformat(), (core[1] + self.pairs.margin).isoformat()
            nets_fen = self._nets(*around, is_whole=is_whole)
            legs = self._legs(*around, nets_fen, is_whole=is_whole, with_ruled=with_ruled)
            wider = core if is_whole else reach(self.pairs, legs, *core)
            if wider == core:
                break
            core = wider
        found = rule_pairs(self.pairs, legs, nets_fen)
        inside = (leg.txn_id for leg in legs if leg.direction == "in" and core[0] <= leg.at <= core[1])
        wanted = {txn_id: found.get(txn_id) for txn_id in inside}
        for some in _portions(sorted(wanted)):
            rows = {txn_id: wanted[txn_id] for txn_id in some}
            self._write(rows, rules=PAIR_RULES, stronger=(*_NUMBER_RULES, FEE_IN_BILL, PAID_BACK))

    def _legs(
        self, lo: str, hi: str, nets_fen: Mapping[date, set[int]], *, is_whole: bool, with_ruled: bool
    ) -> list[Leg]:
        """Money that left, and what came in with an amount of it or of a bill's day, or was ruled half of a pair."""
        pairs = self.pairs
        went_out = rulings.legs_out(
            self.db, self.owner, lo, hi, pairs.min_fen, pairs.out_words, self.table, is_whole=is_whole
        )
        legs = [leg for leg in map(Leg._make, went_out) if _takes_out(pairs, leg)]
        amounts_fen = {leg.amount_fen for leg in legs}.union(*nets_fen.values())
        if amounts_fen or with_ruled:
            came_in = rulings.legs_in(
                self.db, self.owner, lo, hi, amounts_fen, self.table, is_whole=is_whole, with_ruled=with_ruled
            )
            legs += map(Leg._make, came_in)
        return legs

    def _nets(self, lo: str, hi: str, *, is_whole: bool) -> Mapping[date, set[int]]:
        payout = self.pairs.payout_of_bill
        if payout is None or not rulings.has_bills(self.db, self.owner, _BILLS):
            return {}
        since = (datetime.fromisoformat(lo).date() - timedelta(days=payout.days)).isoformat()
        found: dict[date, set[int]] = {}
        nets = rulings.bill_nets(self.db, self.owner, since, hi, _BILLS, self.table, is_whole=is_whole)
        for day, milli_fen in nets:
            net_fen = whole_fen(milli_fen)
            if net_fen >= payout.min_fen:
                found.setdefault(day, set()).add(net_fen)
        return found

    def _write(self, wanted: Mapping[int, Ruling | None], *, rules: tuple[str, ...], stronger: tuple[str, ...] = ()
               ) -> list[int]:  # fmt: skip
        before: dict[int, str | None] = {}

        def remember(txn_ids: list[int]) -> None:
            if self.table == rulings.RULING and self.owner != LENDER:
                before.update(revenue_classes(self.db, txn_ids))

        changed = rulings.write(self.db, self.table, wanted, rules=rules, stronger=stronger, before_change=remember)
        revenue.shift(self.db, before)
        return changed


def _receipts(rows: Iterable[Seen]) -> list[Seen]:
    """Of the rows of movements those that are the movement itself, not what was paid back of it."""
    return [row for row in rows if "_" not in row.external_id]


def _is_double(found: Mapping[int, Ruling], row: Seen) -> bool:
    return row.txn_id in found and found[row.txn_id].rule == SAME_MONEY


def _takes_out(pairs: Pairs, leg: Leg) -> bool:
    return any(loop is not None and loop.takes_out(leg) for loop in (pairs.round_trip, pairs.between_wallets))


def _span(lo: date, hi: date) -> tuple[str, str]:
    return f"{lo}T00:00:00+08:00", f"{hi}T23:59:59+08:00"


def _portions(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(values), CHUNK):
        yield values[at : at + CHUNK]


def _told(number: str, rows: list[Seen]) -> str:
    shown = [
        f"{row.place} ({row.occurred_at[:19].replace('T', ' ')}, {row.direction} {yuan(row.amount_fen)})"
        for row in rows[:SHOWN_MAX]
    ]
    more = f" and {len(rows) - SHOWN_MAX} more" if len(rows) > SHOWN_MAX else ""
    return f"{number} on {', '.join(shown)}{more}"
