"""TOML → frozen values. What is unknown, missing or of the wrong kind is named by file and key, with near names."""

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, fields
from datetime import date, time
from difflib import get_close_matches
from enum import Enum
from typing import Any, ClassVar, Protocol, TypeVar, get_args, get_origin, get_type_hints

from loancli.core.errors import InputError


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


T = TypeVar("T")
D = TypeVar("D", bound=_Dataclass)
NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_HOUR = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)


def parsed(text: str, file_name: str) -> dict[str, Any]:
    """The file's tables. Raises InputError for what is not TOML, with line and column."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file_name}: not TOML: {error}") from None
    except RecursionError:
        raise InputError(f"{file_name}: not TOML: nested too deeply") from None


def record(cls: type[D], table: object, place: str) -> D:
    """A dataclass from a table. Its annotations say which keys there are; a field with a default may be left out.

    Kinds: int, bool, str, date, time ('08:00'), Enum (by value), tuples of these. Raises InputError, `place` first.
    """
    if not isinstance(table, Mapping):
        raise InputError(f"{place}: must be a table of keys")
    hints = get_type_hints(cls)
    for key in table:
        if key not in hints:
            raise InputError(f"{place}.{key}: there is no such key; {near(key, hints)}")
    for field in fields(cls):
        if field.default is MISSING and field.name not in table:
            raise InputError(f"{place}.{field.name}: is missing")
    return cls(**{key: _value(hints[key], value, f"{place}.{key}") for key, value in table.items()})


def records(cls: type[D], tables: object, place: str) -> tuple[D, ...]:
    """One value per table of an array of tables ([[...]]); places count from 1. There must be at least one."""
    if not isinstance(tables, list) or not tables:
        raise InputError(f"{place}: must be one or more [[{place.rpartition(':')[2]}]] tables")
    return tuple(record(cls, table, f"{place}[{number}]") for number, table in enumerate(tables, start=1))


def named(items: Collection[T], name_of: Callable[[T], str], place: str) -> dict[str, T]:
    """The items by name, in order. Raises InputError for a name that is used twice or is not made of a-z, 0-9 and _."""
    by_name: dict[str, T] = {}
    for number, item in enumerate(items, start=1):
        name = name_of(item)
        if NAME.fullmatch(name) is None:
            raise InputError(f"{place}[{number}].name: '{name}' must be made of a-z, 0-9 and _, a letter first")
        if name in by_name:
            raise InputError(f"{place}[{number}].name: '{name}' is used twice")
        by_name[name] = item
    return by_name


def near(word: str, known: Collection[str]) -> str:
    """What the writer may have meant: the nearest known words, or all of them."""
    close = get_close_matches(word, known)
    if close:
        return "did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    return "known: " + ", ".join(sorted(known))


def _value(hint: Any, value: object, place: str) -> Any:
    if get_origin(hint) is tuple:
        return _tuple(get_args(hint), value, place)
    if isinstance(hint, type) and issubclass(hint, Enum):
        allowed = {str(member.value): member for member in hint}
        if value not in allowed:
            raise InputError(f"{place}: '{value}' is not allowed; {near(str(value), allowed)}")
        return allowed[str(value)]
    if hint is time:
        match = _HOUR.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise InputError(f"{place}: '{value}' is not a time of day; write it as \"08:00\"")
        return time(int(match[1]), int(match[2]))
    if type(value) is not hint:  # exactly: a TOML true is no number
        words = {int: "a whole number", bool: "true or false", str: 'text in "quotes"', date: "a day, as 2026-11-23"}
        raise InputError(f"{place}: '{value}' must be {words[hint]}")
    return value


def _tuple(parts: tuple[Any, ...], value: object, place: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise InputError(f"{place}: must be a list, such as [ … ]")
    hints = [parts[0]] * len(value) if parts[-1] is Ellipsis else list(parts)
    if len(hints) != len(value):
        raise InputError(f"{place}: must have {len(hints)} values, not {len(value)}")
    return tuple(_value(hint, item, place) for hint, item in zip(hints, value, strict=True))
