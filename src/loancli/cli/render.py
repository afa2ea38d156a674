"""Rows → table, JSON, CSV, XLSX. Data goes to stdout, talk and progress to stderr. Nothing else writes to the terminal.

JSON and CSV are for programs: their names, codes and numbers are the same in every language and on every terminal, with
money in whole fen. How one value is shown is in cells.py.
"""

import codecs
import csv
import dataclasses
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast

from loancli.cli.cells import (
    as_mapping,
    heading,
    in_words,
    json_text,
    machine_cell,
    screen_cell,
    tsv_cell,
    visible,
    width_of,
    with_unit,
    without_formula,
)
from loancli.cli.options import Context, Format
from loancli.core.errors import InputError, NotFoundError
from loancli.texts import Lang, said, say

T = TypeVar("T")
Rows = Sequence[Mapping[str, object]]

SIDE_BY_SIDE = 3  # rows of a table that is too wide, shown upright beside each other
COLUMN_GAP = 3
TEXT_WIDTH_MIN = 14  # below it a text column is no longer read but spelled


def show(
    rows: object,
    *,
    format: Format | None = None,  # noqa: A002 — the option's name
    output: Path | None = None,
    title: str = "",
    columns: Sequence[str] | None = None,
    screen: Sequence[str] | None = None,
    lang: Lang = "en",
) -> None:
    """Write `rows` to stdout, or to the file `output`.

    `rows` are mappings or dataclasses, or one of them alone: then JSON is an object, and a table stands upright.
    `columns` names what to show, in order, in every format; without it, all; `screen` what one looks at first, on a
    terminal. Without `format` the ending of `output` decides.
    A table is drawn on a terminal; elsewhere it is tab-separated, its columns named in yuan and percent.
    Raises InputError when XLSX has no file to go to, or more rows than a sheet can hold.
    """
    is_one = isinstance(rows, Mapping) or dataclasses.is_dataclass(rows)
    table: Iterable[Mapping[str, object]] = map(as_mapping, [rows] if is_one else cast("Iterable[object]", rows))
    kind = kind_of(format, output)
    if kind not in {Format.JSON, Format.CSV}:
        table = (in_words(row, lang) for row in table)
    is_drawn = kind is Format.TABLE and output is None and sys.stdout.isatty()
    if kind is Format.XLSX and output is None:
        raise InputError(say("render.xlsx_needs_file", lang))
    if columns is not None and not is_drawn and kind is not Format.XLSX:  # each row becomes text as it comes
        _put(_text(kind, table, columns, is_one=is_one, safe=_safe(output)), kind, output)
        return
    table = list(table)
    names = list(columns) if columns is not None else list(dict.fromkeys(name for row in table for name in row))
    if kind is Format.XLSX:
        assert output is not None
        from loancli.cli.xlsx import workbook

        _replace(output, workbook(table, names, sheet=title, lang=lang))
    elif is_drawn:
        _write(
            f"{say('render.no_rows', lang)}\n"
            if not table
            else _drawn(table, screen or names, title=title, is_one=is_one, lang=lang)
        )
    else:
        _put(_text(kind, table, names, is_one=is_one, safe=_safe(output)), kind, output)


def _safe(output: Path | None) -> Callable[[str], str]:
    """What makes the texts of cells harmless where they go."""
    return without_formula if output is not None else visible if sys.stdout.isatty() else str


def _put(text: str, kind: Format, output: Path | None) -> None:
    if output is None:
        _write(text)
    else:
        _replace(output, text.encode("utf-8-sig" if kind is Format.CSV else "utf-8"))


@contextmanager
def opened(output: Path | None, *, mark: bool = False) -> Iterator[Any]:
    """Where long data goes piece by piece, as `show` would write it: stdout, or a file, whole or not at all.

    `mark`: the file begins with the mark by which spreadsheets know UTF-8. Raises NotFoundError, InputError.
    """
    if output is None:
        try:
            yield sys.stdout
            sys.stdout.flush()
        except BrokenPipeError:
            hush_stdout()
        return
    with _replaced(output) as data:
        data.write(codecs.BOM_UTF8 if mark else b"")
        with io.TextIOWrapper(data, encoding="utf-8", newline="") as file:
            yield file


def kind_of(chosen: Format | None, output: Path | None) -> Format:
    """How rows will be shown: as chosen, else by the ending of the file, else as a table."""
    ending = output.suffix.lower().removeprefix(".") if output is not None else ""
    return chosen or (Format(ending) if ending in set(Format) else Format.TABLE)


def write(text: str) -> None:
    """Lines of data that are no table, such as a chart or a statement, to stdout."""
    _write("".join(f"{visible(line)}\n" for line in text.splitlines()))


def save(path: Path, text: str) -> None:
    """A page or another text that is no table into a file of its own. Raises NotFoundError, InputError."""
    _replace(path, text.encode())


def talk(context: Context, key: str, **values: object) -> None:
    """A sentence of the catalogue to stderr, unless --quiet."""
    if not context.quiet:
        complain(say(key, context.lang, **{name: visible(str(value)) for name, value in values.items()}))


