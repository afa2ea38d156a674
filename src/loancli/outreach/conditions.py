"""One condition of a segment: an SQL WHERE over the features, read before SQLite sees it.

Two walls. The first is here: only words, numbers and signs that a comparison needs, so that what is misspelt or unsafe
is named with its position. The second, in segments.py, is SQLite's own: authorizer, limits and a step budget. The first
exists because the second cannot know that "dqd" > 7 (double quotes) or bucket > 7 (text against a number) is true for
every borrower; the second because a list of allowed words is only as good as its author.
"""

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, NoReturn

from loancli.core.errors import InputError
from loancli.core.tables import near
from loancli.outreach.features import FEATURES

FUNCTIONS = frozenset({"abs", "min", "max", "coalesce", "nullif"})
LENGTH_MAX = 2_000
DEPTH_MAX = 20
_KEYWORDS = frozenset({"and", "or", "not", "in", "between", "is", "null"})
_COMPARISONS = frozenset({"=", "==", "<>", "!=", "<", "<=", ">", ">="})
_TYPES = {feature.name: feature.sql_type for feature in FEATURES}
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>[0-9]{1,15}(?![0-9A-Za-z_.]))"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'[^'\x00]*')"
    r"|(?P<sign><=|>=|<>|!=|==|=|<|>|\+|-(?!-)|\*|/(?!\*)|%|\(|\)|,)",
    re.ASCII,
)
_HINTS = {
    '"': "SQL reads a misspelt name in double quotes as text; write names bare and text in 'single quotes'",
    "`": "write names bare",
    "[": "write names bare",
    ";": "one condition, nothing after it",
    "-": "no comments inside a condition",
    "/": "no comments inside a condition",
    "'": "a text in 'quotes' does not end",
    ".": "write parts as whole numbers: fen, or ppm (0.5 = 500000)",
}


class Token(NamedTuple):
    kind: Literal["number", "word", "text", "sign", "end"]
    text: str  # words in lower case
    position: int  # of its first character, from 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition that passed: its SQL and the features it looks at, in order of appearance."""

    sql: str
    features: tuple[str, ...]


def read_condition(text: str, where: str) -> Condition:
    """The condition, or InputError naming `where` and the character position."""
    if len(text) > LENGTH_MAX:
        _refuse(where, LENGTH_MAX + 1, f"the condition is longer than {LENGTH_MAX} characters")
    tokens = _tokens(text, where)
    if len(tokens) == 1:
        _refuse(where, 1, "the condition is empty; for everyone write all = true instead of when")
    _check_words(tokens, where)
    _check_brackets_and_chains(tokens, where)
    _check_texts(tokens, where)
    used = tuple(dict.fromkeys(token.text for token in tokens if token.kind == "word" and token.text in _TYPES))
    if not used:
        _refuse(where, 1, "the condition uses no feature: it takes all or none; for everyone write all = true")
    return Condition(sql=text, features=used)


def _tokens(text: str, where: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            _refuse(where, at + 1, _unreadable(text, at))
        if match.lastgroup == "word":
            tokens.append(Token("word", match[0].lower(), at + 1))
        elif match.lastgroup != "space":
            tokens.append(Token(match.lastgroup, match[0], at + 1))  # type: ignore[arg-type]  # the groups' names
        at = match.end()
    tokens.append(Token("end", "", len(text) + 1))
    return tokens


def _unreadable(text: str, at: int) -> str:
    sign = text[at]
    shown = sign if sign.isprintable() else f"\\u{ord(sign):04x}"
    number = re.match(r"[0-9]+(.?)", text[at:], re.ASCII)
    if number is not None:
        return f"'{text[at : at + 20]}' is not a whole number of at most 15 digits; {_HINTS['.']}"
    if sign == '"':
        name = text[at + 1 :].partition('"')[0][:40]
        known = name.lower() in _TYPES
        return f'"{name}": {_HINTS[sign]}' + ("" if known else f"; {near(name.lower(), _TYPES)}")
    if not sign.isascii():
        return f"'{shown}' is not an ASCII sign; type it in half width"
    return f"'{shown}' is not allowed here" + (f": {_HINTS[sign]}" if sign in _HINTS else "")


def _check_words(tokens: list[Token], where: str) -> None:
    for number, token in enumerate(tokens):
        if token.kind != "word" or token.text in _TYPES:
            continue
        before = [earlier.text for earlier in tokens[max(0, number - 2) : number]]
        if token.text == "null":
            if before[-1:] != ["is"] and before != ["is", "not"]:
                _refuse(where, token.position, "nothing equals NULL; write 'is null' or 'is not null'")
        elif token.text in FUNCTIONS:
            if tokens[number + 1].text != "(":
                _refuse(where, token.position, f"'{token.text}' is a function: write {token.text}(…)")
        elif token.text not in _KEYWORDS:
            known = [*_TYPES, *FUNCTIONS, *_KEYWORDS]
            _refuse(where, token.position, f"unknown feature '{token.text[:40]}'; {near(token.text, known)}")


def _check_brackets_and_chains(tokens: list[Token], where: str) -> None:
    """Every bracket has its pair, and no comparison compares the outcome of another: 5 < x < 30 is true for every x."""
    compared = [False]  # per depth: a comparison since the last and, or, not or comma
    for token in tokens:
        if token.text == "(":
            compared.append(False)
            if len(compared) > DEPTH_MAX:
                _refuse(where, token.position, f"more than {DEPTH_MAX - 1} brackets deep")
        elif token.text == ")":
            compared.pop()
            if not compared:
                _refuse(where, token.position, "')' without its '('")
        elif token.text in {"and", "or", "not", ","}:
            compared[-1] = False
        elif token.text in _COMPARISONS:
            if compared[-1]:
                _refuse(
                    where, token.position, "two comparisons in a row; write 'x between 5 and 30' or 'x > 5 and x < 30'"
                )
            compared[-1] = True
    if len(compared) > 1:
        _refuse(where, tokens[-1].position, "a '(' has no ')'")


def _check_texts(tokens: list[Token], where: str) -> None:
    """A text feature meets only texts, a text only a text feature: SQLite holds any text greater than any number."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind == "text":
            message = (
                f"{token.text[:40]} is text; compare it as <text feature> = 'M1' ({_text_features()}), numbers bare"
            )
            _refuse(where, token.position, message)
        if token.kind == "word" and _TYPES.get(token.text) == "TEXT":
            at = _after_text_comparison(tokens, at, where)
        else:
            at += 1


def _after_text_comparison(tokens: list[Token], at: int, where: str) -> int:
    """The place after `feature = 'x'` or `feature [not] in ('x', …)`."""
    shape = "".join(_letter(token) for token in tokens[at + 1 :])
    match = re.match(r"ct|n?i\(t(?:,t)*\)", shape)
    if match is None:
        name = tokens[at].text
        message = f"{name} is text: write {name} = 'M1' or {name} in ('M1', 'M2')"
        _refuse(where, tokens[at].position, message)
    return at + 1 + match.end()


def _letter(token: Token) -> str:
    """A letter for what a text comparison is made of; '?' for the rest."""
    if token.text in {"(", ")", ","}:
        return token.text
    if token.kind == "text":
        return "t"
    if token.text in _COMPARISONS:
        return "c"
    return {"not": "n", "in": "i"}.get(token.text, "?")


def _text_features() -> str:
    return ", ".join(name for name, sql_type in _TYPES.items() if sql_type == "TEXT")


def _refuse(where: str, position: int, message: str) -> NoReturn:
    raise InputError(f"{where}: position {position}: {message}")
