"""Which money that came in is business revenue, by rules that are data (`schedules/revenue/*.toml`); the first decides.

No column of a statement says "business", so the answer has three grades: sure, possible, excluded. A reduction is money
that left again out of revenue: a refund paid to a customer, the platform's fee. Every row keeps the code of its rule.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from loancli.core.money import fen_of, whole_fen
from loancli.core.statement import StatementRow

RevenueClass = Literal["sure", "possible", "excluded", "reduction"]
CLASSES: tuple[RevenueClass, ...] = ("sure", "possible", "excluded", "reduction")
NOT_INCOME: tuple[RevenueClass, str] = ("excluded", "not_income")

CHANNELS = ("alipay", "wechat")
FORMATS = (
    "alipay_web",
    "alipay_app_v1",
    "alipay_app_v2",
    "alipay_trade_detail",
    "alipay_fund_detail",
    "wechat_csv",
    "wechat_xlsx",
    "wechat_trade_bill",
    "wechat_fund_bill",
)
_DIRECTIONS = ("in", "out", "neutral")
_STATUS_CLASSES = ("settled", "pending", "refunded", "part_refunded", "closed", "failed")
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


def _at_least(amounts: tuple[str, ...]) -> _Test:
    least_fen = fen_of(amounts[0])
    return lambda amount_fen, _: amount_fen >= least_fen


def _at_most(amounts: tuple[str, ...]) -> _Test:
    most_fen = fen_of(amounts[0])
    return lambda amount_fen, _: amount_fen <= most_fen


def _one_of(amounts: tuple[str, ...]) -> _Test:
    allowed_fen = frozenset(map(fen_of, amounts))
    return lambda amount_fen, _: amount_fen in allowed_fen


def _multiple_of(amounts: tuple[str, ...]) -> _Test:
    unit_fen = fen_of(amounts[0])
    return lambda amount_fen, _: amount_fen % unit_fen == 0


# Condition → (the field it looks at, how its words make a test, the words it knows; empty: any).
WORDS: dict[str, tuple[str, Callable[[tuple[str, ...]], _Test], tuple[str, ...]]] = {
    "direction": ("direction", _word, _DIRECTIONS),
    "status_class": ("status_class", _word, _STATUS_CLASSES),
    "status": ("status", _word, ()),
    "kind": ("kind", _word, ()),
    "kind_prefix": ("kind", _prefix, ()),
    "kind_suffix": ("kind", _suffix, ()),
    "kind_contains": ("kind", _contains, ()),
    "item": ("item", _word, ()),
    "item_prefix": ("item", _prefix, ()),
    "item_suffix": ("item", _suffix, ()),
    "item_contains": ("item", _contains, ()),
    "counterparty": ("counterparty", _word, ()),
    "counterparty_contains": ("counterparty", _contains, ()),
    "method_contains": ("method", _contains, ()),
    "note_contains": ("note", _contains, ()),
}
# Condition on the amount, in yuan → (how its values make a test, whether it takes several).
AMOUNTS: dict[str, tuple[Callable[[tuple[str, ...]], _Test], bool]] = {
    "amount_min": (_at_least, False),
    "amount_max": (_at_most, False),
    "amount_in": (_one_of, True),
    "amount_multiple_of": (_multiple_of, False),
}
# Condition that is true or false → (the field, the test for true).
FLAGS: dict[str, tuple[str, _Test]] = {
    "money_moved": ("money_moved", lambda moved, _: bool(moved)),
    "counterparty_is_owner": ("parties", _is_owner),
    "counterparty_is_masked": ("counterparty", lambda text, _: _MASKED.fullmatch(text) is not None),
}
FORMAT = "format"  # of the file, which is known before its rows
CONDITIONS = (FORMAT, *WORDS, *AMOUNTS, *FLAGS)


_PARTIES = "parties"  # what the condition about the owner looks at: name and account
# Texts that hardly recur, or that few rules ask for.
_RARE = frozenset({"counterparty", "counterparty_account", _PARTIES, "amount_fen"})
_RECURRING = ("direction", "money_moved", "kind", "item", "method", "status", "status_class", "note")


class _Field(NamedTuple):
    """A field that rules ask about: how a row tells it, the bits of those rules, what was seen, and their tests."""

    value_of: Callable[[StatementRow], Any]
    bits: int
    known: dict[Hashable, int]
    asked_by: list[tuple[int, list[_Test]]]


def _value_of(name: str) -> Callable[[StatementRow], Any]:
    names = ("counterparty", "counterparty_account") if name == _PARTIES else (name,)
    return itemgetter(*(StatementRow._fields.index(each) for each in names))


def _tests(rule: Rule) -> dict[str, list[_Test]]:
    """What the rule asks of each field, and what its class asks: revenue moved in, a reduction moved out."""
    when = dict(rule.when)
    if rule.revenue_class != "excluded":
        when["direction"] = ("out",) if rule.revenue_class == "reduction" else ("in",)
        when["money_moved"] = True
    tests: dict[str, list[_Test]] = {}
    for condition, value in when.items():
        if isinstance(value, bool):
            name, asked = FLAGS[condition]
            tests.setdefault(name, []).append(asked if value else _negated(asked))
        elif condition in AMOUNTS:
            tests.setdefault("amount_fen", []).append(AMOUNTS[condition][0](value))
        elif condition != FORMAT:
            name, made, _ = WORDS[condition]
            tests.setdefault(name, []).append(made(value))
    return tests


def _is_for(rule: Rule, file_format: str) -> bool:
    formats = rule.when.get(FORMAT)
    return formats is None or (not isinstance(formats, bool) and file_format in formats)


def _negated(test: _Test) -> _Test:
    return lambda value, owner: not test(value, owner)


class Classifier:
    """Rules made ready for the many rows of one borrower's file; `file_format` decides which rules are for it.

    Each text a rule looks at becomes a number whose bit N says "rule N may hold"; the lowest bit left in all of them is
    the first rule that holds. Shops' texts recur, so the numbers are remembered: one for the words of the platform
    together, one for each text that hardly recurs, which is looked at only where it may still decide.
    """

    def __init__(self, rules: Rules, owner: Owner, file_format: str = "") -> None:
        self.channel = rules.channel
        self._owner = owner
        self._answers = tuple((rule.revenue_class, rule.code) for rule in rules.rules)
        self._all = sum(1 << number for number, rule in enumerate(rules.rules) if _is_for(rule, file_format))
        tests = [_tests(rule) for rule in rules.rules]
        self._words: list[_Field] = []
        self._rare: list[_Field] = []
        for name in {name: None for asked in tests for name in asked}:  # in the order of their first use
            asked_by = [
                (1 << number, asked[name])
                for number, asked in enumerate(tests)
                if name in asked and self._all >> number & 1
            ]
            if asked_by:
                found = _Field(_value_of(name), sum(bit for bit, _ in asked_by), {}, asked_by)
                (self._rare if name in _RARE else self._words).append(found)
        indices = [StatementRow._fields.index(name) for name in _RECURRING]
        self._pick = itemgetter(*indices)
        self._known: dict[Hashable, int] = {}
        # What the rules that ask about rare texts look at, by their bits.
        self._asked_by = {
            1 << number: [found for found in self._rare if found.bits >> number & 1] for number in range(len(tests))
        }
        self._open = sum(bit for bit, asked in self._asked_by.items() if asked)

    def classify(self, row: StatementRow) -> tuple[RevenueClass, str]:
        """(class, code of the rule). What came in and no rule knows is the last rule's, which asks nothing."""
        words = self._pick(row)
        left = self._known.get(words)
        if left is None:
            left = self._remembered(words, row)
        first = left & -left
        while first & self._open:
            for value_of, _, known, asked_by in self._asked_by[first]:
                value = value_of(row)
                mask = known.get(value)
                left &= self._mask(value, known, asked_by) if mask is None else mask
            if left & first:
                break
            first = left & -left
        return self._answers[first.bit_length() - 1] if first else NOT_INCOME

    def _remembered(self, words: Hashable, row: StatementRow) -> int:
        left = self._all
        for value_of, _, known, asked_by in self._words:
            value = value_of(row)
            mask = known.get(value)
            left &= self._mask(value, known, asked_by) if mask is None else mask
        if len(self._known) >= _REMEMBERED_MAX:
            self._known.clear()
        self._known[words] = left
        return left

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
    """Revenue in its grades, in fen. Never show one number without the share that is only possible.

    What the platform kept of the rows of a class is in 1/1000 fen: bills tell it in parts of a fen.
    """

    sure_fen: int = 0
    possible_fen: int = 0
    excluded_fen: int = 0  # came in, and is no revenue
    reduction_fen: int = 0
    sure_fee_milli_fen: int = 0
    possible_fee_milli_fen: int = 0
    reduction_fee_milli_fen: int = 0  # below zero: fees given back with refunds

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    def fee_fen(self, counts: Sequence[str] = ("sure",)) -> int:
        """The fees of what a plan counts and of reductions, rounded once."""
        milli_fen = self.reduction_fee_milli_fen + self.sure_fee_milli_fen * ("sure" in counts)
        return whole_fen(milli_fen + self.possible_fee_milli_fen * ("possible" in counts))

    def net_fen(self, counts: Sequence[str] = ("sure",)) -> int:
        """What a plan counts (`RevenueShare.counts`) less reductions and fees; below zero where more went back."""
        assert set(counts) <= {"sure", "possible"}, counts
        counted = self.sure_fen * ("sure" in counts) + self.possible_fen * ("possible" in counts)
        return counted - self.reduction_fen - self.fee_fen(counts)


