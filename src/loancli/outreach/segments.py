"""Segments: named conditions over the features, in order; the first that holds takes the loan, the last takes the rest.

A condition is SQL (DESIGN §6, LIBRARIES §3.7) that runs on one table of features in a database of its own, in memory:
it sees no ledger and no personal data, and the same features give the same segments wherever and whenever it runs.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from loancli.core.errors import InputError
from loancli.core.tables import named, near, parsed, records
from loancli.outreach.conditions import FUNCTIONS, Condition, read_condition
from loancli.outreach.features import FEATURES, Feature, Features, row_of

if TYPE_CHECKING:
    from sqlite3 import Connection

Value = int | str | None

_BIG = 10**12
_BUCKETS = ("M0", "M1", "M2", "M3", "M4", "M5", "M6", "M6+")
_WITNESS_COUNT = 400
# Steps of SQLite's machine instead of seconds: the answer must not depend on how busy the host is.
_STEPS_PER_CALL = 10_000
_STEPS_PER_ROW_MAX = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentText:
    """One [[segments]] table as written: `when` a condition, or `all = true` for everyone that is left."""

    name: str
    name_zh: str
    why_zh: str
    why_en: str
    when: str = ""
    all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A named group of loans. `condition` None: takes everyone that is left."""

    name: str
    name_zh: str
    why_zh: str
    why_en: str
    condition: Condition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """The segments of a file in their order. The last takes everyone, so that every loan falls somewhere."""

    file_name: str
    segments: tuple[Segment, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(segment.name for segment in self.segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """The segment of a loan, and why: the sentence and the values that decided (PRV-04)."""

    loan_id: str
    segment: str
    why: str


class Explained(NamedTuple):
    segment: str
    condition: str
    matched: bool


def read_segments(text: str, file_name: str) -> Segments:
    """Segments from TOML. Raises InputError naming file, segment and position, with near names."""
    tables = parsed(text, file_name)
    for key in tables:
        if key != "segments":
            raise InputError(f"{file_name}:{key}: there is no such key; {near(key, ['segments'])}")
    written = records(SegmentText, tables.get("segments"), f"{file_name}:segments")
    named(written, lambda segment: segment.name, f"{file_name}:segments")
    segments = tuple(
        _segment(one, f"{file_name}:{one.name}", is_last=number == len(written))
        for number, one in enumerate(written, start=1)
    )
    return Segments(file_name=file_name, segments=segments)


def assign(features: Sequence[Features], segments: Segments) -> list[Assigned]:
    """The segment of each loan, in the order given. The first condition that holds decides; NULL does not hold."""
    rows = [row_of(one) for one in features]
    taken: dict[int, Segment] = {}
    with _table(rows) as connection:
        for segment in segments.segments:
            for number in _matching(connection, segment, f"{segments.file_name}:{segment.name}", len(rows)):
                taken.setdefault(number, segment)
    return [
        Assigned(loan_id=one.loan_id, segment=taken[number].name, why=_why(taken[number], one))
        for number, one in enumerate(features)
    ]


def explain(one: Features, segments: Segments) -> list[Explained]:
    """Every segment in order, its condition, and whether it holds for this loan; the first that does is the loan's."""
    with _table([row_of(one)]) as connection:
        return [
            Explained(
                segment=segment.name,
                condition=segment.condition.sql if segment.condition else "all",
                matched=bool(_matching(connection, segment, f"{segments.file_name}:{segment.name}", 1)),
            )
            for segment in segments.segments
        ]


def _segment(written: SegmentText, place: str, *, is_last: bool) -> Segment:
    if written.all and written.when:
        raise InputError(f"{place}: has both when and all = true; keep one")
    if written.all != is_last:
        if is_last:
            raise InputError(f"{place}: the last segment must take everyone that is left: all = true, without when")
        raise InputError(f"{place}: all = true takes everyone, so no segment after it would be reached; put it last")
    condition = None if written.all else read_condition(written.when, f"{place}.when")
    segment = Segment(
        name=written.name,
        name_zh=written.name_zh,
        why_zh=written.why_zh,
        why_en=written.why_en,
        condition=condition,
    )
    if condition is not None:
        _check_not_everyone(segment, condition, f"{place}.when")
    return segment


def _check_not_everyone(segment: Segment, condition: Condition, where: str) -> None:
    """Refuse what holds for all of many made-up loans, some of them on both sides of each number of the condition."""
    rows = _witnesses(condition)
    with _table(rows) as connection:
        if len(_matching(connection, segment, where, len(rows))) == len(rows):
            message = "the condition holds for every loan; for everyone that is left write all = true, last"
            raise InputError(f"{where}: position 1: {message}")


def _witnesses(condition: Condition) -> list[tuple[Value, ...]]:
    numbers = {int(digits) for digits in re.findall(r"[0-9]+", re.sub(r"'[^']*'", "", condition.sql))}
    texts = sorted({*_BUCKETS, *re.findall(r"'([^']*)'", condition.sql)})
    choices = [_choices(feature, numbers, texts) for feature in FEATURES]
    return [
        tuple(values[_chance(number, column) % len(values)] for column, values in enumerate(choices))
        for number in range(_WITNESS_COUNT)
    ]


def _choices(feature: Feature, numbers: set[int], texts: list[str]) -> list[Value]:
    """Values worth trying: the ends, both sides of every number of the condition, and NULL where it can be."""
    if feature.sql_type == "TEXT":
        return [*texts]
    if feature.unit == "1 or 0":
        return [0, 1]
    near_numbers = {sign * number + step for number in numbers for step in (-1, 0, 1) for sign in (-1, 1)}
    values = sorted({feature.least, 0, 1, _BIG} | {value for value in near_numbers if value >= feature.least})
    return [*values, None] if feature.nullable else [*values]


def _chance(number: int, column: int) -> int:
    """A number without pattern, the same each time."""
    return int.from_bytes(sha256(f"{number}:{column}".encode()).digest()[:8], "big")


def _why(segment: Segment, one: Features) -> str:
    if segment.condition is None:
        return segment.why_zh
    values = ((name, getattr(one, name)) for name in segment.condition.features)
    shown = ", ".join(f"{name}={int(value) if isinstance(value, bool) else value}" for name, value in values)
    return f"{segment.why_zh}（{shown}）"


@contextmanager
def _table(rows: Sequence[tuple[Value, ...]]) -> Iterator["Connection"]:
    """A database in memory with one STRICT table of the features, closed to everything but reading it."""
    import sqlite3

    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        columns = ", ".join(
            f"{feature.name} {feature.sql_type}{'' if feature.nullable else ' NOT NULL'}" for feature in FEATURES
        )
        connection.execute(f"CREATE TABLE features (number INTEGER PRIMARY KEY, {columns}) STRICT")
        marks = ", ".join("?" * (len(FEATURES) + 1))
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO features VALUES ({marks})", [(n, *row) for n, row in enumerate(rows)])
        connection.execute("COMMIT")
        connection.execute("PRAGMA query_only = ON")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000_000)
        connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 4_000)
        connection.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 60)
        connection.setlimit(sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 1)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.set_authorizer(_allowed)
        yield connection
    finally:
        connection.close()


