"""Every sentence a person reads, in two languages. Knows core; only outreach, jobs and cli speak.

A text is found by its key, `section.name`, in zh.toml and en.toml. Keys, JSON names and exit codes never change with
the language. tests/texts/test_texts.py proves that each key has both texts and the same placeholders. What the pure
rooms say in English where they refuse is in refusals.toml: a phrase book, read by refusals.py.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

Lang = Literal["zh", "en"]
LANGS: tuple[Lang, ...] = ("zh", "en")


@cache
def catalogue(lang: Lang) -> dict[str, dict[str, str]]:
    """All texts of a language: section → name → text."""
    sections: dict[str, dict[str, str]] = tomllib.loads(
        (Path(__file__).parent / f"{lang}.toml").read_text(encoding="utf-8")
    )
    return sections


def say(key: str, lang: Lang, **values: object) -> str:
    """The text of `key` with its `{placeholders}` filled. An unknown key or a missing value is a bug: KeyError."""
    section, name = key.split(".", maxsplit=1)
    return catalogue(lang)[section][name].format_map(values)


def said(key: str, lang: Lang, otherwise: str) -> str:
    """The text of a key that may be absent, such as the heading of a column that needs no other name."""
    section, name = key.split(".", maxsplit=1)
    return catalogue(lang).get(section, {}).get(name, otherwise)
