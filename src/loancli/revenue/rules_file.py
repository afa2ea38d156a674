"""`schedules/revenue/<channel>.toml` → the rules that tell business receipts from private money."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from loancli.core.errors import InputError, Problem, input_error
from loancli.core.money import fen_of
from loancli.revenue.rules import AMOUNTS, CHANNELS, CLASSES, CONDITIONS, FLAGS, FORMAT, FORMATS, WORDS, Rule, Rules

_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


def toml_of(text: str, file_name: str) -> dict[str, Any]:
    """What a TOML text holds. Raises InputError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file_name}: not TOML: {error}") from None
    except RecursionError:
        raise InputError(f"{file_name}: not TOML: nested too deeply") from None


def read_rules(text: str, file_name: str) -> Rules:
    """The rules of a file. Raises InputError with every problem: file, rule, key, and what is allowed."""
    data = toml_of(text, file_name)
    problems = list(_file_problems(data))
    if problems:
        raise input_error([Problem(file_name=file_name, row=None, column=at, message=told) for at, told in problems])
    rules = tuple(
        Rule(
            code=rule["code"],
            revenue_class=rule["class"],
            why_zh=rule["why_zh"],
            why_en=rule["why_en"],
            when={
                condition: value if isinstance(value, bool) else tuple([value] if isinstance(value, str) else value)
                for condition, value in rule.get("when", {}).items()
            },
        )
        for rule in data["rule"]
    )
    return Rules(channel=data["channel"], rules=rules)


def _file_problems(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from unknown_keys("", data, ("channel", "rule"))
    if data.get("channel") not in CHANNELS:
        yield "channel", f"must be one of {', '.join(CHANNELS)}"
    rules = data.get("rule")
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, dict) for rule in rules):
        yield "rule", "must be a list of [[rule]] tables, at least one"
        return
    seen: dict[Any, int] = {}
    for number, rule in enumerate(rules, start=1):
        yield from _rule_problems(f"rule {number}: ", rule)
        code = rule.get("code")
        if isinstance(code, str) and seen.setdefault(code, number) != number:
            yield f"rule {number}: code", f"'{code}' is already rule {seen[code]}; every row keeps its rule's code"
    last = rules[-1]
    if last.get("when") or last.get("class") not in ("possible", "excluded"):
        yield (
            f"rule {len(rules)}",
            "the last rule takes what no other knows: it needs class possible or excluded and no conditions",
        )


def _rule_problems(at: str, rule: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from unknown_keys(at, rule, ("code", "class", "why_zh", "why_en", "when"))
    code = rule.get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        yield f"{at}code", "must be a short name of small letters, digits and _, such as qr_receipt"
    if rule.get("class") not in CLASSES:
        yield f"{at}class", f"must be one of {', '.join(CLASSES)}"
    for key in ("why_zh", "why_en"):
        if not isinstance(rule.get(key), str) or not rule[key].strip():
            yield f"{at}{key}", "must be a sentence that tells a borrower why"
    when = rule.get("when", {})
    if not isinstance(when, dict):
        yield f"{at}when", "must be a table of conditions"
        return
    yield from unknown_keys(f"{at}when.", when, CONDITIONS)
    for condition, value in when.items():
        if condition in FLAGS and not isinstance(value, bool):
            yield f"{at}when.{condition}", "must be true or false"
        elif condition in WORDS or condition == FORMAT:
            known = FORMATS if condition == FORMAT else WORDS[condition][2]
            yield from _word_problems(f"{at}when.{condition}", value, known)
        elif condition in AMOUNTS:
            yield from _amount_problems(f"{at}when.{condition}", value, takes_several=AMOUNTS[condition][1])
    needed = {"sure": "in", "possible": "in", "reduction": "out"}.get(str(rule.get("class")))
    if needed and when.get("direction", needed) not in (needed, [needed]):
        yield f"{at}when.direction", f"class {rule['class']} is for direction {needed}; leave the condition out"
    if needed and when.get("money_moved") is False:
        yield f"{at}when.money_moved", "money that did not move is always excluded"


def _word_problems(at: str, value: Any, known: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        yield at, "must be a text or a list of texts, none of them empty"
    elif known:
        for word in words:
            if word not in known:
                yield at, f"'{word}' is not known{near(word, known)}; allowed: {', '.join(known)}"


def _amount_problems(at: str, value: Any, *, takes_several: bool) -> Iterator[tuple[str, str]]:
    amounts = value if takes_several and isinstance(value, list) else [value]
    for amount in amounts or [None]:
        try:
            amount_fen = fen_of(amount) if isinstance(amount, str) else 0
        except InputError as error:
            yield at, str(error)
            return
        if not amount_fen:
            yield at, 'must be an amount of yuan above zero as a text, such as "520.00"' + " or a list" * takes_several
            return


def unknown_keys(at: str, table: dict[str, Any], allowed: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """A problem for each key that nobody reads, with the one that may be meant."""
    for key in table:
        if key not in allowed:
            yield f"{at}{key}", f"is not known{near(key, allowed)}; allowed: {', '.join(allowed)}"


def near(word: str, known: Sequence[str]) -> str:
    """', did you mean …?' where something known looks like the word, else nothing."""
    near = get_close_matches(word, known, n=1)
    return f", did you mean {near[0]}?" if near else ""
