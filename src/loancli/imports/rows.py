"""Records → statement rows.

Personal statements share one fast loop (`read_rows`); what differs is data (`Words`). Merchant bills, which are short,
share another (`read_bill`), and each says in a function of its own what its columns mean.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from operator import itemgetter

from loancli.core.days import BEIJING
from loancli.core.errors import InputError, Problem
from loancli.core.money import fen_of
from loancli.core.statement import StatementRow
from loancli.imports.source import COLUMNS_MAX, Columns, Layout, Repair, Source, Table, column_name
from loancli.imports.totals import Counted, milli_fen_of

AMOUNT_FEN_MAX = (
    100_000_000_000  # 1 billion yuan; no personal statement holds a row above, and SQLite's integers end at 64 bits
)
ID_CHARS_MAX = 64
FIELDS = (
    "time",
    "direction",
    "amount",
    "external_id",
    "merchant_order_id",
    "counterparty",
    "account",
    "kind",
    "item",
    "method",
    "status",
    "note",
)
_OPTIONAL = frozenset({"account", "method", "note"})
_REPEATABLE = frozenset({"note"})  # a real WeChat file has 备注 twice; the first counts
_UNKNOWN_WORDS_MAX = 100

_TIME = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2}) (\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)
_E_NOTATION = re.compile(r"\d(\.\d+)?E\+\d+", re.ASCII | re.IGNORECASE)
_MANTISSA_DIGITS = 15  # what Excel keeps of a number
_CERTAINLY_LOST_DIGITS = 20  # shorter ids may end in zeros of their own

_FULL_WIDTH = re.compile("[０-９．，]")
_TOO_MUCH = "more than 1 billion yuan in one row; bring the original export"
_BLANK = " \t\r\n\u3000\u00a0"
_CENTS = {f".{cents:02d}": cents for cents in range(100)}
_WHOLES_MAX = 50_000
_fen_of = lru_cache(maxsize=_WHOLES_MAX)(fen_of)  # workbooks write 12.5 and 12, which the fast way does not know

Outcome = tuple[str, int]  # status_class, money_moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How one platform says things. `directions`: its word → in, out, neutral."""

    directions: Mapping[str, str]
    outcomes: Mapping[tuple[str, str], Outcome]  # (status, direction)
    outcome: Callable[[str], Outcome | None]  # for a status that carries a value; None: unknown
    refund_of: Callable[[str, str, Mapping[str, str]], str]  # (external_id, kind, links)
    # (item, note, amount_fen) of a row that speaks of 服务费 → what of the amount the platform kept, in 1/1000 fen
    fee_milli_fen: Callable[[str, str, int], int]


class CellError(Exception):
    """A cell that cannot be used; `column` is a field or a column's name."""

    def __init__(self, column: str, message: str) -> None:
        self.column = column
        self.message = message


def layout_of(
    table: Table,
    header_line: int,
    columns: Columns,
    file_name: str,
    *,
    optional: frozenset[str] = _OPTIONAL,
    ends: tuple[str, ...] = (),
    is_ticked: bool = False,
) -> Layout:
    """Where this header puts the columns. Raises InputError for a needed column that is missing or stands twice."""
    names = tuple(column_name(cell) for cell in table.rows[header_line - 1])
    while names and not names[-1]:
        names = names[:-1]
    place = f"{file_name}:{header_line}"
    if len(names) > COLUMNS_MAX:
        raise InputError(f"{place}: the header has {len(names):,} columns; at most {COLUMNS_MAX} are read")
    positions: dict[str, int] = {}
    for field_name, wanted in columns.items():
        known = (wanted,) if isinstance(wanted, str) else wanted
        found = [at for at, seen in enumerate(names) if seen in known]
        if not found and field_name not in optional:
            raise InputError(f"{place}:{known[0]}: the header has no such column; bring the original export")
        if len(found) > 1 and field_name not in _REPEATABLE:
            raise InputError(
                f"{place}:{known[0]}: the header has this column twice (columns {found[0] + 1} and {found[1] + 1}); "
                "bring the original export"
            )
        if found:
            positions[field_name] = found[0]
    return Layout(
        header_line=header_line,
        table=table.name,
        delimiter=table.delimiter,
        columns=names,
        positions=positions,
        width_min=max(positions.values()) + 1,
        ends=ends,
        is_ticked=is_ticked,
    )


