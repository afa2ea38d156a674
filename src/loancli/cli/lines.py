"""Millions of lines as CSV or JSON, each written as it comes: as render.show writes them, in a tenth of the time."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from loancli.cli.cells import json_text, visible, without_formula
from loancli.cli.render import opened


class Block(NamedTuple):
    """Lines that share the text of their first cell. The cells after it: whole numbers, and words such as a day."""

    text: str
    cells: Iterator[tuple[int | str, ...]]


def show_csv(columns: Sequence[str], blocks: Iterable[Block], *, output: Path | None) -> None:
    """CSV to stdout or into a file. Words must need no quotes."""
    safe = without_formula if output is not None else visible if sys.stdout.isatty() else str
    with opened(output, mark=True) as file:
        csv.writer(file, lineterminator="\n").writerow(columns)
        for text, lines in blocks:
            first = io.StringIO(newline="")
            csv.writer(first, lineterminator="").writerow([safe(text)])
            line = _literal(first.getvalue()) + ",%s" * (len(columns) - 1) + "\n"  # half the time of a csv.writer
            file.writelines([line % cells for cells in lines])


def show_json(
    summary: Mapping[str, object], columns: Sequence[str], blocks: Iterable[Block], *, output: Path | None
) -> None:
    """An object: the summary, and the lines as `rows`, one on each line. Words come with their quotes."""
    names = "".join(f", {_literal(json_text(name).strip())}: %s" for name in columns[1:])
    with opened(output) as file:
        file.write(json_text(summary).removesuffix("\n}\n") + ',\n  "rows": [')
        between = "\n"
        for text, lines in blocks:
            first = _literal(json_text({columns[0]: text}).strip("{}\n "))
            row = f"    {{{first}{names}}}"
            file.write(between + ",\n".join([row % cells for cells in lines]))
            between = ",\n"
        file.write("\n  ]\n}\n")


def _literal(text: str) -> str:
    """Text that stands for itself in a pattern."""
    return text.replace("%", "%%")
