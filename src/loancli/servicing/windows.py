"""Close a revenue window: which revenue counts, what came late, and the instalment that follows, as two events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from loancli.core.event import Event, EventKind
from loancli.core.money import rounded, whole_fen
from loancli.plan.flexible import (
    Fixed,
    Owed,
    Progress,
    Why,
    Window,
    WindowRevenue,
    closes_on,
    fix_instalment,
    is_checkpoint,
    level_fen,
    relieved,
    window_of,
)
from loancli.plan.product import Missing
from loancli.servicing.contract import Contract, in_force
from loancli.servicing.life import active_events, owed_ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class Revenue:
    """A borrower's revenue as known now: (day, channel, class) → fen, and the days that files cover, by channel.

    What platforms kept is in 1/1000 fen, as merchant bills tell it.
    """

    fen: Mapping[tuple[date, str, str], int]
    covered: Mapping[str, Sequence[tuple[date, date]]]
    fee_milli_fen: Mapping[tuple[date, str, str], int] = field(default_factory=dict)

    def net_fen(self, window: Window, counts: Sequence[str]) -> dict[str, int]:
        """What counts in a window, by channel: the classes that the plan counts, less reductions and fees.

        The fees of all channels are rounded once, half up.
        """
        found: dict[str, int] = {}
        for (_, channel, kind), amount_fen in self._within(self.fen, window, counts):
            found[channel] = found.get(channel, 0) + (-amount_fen if kind == "reduction" else amount_fen)
        fees_milli_fen: dict[str, int] = {}
        for (_, channel, _), milli_fen in self._within(self.fee_milli_fen, window, counts):
            fees_milli_fen[channel] = fees_milli_fen.get(channel, 0) + milli_fen
        told_milli_fen = 0
        for channel, milli_fen in sorted(fees_milli_fen.items()):
            fee_fen = whole_fen(told_milli_fen + milli_fen) - whole_fen(told_milli_fen)
            found[channel] = found.get(channel, 0) - fee_fen
            told_milli_fen += milli_fen
        return found

    @staticmethod
    def _within(
        amounts: Mapping[tuple[date, str, str], int], window: Window, counts: Sequence[str]
    ) -> Iterator[tuple[tuple[date, str, str], int]]:
        for key, amount in amounts.items():
            if window.from_on <= key[0] <= window.to_on and key[2] in (*counts, "reduction"):
                yield key, amount

    def is_missing(self, window: Window) -> bool:
        """No channel's files cover the whole window: then it is not known, which is not the same as zero (INV-23)."""
        return not any(_covers(spans, window) for spans in self.covered.values())


def _covers(spans: Sequence[tuple[date, date]], window: Window) -> bool:
    reached = window.from_on
    for from_on, to_on in sorted(spans):
        if from_on > reached:
            return False
        reached = max(reached, to_on + timedelta(days=1))
        if reached > window.to_on:
            return True
    return False


def next_number(contract: Contract, events: Sequence[Event], day: date) -> int | None:
    """The instalment whose window is closed on `day` and which is not fixed yet; None if there is none."""
    if not contract.is_revenue_share:
        return None
    active = active_events(events, date.max)
    fixed = {event.payload["number"] for event in active if event.kind is EventKind.INSTALMENT_FIXED}
    contract = in_force(contract, active)
    for row in contract.rows:
        if row.number not in fixed:
            return row.number if closes_on(window_of(contract.product, contract.rows, row.number)) <= day else None
    return None


