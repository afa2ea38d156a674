"""Does an event ease what a borrower owes? One of the two halves of a restructuring (CLS-04); the other is difficulty.

Easing is what the rule names (展期, 宽限本息偿还计划, 新增或延长宽限期, 利息转本金, 降低利率, 减免本息费), told by what
a change does to the terms in force: later, less at a time, or less in all. What was agreed at signing is none: an
instalment that follows revenue, a breathing space that a weak window grants by itself (docs/decisions/0024-classes.md).
"""

from collections.abc import Sequence

from loancli.core.conduct import Eased
from loancli.core.errors import InputError
from loancli.core.event import Event, EventKind
from loancli.core.loan import Row
from loancli.core.rates import PPM
from loancli.plan.changes import Change, Rerate, Reshare, Resize, Respread, Restructure, Reweight, change_of
from loancli.plan.product import Bound, Product
from loancli.servicing.contract import CHANGES, Contract

FORGIVING = (EventKind.AMOUNT_WAIVED, EventKind.INTEREST_PAUSED, EventKind.COUPON_REDEEMED)
MAY_EASE = frozenset((*CHANGES, *FORGIVING))
BEHIND_PPM = 10_000  # of the principal: what a split may be later with by roundings and the days of its months


def eases(before: Contract, after: Contract, event: Event) -> bool:
    """Does an event of `MAY_EASE` ease the contract `before` it, which it leaves as `after`?"""
    if event.kind in FORGIVING:
        return True
    if event.kind is EventKind.BREATHING_SPACE_GRANTED:
        return not event.payload["why"]  # figures that granted it: the terms did, nobody eased them
    try:
        change = change_of(event.payload["change"])
    except InputError:  # words that nobody writes any more: by the terms and rows alone, as another product
        change = None
    return _is_easier(change, before, after, event.payload["number"])


def eased_by(event: Event) -> Eased:
    """That it eased terms, and what was told with it of the debtor."""
    return Eased(event.effective_on, event.payload.get("in_difficulty"))


def _is_easier(change: Change | None, before: Contract, after: Contract, number: int) -> bool:
    was, now = before.product, after.product
    match change:
        case Resize():
            return not change.shortens
        case Rerate():
            return now.annual_rate_ppm < was.annual_rate_ppm
        case Reshare():
            return _asks_less(was, now)
        case Respread():
            return _ends_later(before, after)
        case Reweight():
            return _is_behind(_ahead(before, number), _ahead(after, number))
        case Restructure() | None:
            return (
                now.annual_rate_ppm < was.annual_rate_ppm
                or after.is_revenue_share
                or before.is_revenue_share
                or _ends_later(before, after)
                or _is_behind(_ahead(before, number), _ahead(after, number))
            )
    return True  # extended, deferred, spread anew with what is overdue


def _ahead(contract: Contract, number: int) -> tuple[Row, ...]:
    return contract.rows[number - 1 : contract.maturity_number]


def _ends_later(before: Contract, after: Contract) -> bool:
    return after.rows[after.maturity_number - 1].due_on > before.rows[before.maturity_number - 1].due_on


def _is_behind(was: Sequence[Row], now: Sequence[Row]) -> bool:
    """Has by some day a smaller part of the principal fallen due than had before? Parts, as some was paid ahead."""
    whole_was_fen, whole_now_fen = (sum(row.principal_fen for row in rows) for rows in (was, now))
    least_fen2 = BEHIND_PPM * whole_was_fen * whole_now_fen // PPM
    for day in (row.due_on for row in was):
        was_fen, now_fen = (sum(row.principal_fen for row in rows if row.due_on <= day) for rows in (was, now))
        if was_fen * whole_now_fen - now_fen * whole_was_fen > least_fen2:
            return True
    return False


def _asks_less(was: Product, now: Product) -> bool:
    """A lower share, floor or cap of a revenue plan; a cap where none was. What cannot be compared counts as lower."""
    before, after = was.revenue, now.revenue
    if before is None or after is None:
        return True
    return (
        after.share_ppm < before.share_ppm
        or (after.floor != before.floor and before.floor is not None and _is_lower(before.floor, after.floor))
        or (after.cap != before.cap and (before.cap is None or _is_lower(before.cap, after.cap)))
    )


def _is_lower(was: Bound, now: Bound | None) -> bool:
    return now is None or now.base is not was.base or now.value < was.value
