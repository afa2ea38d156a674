"""One payment between several debts of one borrower, where the law decides (Civil Code 560; rule ALL-02).

What the debtor names when paying comes first. Else: due before not due; of these what is least secured; of these the
heaviest, which is the dearest; of these what falls due first; what is alike in all shares by its amount.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple


class Debt(NamedTuple):
    """What is owed under one name: `due_on` the day it falls due, perhaps long ago."""

    name: str
    amount_fen: int
    due_on: date
    annual_rate_ppm: int
    is_secured: bool = False


def between(paid_fen: int, debts: Iterable[Debt], on: date, *, named: Sequence[str] = ()) -> tuple[dict[str, int], int]:
    """What of a payment made on day `on` goes to each debt that gets any, in the order of paying, and what is left.

    `named`: the debts that the debtor designates, in that order.
    """

    def rank(debt: Debt) -> tuple[int, bool, bool, int, date]:
        choice = named.index(debt.name) if debt.name in named else len(named)
        return choice, debt.due_on > on, debt.is_secured, -debt.annual_rate_ppm, debt.due_on

    found: dict[str, int] = {}
    left_fen = paid_fen
    for _, group in groupby(sorted(debts, key=lambda debt: (rank(debt), debt.name)), key=rank):
        alike = list(group)
        owed_fen = sum(debt.amount_fen for debt in alike)
        shared_fen = min(left_fen, owed_fen)
        reached_fen = told_fen = 0
        for debt in alike:
            # Running totals, half up: the parts are whole, and their sum is what is shared.
            reached_fen += debt.amount_fen
            part_fen = (2 * reached_fen * shared_fen + owed_fen) // (2 * owed_fen) - told_fen if owed_fen else 0
            told_fen += part_fen
            if part_fen:
                found[debt.name] = found.get(debt.name, 0) + part_fen
        left_fen -= shared_fen
    return found, left_fen
