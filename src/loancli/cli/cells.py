"""One value as text: for a person's screen, for a spreadsheet, in JSON; and nothing of it may do harm there.

The unit in a column's name decides how it is shown: `_fen` as yuan, `_ppm` as percent.
"""

import dataclasses
import json
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from enum import Enum
from functools import lru_cache
from typing import Any, TypeGuard

from loancli.core.money import yuan
from loancli.core.rates import percent
from loancli.texts import Lang, said, say

# Columns of codes, each with a section of the catalogue.
_SPOKEN = {
    "asset_class",
    "class_why",
    "data",
    "day_count",
    "kind",
    "outcome",
    "part",
    "stage",
    "state",
    "status",
    "what",
    "within_ceiling",
    "worse",
}
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, bidi and zero-width marks, lone surrogates, line separators
_BARE = {type(None), bool, int, float, str}  # what JSON says as it is
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # what a spreadsheet takes for the start of a formula


def visible(text: str) -> str:
    r"""Text of strangers that cannot move the cursor, turn the line round or hide: ESC shows as \u001b."""
    if text.isprintable():
        return text
    return "".join(_escaped(char) if unicodedata.category(char) in _INVISIBLE else char for char in text)


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"


def without_formula(text: str) -> str:
    """Text that a spreadsheet would run as a formula, marked as text (RELIABILITY §7, CWE-1236)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def heading(name: str, lang: Lang) -> str:
    """A column's name for people: without its unit, in the user's language where the catalogue has it."""
    bare = name.removesuffix("_fen").removesuffix("_ppm")
    return said(f"column.{name}", lang, bare.replace("_", " "))


def in_words(row: Mapping[str, Any], lang: Lang) -> dict[str, Any]:
    """The row with codes as words, for people."""
    told = dict(row)
    for name in _spoken(tuple(row)):
        if isinstance(code := plain(row[name]), str):
            section = name.removeprefix("example_")
            told[name] = " ".join([said(f"{section}.{each}", lang, each) for each in code.split(" ")])
    return told


@lru_cache(maxsize=64)  # the rows of a table have the same columns
def _spoken(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name.removeprefix("example_") in _SPOKEN)


def plain(value: object) -> Any:
    """`value` in the words of JSON: days in ISO, enums by value, nested rows as objects, exact fractions as text."""
    if type(value) in _BARE:
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, date):  # an instant as well
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(plain(name)): plain(part) for name, part in value.items()}
    if dataclasses.is_dataclass(value):
        return plain(as_mapping(value))
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value))
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return str(value)


def as_mapping(row: object) -> Mapping[str, object]:
    """A row that is a mapping or a dataclass, by the names of its columns."""
    if isinstance(row, Mapping):
        return row
    assert dataclasses.is_dataclass(row)
    return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}


def json_text(rows: object) -> str:
    """JSON that also a person can read, and that hides nothing."""
    text = json.dumps(plain(rows), ensure_ascii=False, indent=2)
    # Inside its quotes JSON can name any character by its code, so what is hidden is shown and nothing is lost.
    shown = (char if char == "\n" or char.isprintable() else _json_char(char) for char in text)
    return (text if text.isprintable() else "".join(shown)) + "\n"


def _json_char(char: str) -> str:
    return json.dumps(char)[1:-1] if unicodedata.category(char) in _INVISIBLE else char


def machine_cell(value: object, safe: Callable[[str], str]) -> str:
    """A value in CSV: numbers bare, `safe` applied to texts, anything nested as JSON."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def with_unit(name: str) -> str:
    """The column's name in a tab-separated table, which shows yuan and percent."""
    if name.endswith("_fen"):
        return name.removesuffix("_fen") + "_yuan"
    return name.removesuffix("_ppm") + "_percent" if name.endswith("_ppm") else name


def tsv_cell(name: str, value: object, safe: Callable[[str], str]) -> str:
    """A value in a tab-separated table."""
    if isinstance(value, int):
        if name.endswith("_fen"):
            return yuan(value).replace(",", "")
        if name.endswith("_ppm"):
            return percent(value).removesuffix("%")
    return visible(machine_cell(value, safe))


def _has_unit(value: object, name: str, unit: str) -> TypeGuard[int]:
    return name.endswith(unit) and isinstance(value, int)


def screen_cell(name: str, value: object, lang: Lang) -> str:
    """A value in a table drawn on a terminal."""
    if _has_unit(value, name, "_fen"):
        return yuan(value)
    if _has_unit(value, name, "_ppm"):
        return percent(value)
    if isinstance(value, bool):
        return say("render.yes" if value else "render.no", lang)
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(screen_cell(name, part, lang) for part in value)
    return visible(machine_cell(value, str))


def width_of(text: str) -> int:
    """Columns on a terminal: 汉字 take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def padded(text: str, width: int) -> str:
    """The text, filled up to so many columns on a terminal."""
    return text + " " * (width - width_of(text))
