"""The months of a borrower's revenue that a projection starts from, whole and without gaps; and where they come from.

A column `day` or `month` beside `amount_yuan`, or a borrower's imported revenue: what the plan would count.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from loancli.core.days import date_of, months_after
from loancli.core.errors import InputError, Problem, input_error
from loancli.core.money import fen_of, yuan

MONTHS_MIN = 3
FEN_A_MONTH_MAX = 1_000_000_000_000  # 10 billion yuan: more is a slip of the pen
FIRST_ON = date(2000, 1, 1)  # no export is older
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])", re.ASCII)
_AMOUNT = "amount_yuan"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Net revenue of successive whole months, the first of them starting on `first_on`.

    `days` has the weight of each day in each month, as far as days are known; else nothing.
    """

    first_on: date
    months_fen: tuple[int, ...]
    days: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        assert self.first_on.day == 1
        assert len(self.months_fen) >= MONTHS_MIN
        assert len(self.days) in {0, len(self.months_fen)}

    @property
    def end_on(self) -> date:
        """The first day after it."""
        return months_after(self.first_on, len(self.months_fen))


def history_of(months_fen: Mapping[date, int], source: str, *, days: Mapping[date, int] | None = None) -> History:
    """Whole months by their first days → a history. InputError that starts with `source` for what is no basis.

    `days`: what came in on each day, in any unit; a day that is not there, or below 0, weighs nothing.
    """
    if len(months_fen) < MONTHS_MIN:
        raise InputError(
            f"{source}: {len(months_fen)} whole months of revenue; a projection needs at least {MONTHS_MIN}"
        )
    first_on, last_on = min(months_fen), max(months_fen)
    months = []
    month_on = first_on
    while month_on <= last_on:
        months.append(month_on)
        month_on = months_after(month_on, 1)
    problems = [
        *(f"{_name(month_on)}: no revenue data; no data is not zero, so bring the month or start after it"
          for month_on in months if month_on not in months_fen),
        *(f"{_name(month_on)}: {yuan(fen)} yuan is below 0: more was refunded than came in"
          for month_on, fen in months_fen.items() if fen < 0),
        *(f"{_name(month_on)}: {yuan(fen)} yuan is more than any shop takes in a month"
          for month_on, fen in months_fen.items() if fen > FEN_A_MONTH_MAX),
    ]  # fmt: skip
    if problems:
        raise input_error([Problem(file_name=source, row=None, column=None, message=message) for message in problems])
    if not any(months_fen.values()):
        raise InputError(f"{source}: every month is 0; there is no revenue to project")
    return History(
        first_on=first_on,
        months_fen=tuple(months_fen[month_on] for month_on in months),
        days=tuple(_weights(month_on, days) for month_on in months) if days is not None else (),
    )


def _weights(month_on: date, days: Mapping[date, int]) -> tuple[int, ...]:
    count = (months_after(month_on, 1) - month_on).days
    return tuple(max(0, days.get(month_on + timedelta(days=number), 0)) for number in range(count))


def whole_months(from_on: date, to_on: date) -> list[date]:
    """The first days of the months that lie wholly between two days, both included."""
    month_on = from_on if from_on.day == 1 else months_after(from_on.replace(day=1), 1)
    found = []
    while months_after(month_on, 1) - timedelta(days=1) <= to_on:
        found.append(month_on)
        month_on = months_after(month_on, 1)
    return found


def read_history(
    file_name: str, columns: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]], *, as_of: date
) -> History:
    """A history from the rows of a table, with their numbers in the file. InputError: file, row, column.

    Rows by day: a day without a row is one without revenue, and months that the first and the last row only cut into
    are left out. Rows by month: the month of `as_of` is not over, and a month without a row is a gap.
    """
    names = [name.strip() for name in columns]
    unit = next((name for name in ("day", "month") if name in names), None)
    if unit is None or _AMOUNT not in names or {"day", "month"} <= set(names) or len(names) != len(set(names)):
        told = ", ".join(names) or "nothing"
        raise InputError(f"{file_name}:1: needs the columns day or month (one of them), and {_AMOUNT}; it has {told}")
    amounts_fen: dict[date, int] = {}
    places: dict[date, int] = {}
    problems = []
    for number, cells in rows:
        if len(cells) > len(names):
            told = f"{len(cells)} cells; the first row has {len(names)}"
            problems.append(Problem(file_name=file_name, row=number, column=None, message=told))
            continue
        try:
            on, fen = _row(dict(zip(names, cells, strict=False)), unit, as_of)
        except _CellError as error:
            problems.append(Problem(file_name=file_name, row=number, column=error.column, message=error.message))
            continue
        if on in amounts_fen:
            told = f"{_name(on) if unit == 'month' else on} is in row {places[on]} already"
            problems.append(Problem(file_name=file_name, row=number, column=unit, message=told))
        amounts_fen[on], places[on] = fen, number
    if problems:
        raise input_error(problems)
    if unit == "month" or not amounts_fen:
        return history_of(amounts_fen, file_name)
    months_fen = dict.fromkeys(whole_months(min(amounts_fen), max(amounts_fen)), 0)
    seen = set()
    for on, fen in amounts_fen.items():
        seen.add(on.replace(day=1))
        if on.replace(day=1) in months_fen:
            months_fen[on.replace(day=1)] += fen
    known = {month_on: fen for month_on, fen in months_fen.items() if month_on in seen}
    return history_of(known, file_name, days=amounts_fen)


class _CellError(Exception):
    def __init__(self, column: str, message: str) -> None:
        super().__init__(column, message)
        self.column, self.message = column, message


def _row(cells: Mapping[str, str], unit: str, as_of: date) -> tuple[date, int]:
    text = cells.get(unit, "").strip()
    try:
        if unit == "month" and not _MONTH.fullmatch(text):
            raise InputError(f"'{text[:40]}' is not a month; write it as 2026-11")
        on = date_of(f"{text}-01" if unit == "month" else text, "")
    except InputError as error:
        raise _CellError(unit, str(error)) from None
    if on < FIRST_ON:
        raise _CellError(unit, f"{text} is before {FIRST_ON.year}")
    if on > as_of or (unit == "month" and months_after(on, 1) > as_of + timedelta(days=1)):
        raise _CellError(unit, f"{text} is not over on {as_of}")
    text = cells.get(_AMOUNT, "").strip()
    if text.startswith(("-", "－", "−")):
        raise _CellError(_AMOUNT, f"'{text[:40]}' is below 0; write revenue net of refunds, 0 or more")
    try:
        return on, fen_of(text)
    except InputError as error:
        raise _CellError(_AMOUNT, str(error)) from None


def _name(month_on: date) -> str:
    return month_on.isoformat()[:7]
