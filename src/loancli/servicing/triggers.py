"""Breathing space that a weak window grants by itself: looked at once, on the day after the window."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from loancli.core.days import Calendar, months_after
from loancli.core.errors import InputError, RefusedError
from loancli.core.event import Event
from loancli.core.rates import PPM
from loancli.plan.changes import Breathe
from loancli.plan.flexible import Window, closes_on, window_of
from loancli.plan.product import Product, Trigger
from loancli.servicing.contract import Contract, in_force
from loancli.servicing.life import active_events
from loancli.servicing.lines import DAY
from loancli.servicing.replan import replan
from loancli.servicing.windows import Revenue

SURE = ("sure",)  # what counts where the terms, which have no share, do not say it


def looks_back_to(contract: Contract, events: Sequence[Event]) -> date | None:
    """The first day of revenue that a trigger of the loan may ask for; None without a trigger."""
    now = in_force(contract, active_events(events, date.max))
    space = now.product.breathing_space
    if space is None or space.trigger is None:
        return None
    return _earlier(now.product, window_of(now.product, now.rows, 1), space.trigger.windows)[-1].from_on


def granted(
    contract: Contract, events: Sequence[Event], day: date, revenue: Revenue, *, actor: str, calendar: Calendar
) -> Event | None:
    """The breathing space of one instalment, if the window that closed before `day` was weak enough; else None.

    No data is not weak revenue (INV-23): without all of these windows, nothing is granted.
    """
    now = in_force(contract, active_events(events, date.max))
    space = now.product.breathing_space
    if space is None or space.trigger is None:
        return None
    rows = now.rows[: now.maturity_number]
    row = next((row for row in rows if closes_on(window_of(now.product, rows, row.number)) == day), None)
    if row is None or row.is_breathing:
        return None
    window = window_of(now.product, rows, row.number)
    before = _earlier(now.product, window, space.trigger.windows)
    if any(revenue.is_missing(each) for each in (window, *before)):
        return None
    counts = now.product.revenue.counts if now.product.revenue else SURE
    fen, *others_fen = (sum(revenue.net_fen(each, counts).values()) for each in (window, *before))
    if not is_weak(fen, others_fen, space.trigger):
        return None
    median_fen = int(_median(others_fen))
    try:
        return replan(
            contract,
            events,
            Breathe(periods=1),
            day,
            key=f"breathing/{contract.loan_id}/{row.number}",
            told="breathe 1",
            actor=actor,
            calendar=calendar,
            number=row.number,
            why={"revenue_fen": fen, "median_fen": median_fen, "below_ppm": space.trigger.below_ppm},
        ).event
    except (InputError, RefusedError):
        return None  # not so soon again, or nothing is left to breathe: the instalment stays as it is


def is_weak(fen: int, others_fen: Sequence[int], trigger: Trigger) -> bool:
    """Is the revenue below the trigger's part of the median of the windows before?"""
    return fen * PPM < _median(others_fen) * trigger.below_ppm


def _median(amounts_fen: Sequence[int]) -> Fraction:
    ordered = sorted(amounts_fen)
    middle = len(ordered) // 2
    return Fraction(ordered[middle] + ordered[-middle - 1], 2)


def _earlier(product: Product, window: Window, count: int) -> list[Window]:
    """The windows before, the latest first; each ends the day before the next begins."""
    found = []
    months, days = product.frequency.months, window.to_on - window.from_on + DAY
    end_on = window.from_on
    for _ in range(count):
        from_on = months_after(end_on, -months) if months else end_on - days
        found.append(Window(from_on, end_on - DAY))
        end_on = from_on
    return found
