"""Plans of a mixed portfolio: loans of the same terms and days share one run of the columns; results keep the order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from loancli.core.days import Calendar
from loancli.core.errors import InputError, NotFoundError, Problem
from loancli.core.money import fen_of
from loancli.plan.build import build
from loancli.plan.cells import Cells, cells_of, checked_columns, day_of
from loancli.plan.columns import Plans, one_by_one, plans
from loancli.plan.product import Product

COLUMNS = ("id", "product", "principal", "start", "periods", "first_due")
FEW = 8  # loans
_NEEDED = ("product", "principal", "start")


class Asked(NamedTuple):
    """A loan to be planned; `periods` and `first_due_on` as for `build`."""

    product: Product
    principal_fen: int
    start_on: date
    periods: int | None = None
    first_due_on: date | None = None


class Place(NamedTuple):
    """Where a loan's plan is: its group, and its column there."""

    group: int
    lane: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The plans of many loans, in groups of the same terms and days.

    For each loan, in the order asked, `places` has where its plan is, or the reason why there is none.
    """

    groups: tuple[Plans, ...]
    places: tuple[Place | str, ...]


def plan_all(asked: Sequence[Asked], calendar: Calendar) -> Batch:
    """The plans of loans of any products and days: to the fen what `build` makes of each.

    A group of columns costs as much as FEW loans one by one, however many are in it: a smaller one goes the exact way.
    """
    lanes: dict[tuple[int, date, int | None, date | None], list[int]] = {}
    for at, loan in enumerate(asked):
        # Products by identity: their hash is costly, and equal ones are the same object where they come from a file.
        key = (id(loan.product), loan.start_on, loan.periods, loan.first_due_on)
        lanes.setdefault(key, []).append(at)
    groups: list[Plans] = []
    places: list[Place | str] = [""] * len(asked)
    for ats in lanes.values():
        product, _, start_on, periods, first_due_on = asked[ats[0]]
        principals_fen = np.array([asked[at].principal_fen for at in ats], dtype=np.int64)
        try:
            found = (plans if len(ats) >= FEW else one_by_one)(
                product, principals_fen, start_on, calendar=calendar, periods=periods, first_due_on=first_due_on
            )
        except InputError as error:
            for at in ats:
                places[at] = str(error)
            continue
        for lane, (at, is_refused) in enumerate(zip(ats, found.is_refused.tolist(), strict=True)):
            places[at] = _reason(asked[at], calendar) if is_refused else Place(len(groups), lane)
        groups.append(found)
    return Batch(groups=tuple(groups), places=tuple(places))


def _reason(loan: Asked, calendar: Calendar) -> str:
    """Why the exact path refuses a loan that the columns refused."""
    try:
        build(
            loan.product,
            loan.principal_fen,
            loan.start_on,
            calendar=calendar,
            periods=loan.periods,
            first_due_on=loan.first_due_on,
        )
    except InputError as error:
        return str(error)
    raise AssertionError(f"the columns refuse what build allows: {loan}")


class Wanted(NamedTuple):
    """A row of the file: its number, the loan's id, and what is asked."""

    line: int
    loan_id: str
    asked: Asked


def read_batch(
    columns: Sequence[str],
    rows: Iterable[tuple[int, Sequence[str]]],
    file_name: str,
    product_of: Callable[[str], Product],
) -> tuple[list[Wanted], list[Problem]]:
    """The loans of a table, and what is wrong with the other rows. `id` is free; without one, the row's number is it.

    InputError where the columns are not the ones asked for, or no row is there at all.
    """
    names = checked_columns(columns, COLUMNS, file_name)
    if missing := [name for name in _NEEDED if name not in names]:
        raise InputError(f"{file_name}:1: column '{missing[0]}' is missing; needed: {', '.join(_NEEDED)}")
    problems: list[Problem] = []
    found: list[Wanted] = []
    products: dict[str, Product | str] = {}
    for cells in cells_of(names, rows, file_name, problems):
        before = len(problems)
        product = _product(cells, products, product_of)
        principal_fen = cells.read("principal", fen_of, 0)
        start_on = cells.read("start", day_of, None)
        periods = cells.read("periods", _periods, None) if "periods" in cells else None
        first_due_on = cells.read("first_due", _day, None) if "first_due" in cells else None
        if len(problems) == before:
            assert product is not None
            assert start_on is not None
            loan_id = cells.cells.get("id", "")
            asked = Asked(product, principal_fen, start_on, periods, first_due_on)
            found.append(Wanted(cells.line, loan_id or str(cells.line), asked))
    if not found and not problems:
        raise InputError(f"{file_name}: there are no rows; write one for each loan")
    return found, problems


def _product(cells: Cells, known: dict[str, Product | str], product_of: Callable[[str], Product]) -> Product | None:
    """The product of a row; each is read once, and what is wrong with it told for each row."""
    code = cells["product"]
    if code not in known:
        try:
            known[code] = product_of(code)
        except (InputError, NotFoundError) as error:
            known[code] = str(error).splitlines()[0]
    found = known[code]
    if isinstance(found, Product):
        return found
    cells.refuse("product", found)
    return None


def _periods(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise InputError(f"'{text[:40]}' is not a number of instalments, such as 12")
    return int(text)


def _day(text: str) -> date | None:
    return day_of(text) if text else None


def problem_of(wanted: Wanted, reason: str, file_name: str) -> Problem:
    """Why a loan has no plan, at its row, and at the column that the reason begins with."""
    key, _, rest = reason.partition(": ")
    column = {"principal": "principal", "periods": "periods", "first_due_on": "first_due"}.get(key)
    return Problem(file_name=file_name, row=wanted.line, column=column, message=rest if column else reason)
