"""What was signed, and what moves because of it: the words of servicing."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from loancli.core.loan import Row
from loancli.plan.product import Kind, Product


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
