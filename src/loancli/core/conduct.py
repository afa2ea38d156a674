"""What of a loan's life its class rests on beside the days past due: what was late, and terms that were eased.

Facts alone, without the rules that judge them: those are data and may change. Few loans have any (`CONDUCT_DAYS`).
"""

import json
from datetime import date
from typing import Any, NamedTuple

CONDUCT_DAYS = 30  # lateness of a loan that was never late for so long is forgotten, if no terms of it were eased


class Step(NamedTuple):
    """From the end of day `on` so much of an instalment is due and unpaid: what makes it late, and penalty beside."""

    on: date
    late_fen: int
    penalty_fen: int


class Arrears(NamedTuple):
    """An instalment that was not paid by the end of its due day, and what became of it."""

    due_on: date
    steps: tuple[Step, ...]


class Eased(NamedTuple):
    """Terms were eased on a day. Was the debtor in difficulty? As a person told; None: nobody did."""

    on: date
    in_difficulty: bool | None


class Conduct(NamedTuple):
    """`dues`: the days on which something fell due, and will. Instalments in arrears go by their due days."""

    dues: tuple[date, ...]
    arrears: tuple[Arrears, ...]
    eased: tuple[Eased, ...]

    def kept(self) -> str:
        """As the ledger keeps it."""
        arrears = [
            [due_on.isoformat(), [[on.isoformat(), late_fen, penalty_fen] for on, late_fen, penalty_fen in steps]]
            for due_on, steps in self.arrears
        ]
        eased = [[on.isoformat(), told] for on, told in self.eased]
        return json.dumps([[on.isoformat() for on in self.dues], arrears, eased], separators=(",", ":"))

    @classmethod
    def restored(cls, text: str) -> "Conduct":
        """What was `kept`."""
        found: Any = json.loads(text)
        dues, arrears, eased = found
        day_of = date.fromisoformat
        return cls(
            tuple(map(day_of, dues)),
            tuple(
                Arrears(day_of(due_on), tuple(Step(day_of(on), *fen) for on, *fen in steps))
                for due_on, steps in arrears
            ),
            tuple(Eased(day_of(on), told) for on, told in eased),
        )