def read_rows(
    source: Source,
    layout: Layout,
    words: Words,
    counted: Counted,
    *,
    links: Mapping[str, str],
    repaired: Repair,
) -> Iterator[StatementRow | Problem]:
    """Every row after the header, in the file's order: a row, or the first problem of one that cannot be used.

    `links`: what a refund row points with → the payment's external id. Raises InputError where reading must stop.
    """
    absent = len(layout.columns)  # rows get an empty cell there for the columns that this file does not have
    is_padded = len(layout.positions) < len(FIELDS)
    pick = itemgetter(*(layout.positions.get(name, absent) for name in FIELDS))
    strip, new_row = str.strip, tuple.__new__
    days: dict[str, str] = {}
    wholes: dict[str, int] = {}
    minutes, seconds = _clock()
    directions, outcomes, totals = words.directions, words.outcomes, counted.totals
    for line, cells in source.records(layout, repaired):
        if isinstance(cells, Problem):
            counted.problems += 1
            yield cells
            continue
        if is_padded:
            cells = [*cells[:absent], *[""] * (absent + 1 - len(cells[:absent]))]
        time, way, amount, external_id, order_id, party, account, kind, item, method, status, note = map(
            strip, pick(cells)
        )
        try:
            try:
                occurred_at = days[time[:10]] + minutes[time[10:16]] + seconds[time[16:]]
            except KeyError:
                occurred_at = _moment(time, days)

            direction = directions.get(way)
            if direction is None:
                raise CellError("direction", unknown_word(way, directions))

            try:
                amount_fen = wholes[amount[:-3]] + _CENTS[amount[-3:]]
            except KeyError:
                amount_fen = _amount(amount, wholes)

            if not external_id.isalnum() or not external_id.isascii() or external_id[-5:] == "00000":
                external_id = _identity(external_id, counted)
            elif len(external_id) > ID_CHARS_MAX:
                raise CellError("external_id", f"longer than {ID_CHARS_MAX} characters; bring the original export")
        except CellError as error:
            counted.problems += 1
            yield problem_of(source, layout, line, error)
            continue

        outcome = outcomes.get((status, direction))
        if outcome is None:
            outcome = words.outcome(status) or unknown_status(status, counted)
        status_class, moved = outcome
        refund_of = words.refund_of(external_id, kind, links) if status_class == "refunded" else ""
        fee_milli_fen = 0
        if "服务费" in note or (direction == "out" and "服务费" in item):
            fee_milli_fen = words.fee_milli_fen(item, note, amount_fen)
        if order_id == "/" or ((order_id[-5:] == "00000" or "+" in order_id) and _is_lost(order_id)):
            order_id = ""
        tally = totals[direction]
        tally[0] += 1
        tally[1] += amount_fen
        # The tuple itself: StatementRow(...) does the same and costs three times as much.
        yield new_row(
            StatementRow,
            (
                line,
                occurred_at,
                amount_fen,
                direction,
                moved if amount_fen else 0,
                external_id,
                order_id,
                "" if party == "/" else party,
                "" if account == "/" else account,
                kind,
                "" if item == "/" else item,
                "" if method == "/" else method,
                status,
                status_class,
                "" if note == "/" else note,
                refund_of,
                "",
                fee_milli_fen,
            ),
        )


def problem_of(source: Source, layout: Layout, line: int, error: CellError) -> Problem:
    """The problem of one cell, with the name of its column."""
    at = layout.positions.get(error.column)
    column = error.column if at is None else layout.columns[at]
    place = "" if at is None else source.place(line, at)
    return Problem(file_name=source.file_name, row=line, column=column, message=f"{place}{error.message}")


class Cells:
    """One row of a bill by its fields; trimmed, without a back-tick, '' for a column that this file does not have."""

    __slots__ = ("_cells", "_days", "_positions")

    def __init__(self, positions: Mapping[str, int], days: dict[str, str]) -> None:
        self._positions = positions
        self._days = days
        self._cells: list[str] = []

    def of(self, cells: list[str]) -> "Cells":
        self._cells = cells
        return self

    def __getitem__(self, name: str) -> str:
        at = self._positions.get(name, -1)
        if not 0 <= at < len(self._cells):
            return ""
        text = self._cells[at].strip(_BLANK).removeprefix("`").strip(_BLANK)
        return "" if text == "/" else text

    def moment(self, *names: str) -> str:
        """The first of the fields that is filled, as an instant in Beijing."""
        name = next((name for name in names if self[name]), names[-1])
        return _moment(self[name], self._days) if self[name] else _missing(name)

    def fen(self, name: str) -> int:
        """An amount with its sign in fen; 0 for an empty cell."""
        text = self[name]
        if not text:
            return 0
        sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.removeprefix("+"))
        try:
            return sign * _amount(digits, {})
        except CellError as error:
            raise CellError(name, error.message) from None

    def milli_fen(self, name: str) -> int:
        """A fee with its sign in 1/1000 fen; 0 for an empty cell."""
        amount = milli_fen_of(self[name]) if self[name] else 0
        if amount is None or abs(amount) > AMOUNT_FEN_MAX * 1_000:
            raise CellError(name, f"'{self[name][:40]}' is not a fee in yuan with at most five decimals")
        return amount

    def number(self, name: str, counted: Counted) -> str:
        """A number of the platform; '' where Excel destroyed it. Raises CellError where it is missing."""
        return _identity(self[name], counted, name)

    def order_id(self, name: str = "merchant_order_id") -> str:
        """A shop's own number; '' where it is absent or lost."""
        return "" if _is_lost(self[name]) else self[name]


