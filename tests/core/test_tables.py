"""TOML becomes values, or an error that names file and key."""

from dataclasses import dataclass
from datetime import date, time
from enum import Enum

import pytest

from loancli.core.errors import InputError
from loancli.core.tables import named, near, parsed, record, records


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    count: int
    colour: Colour = Colour.RED
    at: time = time(8)
    names: tuple[str, ...] = ()
    span: tuple[int, int] = (0, 0)
    is_new: bool = False
    since_on: date = date(2026, 1, 1)


def test_every_kind_of_value_is_read():
    text = 'count = 3\ncolour = "blue"\nat = "21:05"\nnames = ["a", "b"]\nspan = [-3, 0]\nis_new = true'
    text += "\nsince_on = 2023-07-01"
    thing = record(Thing, parsed(text, "f"), "f:thing")
    assert thing == Thing(
        count=3,
        colour=Colour.BLUE,
        at=time(21, 5),
        names=("a", "b"),
        span=(-3, 0),
        is_new=True,
        since_on=date(2023, 7, 1),
    )
    assert record(Thing, {"count": 1}, "f:thing") == Thing(count=1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        pytest.param({}, r"^f:thing\.count: is missing", id="missing"),
        pytest.param({"coun": 1}, r"^f:thing\.coun: there is no such key; did you mean 'count'", id="misspelt"),
        pytest.param(
            {"count": 1, "since_on": "2023-07-01"}, r"^f:thing\.since_on: .* must be a day", id="text is no day"
        ),
        pytest.param({"count": True}, r"^f:thing\.count: 'True' must be a whole number", id="true is no number"),
        pytest.param({"count": 1.0}, r"^f:thing\.count: '1.0' must be a whole number", id="nor is 1.0"),
        pytest.param({"count": 1, "is_new": 1}, r"^f:thing\.is_new: '1' must be true or false", id="nor is 1 true"),
        pytest.param(
            {"count": 1, "colour": "blu"}, r"^f:thing\.colour: 'blu' is not allowed; did you mean 'blue'", id="enum"
        ),
        pytest.param({"count": 1, "at": "24:00"}, r"^f:thing\.at: '24:00' is not a time of day", id="24:00"),
        pytest.param({"count": 1, "at": 8}, r"^f:thing\.at: '8' is not a time of day", id="a number as time"),
        pytest.param({"count": 1, "names": "ab"}, r"^f:thing\.names: must be a list", id="text is no list"),
        pytest.param(
            {"count": 1, "names": [1]}, r"^f:thing\.names: '1' must be text", id="a number in a list of texts"
        ),
        pytest.param({"count": 1, "span": [1]}, r"^f:thing\.span: must have 2 values, not 1", id="too few"),
        pytest.param(3, r"^f:thing: must be a table", id="no table"),
    ],
)
def test_what_does_not_fit_is_named(table, message):
    with pytest.raises(InputError, match=message):
        record(Thing, table, "f:thing")


def test_tables_of_an_array_count_from_one():
    with pytest.raises(InputError, match=r"^f:things\[2\]\.count: is missing"):
        records(Thing, [{"count": 1}, {}], "f:things")
    with pytest.raises(InputError, match=r"must be one or more \[\[things\]\]"):
        records(Thing, None, "f:things")


def test_names_are_unique_and_plain():
    assert list(named(["b", "a"], str, "f")) == ["b", "a"]
    with pytest.raises(InputError, match=r"f\[2\]\.name: 'a' is used twice"):
        named(["a", "a"], str, "f")
    with pytest.raises(InputError, match=r"f\[1\]\.name: 'a:b' must be made of"):
        named(["a:b"], str, "f")


def test_near_words_or_all():
    assert near("amout", ["amount", "name"]) == "did you mean 'amount'?"
    assert near("xyz", ["b", "a"]) == "known: a, b"


def test_what_is_nested_without_end_is_not_toml():
    with pytest.raises(InputError, match="nested too deeply"):
        parsed("x = " + "[" * 5_000, "f")