def complain(text: str) -> None:
    """To stderr, whatever --quiet says: what ended the command."""
    try:
        print(text, file=sys.stderr, flush=True)
    except BrokenPipeError:
        _hush(sys.stderr)


def progress(items: Iterable[T], *, total: int | None, label: str, quiet: bool = False) -> Iterator[T]:
    """The items, with a bar on stderr while they are worked on; none where stderr is no terminal, for cron mails it."""
    if quiet or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track
    from rich.text import Text

    yield from track(items, total=total, description=Text(label).markup, console=Console(stderr=True), transient=True)


@contextmanager
def counting(name: str, size: int, long_bytes: int, context: Context) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of the line read last; a bar on stderr, on a terminal, for long files."""
    if context.quiet or size < long_bytes or not sys.stderr.isatty():
        yield lambda line: None
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn
    from rich.text import Text

    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,} lines"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(Text(name).markup, total=None)
        yield lambda line: bar.update(task, completed=line)


def hush_stdout() -> None:
    """Nobody reads stdout any more: what is still to be written goes nowhere, without a word."""
    _hush(sys.stdout)


def forgive_encodings() -> None:
    """A terminal that cannot show a character gets its code: an amount must not be lost to an encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


# Rows as text


def _text(
    kind: Format,
    table: Iterable[Mapping[str, object]],
    names: Sequence[str],
    *,
    is_one: bool,
    safe: Callable[[str], str],
) -> str:
    """JSON, CSV, or tab-separated; `safe` is applied to the texts of cells, not to numbers."""
    if kind is Format.JSON:
        rows = [{name: row.get(name) for name in names} for row in table]
        return json_text(rows[0] if is_one else rows)
    if kind is Format.CSV:
        file = io.StringIO(newline="")
        writer = csv.writer(file, lineterminator="\n")
        if names:
            writer.writerow(names)
        writer.writerows([machine_cell(row.get(name), safe) for name in names] for row in table)
        return file.getvalue()
    head = [with_unit(name) for name in names]
    lines = chain([head], ([tsv_cell(name, row.get(name), safe) for name in names] for row in table))
    return "".join("\t".join(line) + "\n" for line in lines if names)


# Rows on a terminal


def _drawn(table: Rows, names: Sequence[str], *, title: str, is_one: bool, lang: Lang) -> str:
    """A table of rich, which knows how wide 汉字 are. Values go in as Text, never as markup; none is cut off."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    shown_title = Text(visible(said(f"title.{title}", lang, title))) if title else None
    drawn = []
    if is_one or _needed_width(table, names, lang) > console.width:
        # Upright, a few rows side by side: no column is squeezed away.
        for start in range(0, len(table), SIDE_BY_SIDE):
            part = table[start : start + SIDE_BY_SIDE]
            upright = Table(title=shown_title, box=box.SIMPLE_HEAD, show_header=False)
            upright.add_column(overflow="fold", style="bold")
            for _ in part:
                upright.add_column(overflow="fold")
            for name in names:
                cells = [Text(screen_cell(name, row.get(name), lang)) for row in part]
                upright.add_row(Text(heading(name, lang)), *cells)
            drawn.append(upright)
    else:
        flat = Table(title=shown_title, box=box.SIMPLE_HEAD)
        for name in names:
            numbers = _is_of_numbers(name, table)
            flat.add_column(
                Text(heading(name, lang)), justify="right" if numbers else "left", overflow="fold", no_wrap=numbers
            )
        for row in table:
            flat.add_row(*(Text(screen_cell(name, row.get(name), lang)) for name in names))
        drawn.append(flat)
    with console.capture() as capture:
        for each in drawn:
            console.print(each)
    return capture.get()


def _needed_width(table: Rows, names: Sequence[str], lang: Lang) -> int:
    """What a table needs so that numbers stand whole and texts have a readable width."""
    needed = 0
    for name in names:
        cells = [screen_cell(name, row.get(name), lang) for row in table]
        width = max([width_of(heading(name, lang)), *map(width_of, cells)])
        needed += COLUMN_GAP + (width if _is_of_numbers(name, table) else min(width, TEXT_WIDTH_MIN))
    return needed


def _is_of_numbers(name: str, table: Rows) -> bool:
    values = [row.get(name) for row in table]
    return all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values)


# Where it goes


def _write(text: str) -> None:
    """To stdout. A reader who leaves early (`| head`) does not stop the command: it may have more to do than show."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        hush_stdout()


def _hush(stream: Any) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _replace(path: Path, data: bytes) -> None:
    with _replaced(path) as file:
        file.write(data)


@contextmanager
def _replaced(path: Path) -> Iterator[Any]:
    """A file to write: the whole new one or the old one, never half of it; readable by its owner alone."""
    if not path.parent.is_dir():
        raise NotFoundError(f"{path.parent}: no such folder")
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: is no regular file")
    if path.exists() and _is_database(path):
        raise InputError(f"{path}: is a database, perhaps a ledger; name another file")
    path = path.resolve()  # through a link, not over it
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _is_database(path: Path) -> bool:
    """Books are not to be lost to a slip of `-o`."""
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"
