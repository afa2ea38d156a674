"""Refusals in Chinese. The pure rooms say in English, where they refuse, what is wrong and what to do; a phrase book
(refusals.toml) has the Chinese of the sentences that people meet.

A sentence is known again by what never varies of it. Codes with values in place of sentences would make whoever reads a
rule look its words up elsewhere, and every caller of the library render them.
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from string import Formatter

from loancli.texts import Lang


@cache
def phrases() -> dict[str, str]:
    """English sentence → Chinese, both with {placeholders}: what has the most fixed words comes first."""
    sections = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    found = {english: chinese for section in sections.values() for english, chinese in section.items()}
    return dict(sorted(found.items(), key=lambda pair: -sum(map(len, fixed(pair[0])))))


def fixed(sentence: str) -> list[str]:
    """What never varies of a sentence, piece by piece."""
    return [text for text, *_ in Formatter().parse(sentence)]


def refusal(message: str, lang: Lang) -> str:
    """An error's message in the language of the user, line by line; in English where the phrase book lacks it.

    A place before it (`file.csv:3:due_on: …`) stays, and so does every value, unless it is a sentence of its own.
    """
    if lang == "en":
        return message
    return "\n".join(map(_chinese, message.split("\n")))


def _chinese(line: str) -> str:
    # From the right: what stands before a sentence is its place, not a part of its first value.
    # It may begin with the column of its place: `file.csv:3:periods: 0 is not allowed`.
    starts = [0, *(found.end() for found in re.finditer(": |(?<=[0-9]):(?=[a-z_]+: )", line))]
    for english, chinese in phrases().items():
        if not all(piece in line for piece in fixed(english)):
            continue
        for start in reversed(starts):
            match = _pattern(english).fullmatch(line, start)
            if match is not None:
                values = {name: refusal(value, "zh") for name, value in match.groupdict().items()}
                return line[:start] + chinese.format_map(values)
    return line


@cache
def _pattern(english: str) -> re.Pattern[str]:
    parts = (re.escape(text) + (f"(?P<{name}>.*?)" if name else "") for text, name, *_ in Formatter().parse(english))
    return re.compile("".join(parts), re.DOTALL)