def fee_milli_fen(revenue_class: str, row_fee_milli_fen: int) -> int:
    """What a row's fee takes from revenue. One that is itself a fee, taken or given back, counts by its amount."""
    if revenue_class == "excluded" or (revenue_class == "reduction") == (row_fee_milli_fen > 0):
        return 0
    return row_fee_milli_fen


def by_day(classified: Iterable[tuple[StatementRow, RevenueClass]]) -> dict[date, Sums]:
    """The sums of each day that has any, in order. Of the excluded rows only those whose direction is in count."""
    days: dict[str, dict[str, int]] = {}
    for row, revenue_class in classified:
        if revenue_class != "excluded" or row.direction == "in":
            day = days.setdefault(row.occurred_at[:10], dict.fromkeys(Sums.__slots__, 0))
            day[f"{revenue_class}_fen"] += row.amount_fen
            if revenue_class != "excluded":
                day[f"{revenue_class}_fee_milli_fen"] += fee_milli_fen(revenue_class, row.fee_milli_fen)
    return {date.fromisoformat(day): Sums(**found) for day, found in sorted(days.items())}


def sums(days: Mapping[date, Sums], from_on: date = date.min, to_on: date = date.max) -> Sums:
    """All days of a window, both ends included."""
    return sum((day_sums for day, day_sums in days.items() if from_on <= day <= to_on), start=Sums())
