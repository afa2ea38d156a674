"""Each key has a text in both languages with the same placeholders, and the code asks only for keys that exist."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

from loancli.cli.exit import _USAGE as USAGE
from loancli.core.event import EventKind
from loancli.core.rates import DayCount
from loancli.plan.product import Kind
from loancli.texts import LANGS, catalogue, said, say

SOURCE = Path(__file__).resolve().parents[2] / "src" / "loancli"
CHINESE_ONLY = {"column", "help", "title", "typer"}  # their English is in the code


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def keys(lang: str) -> dict[str, str]:
    return {
        f"{section}.{name}": text
        for section, texts in catalogue(lang).items()
        if section not in CHINESE_ONLY
        for name, text in texts.items()
    }


def named_in_code() -> set[str]:
    """The keys in calls of `say` and `talk`, in what is assigned to a `key`, and in the table of wrong usage.

    Of a key that is put together while the program runs (`f"why.{reason}"`) only the section can be seen.
    """
    found = set(USAGE)
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="say" | "talk") | ast.Attribute(attr="say" | "talk"), args=args):
                    places = args[:2]
                case ast.Assign(targets=[ast.Name(id="key")], value=value):
                    places = [value]
                case _:
                    continue
            found |= {part.value for place in places for part in ast.walk(place) if isinstance(part, ast.Constant)}
    return {key for key in found if isinstance(key, str) and re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", key)}


def test_both_languages_have_the_same_keys():
    assert keys("zh").keys() == keys("en").keys()
    assert not CHINESE_ONLY & catalogue("en").keys()


@pytest.mark.parametrize("key", sorted(keys("en")))
def test_both_texts_of_a_key_have_the_same_placeholders(key):
    assert placeholders(keys("zh")[key]) == placeholders(keys("en")[key])


def test_every_key_that_the_code_names_exists():
    assert {"exit.interrupted", "usage.no_option"} <= named_in_code()  # else the search itself is broken
    assert named_in_code() <= keys("en").keys()


def test_no_text_is_empty():
    assert [text for lang in LANGS for texts in catalogue(lang).values() for text in texts.values() if not text] == []


def test_a_text_is_said_in_the_language_with_its_values():
    assert say("usage.missing", "en", name="--ledger") == "--ledger is missing"
    assert say("usage.missing", "zh", name="--ledger") == "缺少 --ledger"


def test_a_missing_value_or_key_is_a_bug():
    with pytest.raises(KeyError):
        say("usage.missing", "en")
    with pytest.raises(KeyError):
        say("usage.nothing", "en")


def test_an_optional_text_falls_back():
    assert said("column.due_on", "zh", "due on") == "应还日"
    assert said("column.due_on", "en", "due on") == "due on"
    assert said("column.unheard_of", "zh", "unheard of") == "unheard of"


def test_every_event_has_a_chinese_word():
    assert {kind.value for kind in EventKind} <= catalogue("zh")["what"].keys()


@pytest.mark.parametrize("lang", LANGS)
def test_every_kind_and_day_count_has_a_word(lang):
    kinds, day_counts = catalogue(lang)["kind"], catalogue(lang)["day_count"]
    assert kinds.keys() == {kind.value for kind in Kind}
    assert day_counts.keys() == {each.value for each in DayCount}
