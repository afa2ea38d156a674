"""A payment fills what is due, part by part; the order is data of the product (ALL-01, ALL-03, ALL-04)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from loancli.plan.product import Allocation


class Taken(NamedTuple):
    """`amount_fen` of a payment went to `part` of instalment `number`."""

    number: int
    part: str
    amount_fen: int


def order_for(allocation: Allocation, days_past_due: int) -> tuple[str, ...]:
    """The order of parts on a day: more than `late_after_days` past due the late one, where the contract has one."""
    if allocation.late_order and days_past_due > allocation.late_after_days:
        return allocation.late_order
    return allocation.order


def pour(
    paid_fen: int, unpaid_fen: Sequence[tuple[int, Mapping[str, int]]], order: Sequence[str], *, by: str
) -> tuple[list[Taken], int]:
    """Fill the unpaid parts of instalments (oldest first) with `paid_fen`; return what went where, and what is left.

    `by` 'component' pays each part over all instalments before the next part; 'instalment' pays each instalment whole.
    """
    assert paid_fen >= 0
    taken: list[Taken] = []
    left_fen = paid_fen
    if by == "instalment":
        places = [(number, part, parts[part]) for number, parts in unpaid_fen for part in order if parts.get(part)]
    else:
        places = [(number, part, parts[part]) for part in order for number, parts in unpaid_fen if parts.get(part)]
    for number, part, open_fen in places:
        amount_fen = min(left_fen, open_fen)
        if amount_fen:
            taken.append(Taken(number, part, amount_fen))
            left_fen -= amount_fen
    assert sum([each.amount_fen for each in taken]) + left_fen == paid_fen
    return taken, left_fen
