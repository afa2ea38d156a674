"""The turn of a loan's next instalment: what is stored of it before, and what a day makes of it.

Days are ISO text, as the ledger has them: many loans share them, and what follows from one is looked up once.
"""

from typing import NamedTuple

from loancli.core.entry import Entry


class Ahead(NamedTuple):
    """An active loan that owes nothing due and has no money waiting, and the instalment whose turn comes; fen.

    Of the instalment the fee, the interest and the principal are what it will ask for if nothing else happens.
    """

    loan_id: str
    terms_sha: str
    signed_fen: int  # the principal of the contract
    outstanding_fen: int
    number: int
    from_on: str
    to_on: str
    due_on: str
    principal_fen: int
    interest_fen: int
    fee_fen: int
    next_from_on: str | None  # of the instalment after it; None: there is none
    next_to_on: str | None
    next_due_on: str | None
    next_due_fen: int


class Turn(NamedTuple):
    """What a day changes on a loan: columns of its position, and its entry, if money moves."""

    loan_id: str
    number: int
    is_due: bool  # does the instalment fall due? Else its interest period has ended, and the due day is yet to come
    principal_overdue_fen: int
    interest_due_fen: int
    fee_due_fen: int
    next_due_on: str | None
    next_due_fen: int
    next_moment_on: str | None
    accrued_micro_fen: int
    accruing_micro_fen_per_day: int
    entry: Entry | None