def close_window(
    contract: Contract, events: Sequence[Event], number: int, revenue: Revenue, *, actor: str
) -> list[Event]:
    """Fix instalment `number`: the closed window and the instalment, dated on the day after the window."""
    active = active_events(events, date.max)
    signed, contract = contract, in_force(contract, active)
    product, rows = contract.product, contract.rows
    terms = product.revenue
    assert terms is not None
    window = window_of(product, rows, number)
    on = max(closes_on(window), contract.signed_on)
    before = [event for event in active if event.kind is EventKind.REVENUE_WINDOW_CLOSED]
    missing = revenue.is_missing(window)
    counted = {} if missing else revenue.net_fen(window, terms.counts)
    late_fen = sum(_correction_fen(contract, event, revenue) for event in before)
    pool_fen, accrued = owed_ahead(signed, events, on, number)
    remaining = rows[number - 1 : contract.maturity_number] or rows[number - 1 : number]
    level = level_fen(product, pool_fen + (int(accrued) if product.fixed_fee else 0), remaining)
    fixed = fix_instalment(
        product,
        periods_left=len(rows) - number,
        owed=Owed(outstanding_principal_fen=pool_fen, accrued=accrued, level_fen=level),
        window=WindowRevenue(
            counted_fen=tuple(sorted(counted.items())),
            late_fen=late_fen,
            missing=missing,
            last_year_fen=_last_year_fen(window, revenue, terms.counts) if missing else None,
        ),
        progress=_progress(
            contract, events, number, total_fen=sum(row.principal_fen + row.interest_fen for row in signed.rows)
        ),
    )
    breathes = rows[number - 1].is_breathing and number < len(rows)
    if breathes:
        fixed = relieved(fixed, rows[number - 1], interest_fen=rounded(accrued, product.rounding))
    return [
        Event(
            key=f"window/{contract.loan_id}/{number}",
            loan_id=contract.loan_id,
            effective_on=on,
            actor=actor,
            kind=EventKind.REVENUE_WINDOW_CLOSED,
            payload={
                "number": number,
                "from_on": window.from_on.isoformat(),
                "to_on": window.to_on.isoformat(),
                "counted_fen": counted,
                "late_fen": late_fen,
                "missing": missing,
                "assumed_fen": fixed.assumed_fen,
                "used_fen": (fixed.assumed_fen if missing else sum(counted.values()))
                + late_fen
                - fixed.carried_late_fen,
            },
        ),
        Event(
            key=f"fixed/{contract.loan_id}/{number}",
            loan_id=contract.loan_id,
            effective_on=on,
            actor=actor,
            kind=EventKind.INSTALMENT_FIXED,
            payload={
                "number": number,
                "amount_fen": fixed.amount_fen,
                "level_fen": 0 if breathes else level,  # a breathing instalment is not counted in the minimum progress
                "takes_rest": _takes_rest(fixed),
                "reasons": [[str(code), list(values)] for code, values in fixed.reasons],
            },
        ),
    ]


def _correction_fen(contract: Contract, event: Event, revenue: Revenue) -> int:
    """Revenue of an earlier window as known now, less what was used with it: its own and late revenue taken up there.

    While there is still no data, what was assumed stands for its own. The floor was due whatever came in, so revenue
    that turns up after it counts only as far as it goes beyond.
    """
    terms = contract.product.revenue
    assert terms is not None
    window = window_of(contract.product, contract.rows, event.payload["number"])
    own_fen: int = event.payload["assumed_fen"]
    if not (event.payload["missing"] and revenue.is_missing(window)):
        own_fen = sum(revenue.net_fen(window, terms.counts).values())
        if event.payload["missing"] and terms.missing is Missing.FLOOR:
            own_fen = max(own_fen, event.payload["assumed_fen"])
    used_fen: int = event.payload["used_fen"]
    return own_fen - used_fen


def _takes_rest(fixed: Fixed) -> bool:
    return any(code == Why.MATURITY for code, _ in fixed.reasons)


def _last_year_fen(window: Window, revenue: Revenue, counts: Sequence[str]) -> int | None:
    then = Window(_year_before(window.from_on), _year_before(window.to_on))
    return None if revenue.is_missing(then) else sum(revenue.net_fen(then, counts).values())


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _progress(contract: Contract, events: Sequence[Event], number: int, *, total_fen: int) -> Progress:
    fixed = {
        event.payload["number"]: event.payload
        for event in active_events(events, date.max)
        if event.kind is EventKind.INSTALMENT_FIXED
    }
    since = number - 1
    while since > 0 and not is_checkpoint(contract.product, since):
        since -= 1
    between = [payload for other, payload in fixed.items() if since < other < number]
    return Progress(
        levels_fen=sum(payload["level_fen"] for payload in between),
        fixed_fen=sum(payload["amount_fen"] for payload in between),
        is_checkpoint=is_checkpoint(contract.product, number),
        total_fen=total_fen,
    )
