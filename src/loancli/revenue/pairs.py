"""Money that only goes round: out and back with one person, from wallet to wallet, a bill's payout (FORMATS §8).

Which rows make such a pair is data (`schedules/revenue/pairs.toml`); here is how they are paired, one to one, as a
function of the set of rows. Two rows can only be paired where no gap in between is longer than the rule allows, so a
look at a chain of rows is a look at all that matters.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from loancli.core.ruling import Ruling

ROUND_TRIP = "round_trip"
BETWEEN_WALLETS = "between_wallets"
PAYOUT = "payout_of_bill"
PAIR_RULES = (ROUND_TRIP, BETWEEN_WALLETS, PAYOUT)


class Leg(NamedTuple):
    """A row that may be half of a pair. `revenue_class` is what it counts as before pairs are looked for."""

    txn_id: int
    key: str
    channel: str
    occurred_at: str
    amount_fen: int
    direction: str
    party: str
    account: str
    kind: str
    item: str
    revenue_class: str

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.occurred_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """When money that went out is the money that came in: how far apart, from which amount on, which rows went out."""

    gap: timedelta
    min_fen: int
    out_kinds: tuple[str, ...]
    out_kind_prefixes: tuple[str, ...]
    out_item_prefixes: tuple[str, ...]

    def takes_out(self, leg: Leg) -> bool:
        """Whether the row is money out to a person, or out of the wallet."""
        return leg.amount_fen >= self.min_fen and (
            leg.kind in self.out_kinds
            or leg.kind.startswith(self.out_kind_prefixes)
            or leg.item.startswith(self.out_item_prefixes)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """When money that came in is the settlement of a merchant bill's day: how many days later at most."""

    days: int
    min_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The rules over pairs of rows; None: not looked for."""

    round_trip: Loop | None = None
    between_wallets: Loop | None = None
    payout_of_bill: Payout | None = None

    @property
    def min_fen(self) -> int:
        """Below it no row matters."""
        rules = (self.round_trip, self.between_wallets, self.payout_of_bill)
        return min((each.min_fen for each in rules if each), default=0)

    @property
    def out_words(self) -> dict[str, list[str]]:
        """Kinds, kind_prefixes and item_prefixes of money out that matters to any rule."""
        loops = [each for each in (self.round_trip, self.between_wallets) if each]
        return {
            name: sorted({word for loop in loops for word in getattr(loop, f"out_{name}")})
            for name in ("kinds", "kind_prefixes", "item_prefixes")
        }

    @property
    def margin(self) -> timedelta:
        """Rows further apart have nothing to do with each other."""
        return max((each.gap for each in (self.round_trip, self.between_wallets) if each), default=timedelta())


def is_round_trip_leg(loop: Loop, leg: Leg) -> bool:
    """Whether the row can be half of a round trip. An account is enough; a masked name alone ('**智') is anybody."""
    if not leg.account and (not leg.party or "*" in leg.party):
        return False
    if leg.direction == "in":
        return leg.amount_fen >= loop.min_fen and leg.revenue_class in {"sure", "possible"}
    return leg.direction == "out" and loop.takes_out(leg)


def is_wallet_leg(loop: Loop, leg: Leg) -> bool:
    """Whether the row can be half of a move between wallets."""
    if leg.direction == "in":
        return leg.amount_fen >= loop.min_fen and leg.revenue_class == "possible"
    return loop.takes_out(leg)


def _with_person(leg: Leg) -> tuple[object, ...]:
    return leg.channel, leg.party, leg.account, leg.amount_fen


def _chains(legs: Iterable[Leg], gap: timedelta, *, is_with_person: bool) -> Iterator[list[Leg]]:
    """Legs that could be paired with each other, by time; money out before money in where both are of one second."""
    groups: dict[tuple[object, ...], list[Leg]] = {}
    for leg in legs:
        groups.setdefault(_with_person(leg) if is_with_person else (leg.amount_fen,), []).append(leg)
    for group in groups.values():
        if len(group) < 2 or len({leg.direction == "in" for leg in group}) < 2:
            continue
        group.sort(key=lambda leg: (leg.occurred_at, leg.direction == "in", leg.key))
        start = 0
        for at, (before, after) in enumerate(pairwise(group), start=1):
            if after.at - before.at > gap:
                yield group[start:at]
                start = at
        yield group[start:]


def round_trips(loop: Loop, legs: Sequence[Leg]) -> dict[int, int]:
    """Money in → the money out to the same person that it is, whichever came first; the oldest that waits is met."""
    found: dict[int, int] = {}
    halves = [leg for leg in legs if is_round_trip_leg(loop, leg)]
    for chain in _chains(halves, loop.gap, is_with_person=True):
        waiting: dict[bool, deque[Leg]] = {True: deque(), False: deque()}
        for leg in chain:
            is_in = leg.direction == "in"
            others = waiting[not is_in]
            while others and leg.at - others[0].at > loop.gap:
                others.popleft()
            if others:
                other = others.popleft()
                found |= {leg.txn_id: other.txn_id} if is_in else {other.txn_id: leg.txn_id}
            else:
                waiting[is_in].append(leg)
    return found


def wallet_moves(loop: Loop, legs: Sequence[Leg]) -> dict[int, int]:
    """Money in → the same amount that left the other channel shortly before."""
    found: dict[int, int] = {}
    halves = [leg for leg in legs if is_wallet_leg(loop, leg)]
    for chain in _chains(halves, loop.gap, is_with_person=False):
        waiting: list[Leg] = []
        for leg in chain:
            if leg.direction != "in":
                waiting.append(leg)
                continue
            waiting = [out for out in waiting if leg.at - out.at <= loop.gap]
            other = next((out for out in waiting if out.channel != leg.channel), None)
            if other is not None:
                waiting.remove(other)
                found[leg.txn_id] = other.txn_id
    return found


def payouts(payout: Payout, legs: Iterable[Leg], nets_fen: Mapping[date, Iterable[int]]) -> list[int]:
    """Money in that is, to the fen, what a merchant bill's day left after refunds and fees.

    `nets_fen`: day → what each channel's bill left of it.
    """
    return [
        leg.txn_id
        for leg in legs
        if leg.direction == "in"
        and leg.revenue_class == "possible"
        and leg.amount_fen >= payout.min_fen
        and any(
            leg.amount_fen in nets_fen.get(date.fromisoformat(leg.occurred_at[:10]) - timedelta(days=back), ())
            for back in range(payout.days + 1)
        )
    ]


def rule_pairs(pairs: Pairs, legs: Sequence[Leg], nets_fen: Mapping[date, Iterable[int]]) -> dict[int, Ruling]:
    """The rulings for money that came in: the first rule that makes a pair decides."""
    found: dict[int, Ruling] = {}
    left = legs
    if pairs.round_trip:
        met = round_trips(pairs.round_trip, left)
        found |= {txn_id: Ruling(ROUND_TRIP, "excluded", other) for txn_id, other in met.items()}
        used = {*met, *met.values()}
        left = [leg for leg in left if leg.txn_id not in used]
    if pairs.between_wallets:
        met = wallet_moves(pairs.between_wallets, left)
        found |= {txn_id: Ruling(BETWEEN_WALLETS, "excluded", other) for txn_id, other in met.items()}
    if pairs.payout_of_bill:
        for txn_id in payouts(pairs.payout_of_bill, left, nets_fen):
            found.setdefault(txn_id, Ruling(PAYOUT, "excluded", None))
    return found


def reach(pairs: Pairs, legs: Sequence[Leg], lo: datetime, hi: datetime) -> tuple[datetime, datetime]:
    """The first and last moment of all chains that have a row from `lo` to `hi`, and of these two."""
    first, last = lo, hi
    for loop, is_half, is_with_person in (
        (pairs.round_trip, is_round_trip_leg, True),
        (pairs.between_wallets, is_wallet_leg, False),
    ):
        if loop is None:
            continue
        halves = [leg for leg in legs if is_half(loop, leg)]
        for chain in _chains(halves, loop.gap, is_with_person=is_with_person):
            if chain[0].at <= hi and chain[-1].at >= lo:
                first, last = min(first, chain[0].at), max(last, chain[-1].at)
    return first, last