def _missing(name: str) -> str:
    raise CellError(name, "empty; every row of an original export has a time")


def read_bill(
    source: Source,
    layout: Layout,
    counted: Counted,
    row_of: Callable[[Cells, int], StatementRow | None],
    repaired: Repair = lambda _cells: None,
) -> Iterator[StatementRow | Problem]:
    """Every row after the header as `row_of` reads it; None from it leaves a row out (another shop's)."""
    cells = Cells(layout.positions, {})
    for line, record in source.records(layout, repaired):
        if isinstance(record, Problem):
            counted.problems += 1
            yield record
            continue
        try:
            row = row_of(cells.of(record), line)
        except CellError as error:
            counted.problems += 1
            yield problem_of(source, layout, line, error)
            continue
        if row is None:
            counted.left_out += 1
            continue
        tally = counted.totals[row.direction]
        tally[0] += 1
        tally[1] += row.amount_fen
        yield row


@cache
def _clock() -> tuple[dict[str, str], dict[str, str]]:
    """' 08:30' → 'T08:30' and ':05' → ':05+08:00' for every minute and second there is: the strictest check."""
    minutes = {f" {hour:02d}:{minute:02d}": f"T{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(60)}
    return minutes, {f":{second:02d}": f":{second:02d}+08:00" for second in range(60)}


def _moment(text: str, days: dict[str, str]) -> str:
    """'2024/5/1 8:30' → '2024-05-01T08:30:00+08:00', the shapes of FORMATS §1.5 only; remembers the day in `days`."""
    match = _TIME.fullmatch(text)
    if match is None:
        if _SERIAL.fullmatch(text):
            raise CellError("time", f"'{text}' is a number, as Excel leaves it; bring the file as it was exported")
        raise CellError("time", f"'{text[:40]}' is not a time; exports write 2026-10-03 08:30:00")
    year, _, month, day, hour, minute, second = match.groups(default="0")
    try:
        at = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=BEIJING)
        if not 2000 <= at.year < 2100:
            raise ValueError
    except ValueError:
        raise CellError("time", f"'{text}' does not exist in any calendar from 2000 to 2099") from None
    days[at.date().isoformat()] = at.date().isoformat()
    return at.isoformat()


def _amount(text: str, wholes: dict[str, int]) -> int:
    """`fen_of`, within this room's limits; remembers what stands before the cents, as shops' amounts recur."""
    if not text.isascii() and _FULL_WIDTH.search(text):
        raise CellError(
            "amount", f"'{text[:40]}' has full-width digits, which no export has; bring the original export"
        )
    try:
        amount_fen = _fen_of(text)
    except InputError as error:
        raise CellError("amount", str(error)) from None
    if amount_fen > AMOUNT_FEN_MAX:
        raise CellError("amount", _TOO_MUCH)
    cents = _CENTS.get(text[-3:])
    if cents is not None and amount_fen + 100 <= AMOUNT_FEN_MAX and len(wholes) < _WHOLES_MAX:
        wholes[text[:-3]] = amount_fen - cents
    return amount_fen


def unknown_word(word: str, known: Iterable[str]) -> str:
    """The sentence for a word that a column cannot hold."""
    return f"'{word[:40]}' is none of {', '.join(each or 'blank' for each in known)}"


def _identity(text: str, counted: Counted, name: str = "external_id") -> str:
    """A transaction number as it is used for a key; '' for one that Excel destroyed: it must never be compared."""
    external_id = text.strip("'\"`’‘“” \t")
    if external_id in ("", "/"):
        raise CellError(name, "empty; every row of an original export has a transaction number")
    if _is_lost(external_id):
        counted.lost_ids += 1
        return ""
    if len(external_id) > ID_CHARS_MAX:
        raise CellError(name, f"longer than {ID_CHARS_MAX} characters; bring the original export")
    if not external_id.isascii() or not external_id.isprintable() or " " in external_id:
        raise CellError(name, f"'{external_id}' is no transaction number; bring the original export")
    return external_id


def _is_lost(text: str) -> bool:
    """Excel made a number of it: '4.2E+27', or 15 digits and then only zeros (FORMATS §1.5)."""
    if _E_NOTATION.fullmatch(text):
        return True
    return len(text) >= _CERTAINLY_LOST_DIGITS and text.isdecimal() and not text[_MANTISSA_DIGITS:].strip("0")


def unknown_status(status: str, counted: Counted) -> Outcome:
    """A status word no table has: kept and counted, never dropped. Only a word of failure says that nothing moved."""
    if status in counted.unknown_statuses or len(counted.unknown_statuses) < _UNKNOWN_WORDS_MAX:
        counted.unknown_statuses[status] = counted.unknown_statuses.get(status, 0) + 1
    if "失败" in status:
        return "failed", 0
    if "关闭" in status or "取消" in status or "撤销" in status:
        return "closed", 0
    return "pending", 1
