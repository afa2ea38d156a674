"""What was signed, what of it was changed since, and what moves because of it: the words of servicing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from loancli.core.event import Event, EventKind
from loancli.core.loan import Row
from loancli.plan.product import Kind, Product
from loancli.plan.product_json import from_json

CHANGES = (EventKind.PLAN_CHANGED, EventKind.BREATHING_SPACE_GRANTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What was signed: terms, principal (of a credit line: the limit), rows.

    Rows beyond `maturity_number` are the windows a term may run on for.
    """

    loan_id: str
    borrower_id: str
    product: Product
    principal_fen: int
    signed_on: date
    rows: tuple[Row, ...]
    maturity_number: int

    @property
    def is_revenue_share(self) -> bool:
        return self.product.kind is Kind.REVENUE_SHARE

    @property
    def is_line(self) -> bool:
        return self.product.line is not None


def changed_by(contract: Contract, event: Event) -> Contract:
    """The contract as an event of `CHANGES` leaves it."""
    payload = event.payload
    return changed_to(
        contract,
        from_json(payload["terms"]) if payload["terms"] else contract.product,
        payload["number"],
        tuple([Row.restored(cells) for cells in payload["rows"]]),
        payload["maturity_number"],
    )


def changed_to(
    contract: Contract, product: Product, number: int, rows: tuple[Row, ...], maturity_number: int
) -> Contract:
    """The contract with other terms, other rows from `number` on, and the last of them that is no window to run on."""
    for row in rows:
        row.checked()
    return Contract(
        loan_id=contract.loan_id,
        borrower_id=contract.borrower_id,
        product=product,
        principal_fen=contract.principal_fen,
        signed_on=contract.signed_on,
        rows=contract.rows[: number - 1] + rows,
        maturity_number=maturity_number,
    )


def in_force(contract: Contract, events: Iterable[Event]) -> Contract:
    """The contract after the changes among the active events, which come in the order in which they count."""
    for event in events:
        if event.kind in CHANGES:
            contract = changed_by(contract, event)
    return contract


def ends_breathing(rows: Sequence[Row], from_on: date, to_on: date) -> bool:
    """Does the last instalment of a breathing space fall due on these days, both included?"""
    due = [at for at, row in enumerate(rows) if from_on <= row.due_on <= to_on]
    return any(rows[at].is_breathing and not any(row.is_breathing for row in rows[at + 1 : at + 2]) for at in due)


class Movement(NamedTuple):
    """What an event or a day does to the accounts: `amount_fen` from `credit` to `debit`.

    `part` and `number` tell which part of which instalment it is for; 0: of none.
    """

    value_on: date
    cause: str
    debit: str
    credit: str
    amount_fen: int
    part: str
    number: int
