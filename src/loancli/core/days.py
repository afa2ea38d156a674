"""Dates: month steps that remember the day, China's working days, days past due. Only cli/ asks the clock."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta, timezone
from enum import Enum

from dateutil.relativedelta import relativedelta

from loancli.core.errors import InputError

SHORTEST_MONTH = 28
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)  # fromisoformat alone takes week dates as well
BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")


class Roll(Enum):
    """Where a due day goes that is no working day (CAL-02: following unless agreed otherwise)."""

    NONE = "none"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"
    PRECEDING = "preceding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """China's days off and make-up working days. Beyond `known_until` only weekends are known: say so (CAL-01)."""

    off: frozenset[date]
    make_up: frozenset[date]
    known_from: date
    known_until: date

    def is_known(self, day: date) -> bool:
        return self.known_from <= day <= self.known_until

    def is_working_day(self, day: date) -> bool:
        if day in self.make_up:
            return True
        return day not in self.off and day.weekday() < 5

    def rolled(self, day: date, roll: Roll) -> date:
        """`day`, or the working day that `roll` names."""
        if roll is Roll.NONE:
            return day
        if roll is Roll.PRECEDING:
            return self._next(day, -1)
        following = self._next(day, 1)
        if roll is Roll.MODIFIED_FOLLOWING and following.month != day.month:
            return self._next(day, -1)
        return following

    def _next(self, day: date, step: int) -> date:
        while not self.is_working_day(day):
            day += timedelta(days=step)
        return day


def read_calendar(texts: Mapping[str, str]) -> Calendar:
    """Calendar files (`schedules/calendars/cn-YYYY.csv`: date,kind,name) → one calendar; the years must be in a row.

    `kind` is `off` or `work`. Raises InputError with file, row and column.
    """
    off: set[date] = set()
    make_up: set[date] = set()
    years: set[int] = set()
    for file_name, text in sorted(texts.items()):
        rows = list(csv.DictReader(line for line in io.StringIO(text) if not line.startswith("#")))
        if not rows or not {"date", "kind"} <= set(rows[0]):
            raise InputError(f"{file_name}: a calendar needs the columns date, kind, name")
        for number, row in enumerate(rows, start=1):
            day = date_of(row["date"], f"{file_name}: day {number}: date")
            if row["kind"] not in {"off", "work"}:
                raise InputError(f"{file_name}: day {number}: kind: '{row['kind']}' is neither off nor work")
            (off if row["kind"] == "off" else make_up).add(day)
            years.add(day.year)
    if not years or years != set(range(min(years), max(years) + 1)):
        raise InputError("the calendar files leave out a year: add it, so that working days are known without a gap")
    return Calendar(
        off=frozenset(off),
        make_up=frozenset(make_up),
        known_from=date(min(years), 1, 1),
        known_until=date(max(years), 12, 31),
    )


def date_of(text: str, where: str = "date") -> date:
    """'2026-11-23' → a date. Raises InputError that starts with `where`, if that is not empty."""
    try:
        if _DAY.fullmatch(text) is None:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        place = f"{where}: " if where else ""
        raise InputError(f"{place}'{text[:40]}' is not a day; write it as 2026-11-23") from None


def months_after(anchor: date, months: int) -> date:
    """The same day `months` later, or that month's last. Step from the first: 31 Jan → 28 Feb → 31 Mar (CAL-03)."""
    if anchor.day <= SHORTEST_MONTH:  # a month end cannot be in the way: a tenth of the time
        years, month = divmod(anchor.month - 1 + months, 12)
        return date(anchor.year + years, month + 1, anchor.day)
    return anchor + relativedelta(months=months)


def days_past_due(due_on: date, as_of: date) -> int:
    """Whole days after the due day; 0 on the day itself and before."""
    return max(0, (as_of - due_on).days)
