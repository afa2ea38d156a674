"""`schedules/revenue/pairs.toml` → the rules over pairs of rows and their sentences."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from loancli.core.errors import Problem, input_error
from loancli.revenue.doubles import CONFLICT, FEE_IN_BILL, PAID_BACK, SAME_MONEY
from loancli.revenue.pairs import BETWEEN_WALLETS, PAYOUT, ROUND_TRIP, Loop, Pairs, Payout
from loancli.revenue.rules_file import toml_of, unknown_keys

SENTENCES = ("why_zh", "why_en")
PERSON, DECLARED = "person", "declared"
_WORDS = ("out_kinds", "out_kind_prefixes", "out_item_prefixes")
_DAYS_MAX, _MINUTES_MAX, _YUAN_MAX = 60, 1440, 1_000_000
# Table → its numbers with the greatest that is allowed, and whether it says which rows went out.
_TABLES: dict[str, tuple[dict[str, int], bool]] = {
    SAME_MONEY: ({}, False),
    CONFLICT: ({}, False),
    FEE_IN_BILL: ({}, False),
    PAID_BACK: ({}, False),
    PERSON: ({}, False),
    DECLARED: ({}, False),
    ROUND_TRIP: ({"days": _DAYS_MAX, "min_yuan": _YUAN_MAX}, True),
    BETWEEN_WALLETS: ({"minutes": _MINUTES_MAX, "min_yuan": _YUAN_MAX}, True),
    PAYOUT: ({"days": _DAYS_MAX, "min_yuan": _YUAN_MAX}, False),
}
REQUIRED = (SAME_MONEY, CONFLICT, FEE_IN_BILL, PAID_BACK, PERSON, DECLARED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsFile:
    """The rules of the file, and the sentence of every rule over several rows (and for a person's word) by language."""

    pairs: Pairs
    why_by_code: Mapping[str, Mapping[str, str]]  # code → why_zh, why_en

    def why(self, code: str, lang: str) -> str:
        """The sentence for a rule's code; the code itself for one that the file does not have (any more)."""
        return self.why_by_code.get(code, {}).get("why_zh" if lang == "zh" else "why_en", code)


def read_pairs(text: str, file_name: str) -> PairsFile:
    """The rules of a file. Raises InputError with every problem: file, table, key, and what is allowed."""
    data = toml_of(text, file_name)
    problems = list(_problems(data))
    if problems:
        raise input_error([Problem(file_name=file_name, row=None, column=at, message=told) for at, told in problems])
    return PairsFile(
        pairs=_pairs(data), why_by_code={code: {key: table[key] for key in SENTENCES} for code, table in data.items()}
    )


def _pairs(data: Mapping[str, Any]) -> Pairs:
    trip, wallets, payout = data.get(ROUND_TRIP), data.get(BETWEEN_WALLETS), data.get(PAYOUT)
    return Pairs(
        round_trip=_loop(trip, timedelta(days=trip["days"])) if trip else None,
        between_wallets=_loop(wallets, timedelta(minutes=wallets["minutes"])) if wallets else None,
        payout_of_bill=Payout(days=payout["days"], min_fen=100 * payout["min_yuan"]) if payout else None,
    )


def _loop(table: Mapping[str, Any], gap: timedelta) -> Loop:
    return Loop(gap=gap, min_fen=100 * table["min_yuan"], **{key: tuple(table.get(key, ())) for key in _WORDS})


def _problems(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from unknown_keys("", data, tuple(_TABLES))
    for code in REQUIRED:
        if code not in data:
            yield code, "is missing; its sentences are needed"
    for code, table in data.items():
        if code not in _TABLES:
            continue
        if not isinstance(table, dict):
            yield code, "must be a table"
            continue
        numbers, has_words = _TABLES[code]
        yield from unknown_keys(f"{code}.", table, (*SENTENCES, *numbers, *(_WORDS if has_words else ())))
        for key in SENTENCES:
            if not isinstance(table.get(key), str) or not table[key].strip():
                yield f"{code}.{key}", "must be a sentence that tells a borrower why"
        for key, most in numbers.items():
            number = table.get(key)
            if type(number) is not int or not 1 <= number <= most:
                yield f"{code}.{key}", f"must be a whole number from 1 to {most}"
        for key in _WORDS if has_words else ():
            words = table.get(key, [])
            if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
                yield f"{code}.{key}", "must be a list of texts, none of them empty"
        if has_words and not any(table.get(key) for key in _WORDS):
            yield f"{code}.out_kinds", f"says of no row that it went out; needs one of {', '.join(_WORDS)}"


def stored(pairs: Pairs) -> str:
    """The rules as they are kept beside what was ruled by them; '' for none."""
    return "" if pairs == Pairs() else json.dumps(asdict(pairs), ensure_ascii=False, sort_keys=True, default=_seconds)


def _seconds(gap: timedelta) -> int:
    return gap.days * 86_400 + gap.seconds


def restored(text: str) -> Pairs:
    """What `stored` wrote."""
    if not text:
        return Pairs()
    data = json.loads(text)
    loops = {
        name: data[name] and Loop(
            gap=timedelta(seconds=data[name]["gap"]),
            min_fen=data[name]["min_fen"],
            **{key: tuple(data[name][key]) for key in _WORDS},
        )
        for name in (ROUND_TRIP, BETWEEN_WALLETS)
    }  # fmt: skip
    return Pairs(**loops, payout_of_bill=data[PAYOUT] and Payout(**data[PAYOUT]))
