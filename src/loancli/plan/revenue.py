"""Which money that came in is business revenue, by rules that are data (`schedules/revenue/*.toml`); the first decides.

No column of a statement says "business", so the answer has three grades: sure, possible, excluded. A reduction is money
that left again out of revenue: a refund paid to a customer, the platform's fee. Every row keeps the code of its rule.
"""

import re
import tomllib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any, Literal

from loancli.core.errors import InputError, Problem, input_error
from loancli.core.statement import StatementRow

RevenueClass = Literal["sure", "possible", "excluded", "reduction"]
CLASSES: tuple[RevenueClass, ...] = ("sure", "possible", "excluded", "reduction")
NOT_INCOME: tuple[RevenueClass, str] = ("excluded", "not_income")

_CHANNELS = ("alipay", "wechat")
_DIRECTIONS = ("in", "out", "neutral")
_STATUS_CLASSES = ("settled", "pending", "refunded", "part_refunded", "closed", "failed")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_MASKED = re.compile(r"\*{1,4}[^*]{1,2}")  # '**智': how Alipay shows a person who is no friend
_REMEMBERED_MAX = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose statement it is: all names and accounts the borrower pays and is paid under."""

    names: frozenset[str]


# One condition: the row's text (or texts) and the owner → does it hold?
_Test = Callable[[Any, Owner], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. It holds where every condition holds; `when`: condition → its values as written."""

    code: str
    revenue_class: RevenueClass
    why_zh: str
    why_en: str
    when: Mapping[str, tuple[str, ...] | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules for the statements of one channel, in their order."""

    channel: str
    rules: tuple[Rule, ...]

    def why(self, code: str, lang: str) -> str:
        """The sentence for a rule's code; the code itself for one that no rule has (any more)."""
        for rule in self.rules:
            if rule.code == code:
                return rule.why_zh if lang == "zh" else rule.why_en
        return code


def _word(words: tuple[str, ...]) -> _Test:
    allowed = frozenset(words)
    return lambda text, _: text in allowed


def _prefix(words: tuple[str, ...]) -> _Test:
    return lambda text, _: text.startswith(words)


def _suffix(words: tuple[str, ...]) -> _Test:
    return lambda text, _: text.endswith(words)


def _contains(words: tuple[str, ...]) -> _Test:
    return lambda text, _: any(word in text for word in words)


def _is_owner(texts: tuple[str, str], owner: Owner) -> bool:
    return any(text in owner.names for text in texts if text)


# Condition → (the field it looks at, how its words make a test, the words it knows; empty: any).
_WORDS: dict[str, tuple[str, Callable[[tuple[str, ...]], _Test], tuple[str, ...]]] = {
    "direction": ("direction", _word, _DIRECTIONS),
    "status_class": ("status_class", _word, _STATUS_CLASSES),
    "status": ("status", _word, ()),
    "kind": ("kind", _word, ()),
    "kind_prefix": ("kind", _prefix, ()),
    "kind_suffix": ("kind", _suffix, ()),
    "kind_contains": ("kind", _contains, ()),
    "item": ("item", _word, ()),
    "item_prefix": ("item", _prefix, ()),
    "item_contains": ("item", _contains, ()),
    "counterparty_contains": ("counterparty", _contains, ()),
    "method_contains": ("method", _contains, ()),
    "note_contains": ("note", _contains, ()),
}
# Condition that is true or false → (the field, the test for true).
_FLAGS: dict[str, tuple[str, _Test]] = {
    "money_moved": ("money_moved", lambda moved, _: bool(moved)),
    "counterparty_is_owner": ("parties", _is_owner),
    "counterparty_is_masked": ("counterparty", lambda text, _: _MASKED.fullmatch(text) is not None),
}
_CONDITIONS = (*_WORDS, *_FLAGS)


def _parties(row: StatementRow) -> tuple[str, str]:
    return row.counterparty, row.counterparty_account


def _tests(rule: Rule) -> dict[str, list[_Test]]:
    """What the rule asks of each field, and what its class asks: revenue moved in, a reduction moved out."""
    when = dict(rule.when)
    if rule.revenue_class != "excluded":
        when["direction"] = ("out",) if rule.revenue_class == "reduction" else ("in",)
        when["money_moved"] = True
    tests: dict[str, list[_Test]] = {}
    for condition, value in when.items():
        if isinstance(value, bool):
            name, asked = _FLAGS[condition]
            tests.setdefault(name, []).append(asked if value else _negated(asked))
        else:
            name, made, _ = _WORDS[condition]
            tests.setdefault(name, []).append(made(value))
    return tests


def _negated(test: _Test) -> _Test:
    return lambda value, owner: not test(value, owner)


class Classifier:
    """Rules made ready for one borrower's many rows.

    Each text a rule looks at becomes a number whose bit N says "rule N may hold"; the lowest bit left in all of them is
    the first rule that holds. Shops' texts recur, so the numbers are remembered.
    """

    def __init__(self, rules: Rules, owner: Owner) -> None:
        self.channel = rules.channel
        self._owner = owner
        self._answers = tuple((rule.revenue_class, rule.code) for rule in rules.rules)
        self._all = (1 << len(rules.rules)) - 1
        tests = [_tests(rule) for rule in rules.rules]
        names = {name: None for asked in tests for name in asked}  # in the order of their first use
        self._fields: list[tuple[int, dict[Hashable, int], list[tuple[int, list[_Test]]]]] = []
        self._parties: tuple[dict[Hashable, int], list[tuple[int, list[_Test]]]] | None = None
        for name in names:
            asked_by = [(1 << number, asked[name]) for number, asked in enumerate(tests) if name in asked]
            if name == "parties":
                self._parties = {}, asked_by
            else:
                self._fields.append((StatementRow._fields.index(name), {}, asked_by))

    def classify(self, row: StatementRow) -> tuple[RevenueClass, str]:
        """(class, code of the rule). What came in and no rule knows is the last rule's, which asks nothing."""
        left = self._all
        for index, known, asked_by in self._fields:
            text = row[index]
            mask = known.get(text)
            left &= self._mask(text, known, asked_by) if mask is None else mask
        if self._parties is not None:
            known, asked_by = self._parties
            parties = _parties(row)
            mask = known.get(parties)
            left &= self._mask(parties, known, asked_by) if mask is None else mask
        if not left:
            return NOT_INCOME
        return self._answers[(left & -left).bit_length() - 1]

    def _mask(self, value: Any, known: dict[Hashable, int], asked_by: list[tuple[int, list[_Test]]]) -> int:
        mask = self._all
        for bit, tests in asked_by:
            if not all(test(value, self._owner) for test in tests):
                mask &= ~bit
        if len(known) >= _REMEMBERED_MAX:
            known.clear()
        known[value] = mask
        return mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Revenue in its grades, in fen. Never show one number without the share that is only possible."""

    sure_fen: int = 0
    possible_fen: int = 0
    excluded_fen: int = 0  # came in, and is no revenue
    reduction_fen: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            sure_fen=self.sure_fen + other.sure_fen,
            possible_fen=self.possible_fen + other.possible_fen,
            excluded_fen=self.excluded_fen + other.excluded_fen,
            reduction_fen=self.reduction_fen + other.reduction_fen,
        )

    def net_fen(self, counts: Sequence[str] = ("sure",)) -> int:
        """The revenue a plan counts (`RevenueShare.counts`) less reductions; below zero where more went back."""
        assert set(counts) <= {"sure", "possible"}, counts
        counted = self.sure_fen * ("sure" in counts) + self.possible_fen * ("possible" in counts)
        return counted - self.reduction_fen


def by_day(classified: Iterable[tuple[StatementRow, RevenueClass]]) -> dict[date, Sums]:
    """The sums of each day that has any, in order. Of the excluded rows only those whose direction is in count."""
    fen: dict[str, dict[str, int]] = {}
    for row, revenue_class in classified:
        if revenue_class != "excluded" or row.direction == "in":
            day = fen.setdefault(row.occurred_at[:10], dict.fromkeys(CLASSES, 0))
            day[revenue_class] += row.amount_fen
    return {
        date.fromisoformat(day): Sums(**{f"{revenue_class}_fen": day_fen[revenue_class] for revenue_class in CLASSES})
        for day, day_fen in sorted(fen.items())
    }


def sums(days: Mapping[date, Sums], from_on: date = date.min, to_on: date = date.max) -> Sums:
    """All days of a window, both ends included."""
    return sum((day_sums for day, day_sums in days.items() if from_on <= day <= to_on), start=Sums())


def read_rules(text: str, file_name: str) -> Rules:
    """The rules of a file. Raises InputError with every problem: file, rule, key, and what is allowed."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file_name}: not TOML: {error}") from None
    except RecursionError:
        raise InputError(f"{file_name}: not TOML: nested too deeply") from None
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
    yield from _unknown_keys("", data, ("channel", "rule"))
    if data.get("channel") not in _CHANNELS:
        yield "channel", f"must be one of {', '.join(_CHANNELS)}"
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
    yield from _unknown_keys(at, rule, ("code", "class", "why_zh", "why_en", "when"))
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
    yield from _unknown_keys(f"{at}when.", when, _CONDITIONS)
    for condition, value in when.items():
        if condition in _FLAGS and not isinstance(value, bool):
            yield f"{at}when.{condition}", "must be true or false"
        elif condition in _WORDS:
            yield from _word_problems(f"{at}when.{condition}", value, _WORDS[condition][2])
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
                yield at, f"'{word}' is not known{_near(word, known)}; allowed: {', '.join(known)}"


def _unknown_keys(at: str, table: dict[str, Any], allowed: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key in table:
        if key not in allowed:
            yield f"{at}{key}", f"is not known{_near(key, allowed)}; allowed: {', '.join(allowed)}"


def _near(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f", did you mean {near[0]}?" if near else ""