def _allowed(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """The second wall: one SELECT, the columns of the one table, the functions of the list."""
    import sqlite3

    is_allowed = (
        action == sqlite3.SQLITE_SELECT
        or (action == sqlite3.SQLITE_READ and first == "features")
        or (action == sqlite3.SQLITE_FUNCTION and second in FUNCTIONS)
    )
    return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY


def _matching(connection: "Connection", segment: Segment, where: str, row_count: int) -> list[int]:
    """Numbers of the rows that the segment's condition holds for. Raises InputError for what SQLite refuses."""
    import sqlite3

    where_sql = f"WHERE ({segment.condition.sql}\n)" if segment.condition else ""
    calls_left = 100 + row_count * _STEPS_PER_ROW_MAX // _STEPS_PER_CALL

    def is_over_budget() -> bool:
        nonlocal calls_left
        calls_left -= 1
        return calls_left < 0

    connection.set_progress_handler(is_over_budget, _STEPS_PER_CALL)
    try:
        rows = connection.execute(f"SELECT number FROM features {where_sql} ORDER BY number").fetchall()
    except sqlite3.Error as error:
        raise InputError(f"{where}: the condition cannot be used: {error}") from None
    finally:
        connection.set_progress_handler(None, 0)
    return [number for (number,) in rows]
