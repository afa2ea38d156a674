"""Two tables that bring a portfolio in: loans as they were signed, and what was paid and drawn on them since."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from loancli.core.errors import InputError, Problem
from loancli.core.loan import LOAN_ID
from loancli.core.money import fen_of
from loancli.plan.batch import Asked, day_in, periods_in, product_in
from loancli.plan.cells import Cells, cells_of, checked_columns, day_of
from loancli.plan.product import Product

LOAN_COLUMNS = (
    "loan_id",
    "borrower_id",
    "product",
    "principal",
    "signed_on",
    "outstanding",
    "periods",
    "first_due_on",
    "paid_until",
)
LOAN_NEEDED = LOAN_COLUMNS[:6]
PAYMENT_COLUMNS = ("loan_id", "paid_on", "amount", "kind")
PAYMENT_NEEDED = PAYMENT_COLUMNS[:3]
SIGNED_YEAR_MIN = 1990  # earlier is a slip; Excel shows 1900 for a cell that holds a small number
_Table = Iterable[tuple[int, Sequence[str]]]


class PastKind(StrEnum):
    """What a row of the second table tells."""

    PAYMENT = "payment"
    DRAW = "draw"  # of a credit line


class LoanRow(NamedTuple):
    """A loan of the file: what was signed, and how it stood when the file was made.

    `paid_until`: what fell due up to that day was paid on its day, whatever it was.
    """

    line: int
    loan_id: str
    borrower_id: str
    asked: Asked
    outstanding_fen: int
    paid_until: date | None


class Loans(NamedTuple):
    """The loans of a table; `spoiled` are those of rows that cannot be read."""

    rows: Sequence[LoanRow]
    spoiled: frozenset[str]


class PastRow(NamedTuple):
    """Money that came or left before the loan was here. `nth`: of several alike, which one."""

    line: int
    loan_id: str
    kind: PastKind
    on: date
    amount_fen: int
    nth: int

    @property
    def key(self) -> str:
        """The key of its event: the same row again is the same event, in whatever order the rows stand."""
        place = f"imported/{self.loan_id}/{self.kind}/{self.on}/{self.amount_fen}"
        return place if self.nth == 1 else f"{place}/{self.nth}"


def read_loans(
    columns: Sequence[str], rows: _Table, file_name: str, product_of: Callable[[str], Product]
) -> tuple["Loans", list[Problem]]:
    """The loans of a table, and what is wrong with its other rows. InputError where a column is missing or unknown."""
    names = _columns(columns, LOAN_COLUMNS, LOAN_NEEDED, file_name)
    problems: list[Problem] = []
    products: dict[str, Product | str] = {}
    found: list[LoanRow] = []
    first: dict[str, Cells] = {}
    for cells in cells_of(names, rows, file_name, problems):
        before = len(problems)
        product = product_in(cells, products, product_of)
        principal_fen = cells.read("principal", fen_of, 0)
        signed_on = cells.read("signed_on", _signing_day, None)
        outstanding_fen = cells.read("outstanding", fen_of, 0)
        periods = cells.read("periods", periods_in, None) if "periods" in cells else None
        first_due_on = cells.read("first_due_on", day_in, None) if "first_due_on" in cells else None
        paid_until = cells.read("paid_until", day_in, None) if "paid_until" in cells else None
        loan_id = cells["loan_id"]
        if LOAN_ID.fullmatch(loan_id) is None:
            cells.refuse("loan_id", "write 1 to 40 letters, digits, - and _, for payers to quote")
        other = first.setdefault(loan_id, cells)
        if other is not cells:  # neither is the right one more than the other
            for one, two in ((other, cells), (cells, other)):
                one.refuse("loan_id", f"'{loan_id}' stands on row {two.line} as well; keep one of the two")
        if len(problems) == before:
            assert product is not None
            assert signed_on is not None
            asked = Asked(product, principal_fen, signed_on, periods, first_due_on)
            found.append(LoanRow(cells.line, loan_id, cells["borrower_id"], asked, outstanding_fen, paid_until))
    wrong = {problem.row for problem in problems}
    kept = [row for row in found if row.line not in wrong]
    return Loans(kept, frozenset(first) - {row.loan_id for row in kept}), problems


class Past(NamedTuple):
    """What was paid and drawn, by loan; `spoiled` are the loans of rows that cannot be read."""

    rows: Mapping[str, Sequence[PastRow]]
    spoiled: frozenset[str]


def read_past(columns: Sequence[str], rows: _Table, file_name: str) -> tuple[Past, list[Problem]]:
    """What was paid and drawn before, and what is wrong with other rows; InputError as for `read_loans`."""
    names = _columns(columns, PAYMENT_COLUMNS, PAYMENT_NEEDED, file_name)
    problems: list[Problem] = []
    alike: Counter[tuple[str, PastKind, date, int]] = Counter()
    found: dict[str, list[PastRow]] = {}
    spoiled: set[str] = set()
    for cells in cells_of(names, rows, file_name, problems):
        before = len(problems)
        on = cells.read("paid_on", day_of, None)
        amount_fen = cells.read("amount", _above_zero, 0)
        kind = cells.read("kind", _kind, PastKind.PAYMENT) if "kind" in cells else PastKind.PAYMENT
        if len(problems) == before:
            assert on is not None
            same = (cells["loan_id"], kind, on, amount_fen)
            alike[same] += 1
            found.setdefault(cells["loan_id"], []).append(PastRow(cells.line, *same, alike[same]))
        else:
            spoiled.add(cells["loan_id"])
    return Past(found, frozenset(spoiled)), problems


def _columns(columns: Sequence[str], allowed: Sequence[str], needed: Sequence[str], file_name: str) -> list[str]:
    names = checked_columns(columns, allowed, file_name)
    if missing := [name for name in needed if name not in names]:
        raise InputError(f"{file_name}:1: column '{missing[0]}' is missing; needed: {', '.join(needed)}")
    return names


def _signing_day(text: str) -> date:
    day = day_of(text)
    if day.year < SIGNED_YEAR_MIN:
        raise InputError(f"{day} is before {SIGNED_YEAR_MIN}; no loan that runs was signed then: correct the day")
    return day


def _above_zero(text: str) -> int:
    amount_fen = fen_of(text)
    if not amount_fen:
        raise InputError("0 is no payment; leave the row out")
    return amount_fen


def _kind(text: str) -> PastKind:
    if not text:
        return PastKind.PAYMENT
    try:
        return PastKind(text)
    except ValueError:
        raise InputError(f"'{text[:40]}' is neither payment nor draw") from None


def problem_at(file_name: str, line: int, error: str) -> Problem:
    """Why a row is refused, at the column that the reason begins with, where it begins with one ('principal: …')."""
    key, _, rest = error.partition(": ")
    column = key if key in LOAN_COLUMNS else None
    return Problem(file_name=file_name, row=line, column=column, message=rest if column else error)
