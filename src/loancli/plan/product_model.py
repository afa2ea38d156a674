"""The shape of a product file as pydantic models: each key's type, and in its description what is allowed.

Imports pydantic, which costs start-up time: product_file.py imports this module only to read TOML.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_plain_validator_function

from loancli.core.days import Roll
from loancli.core.errors import InputError
from loancli.core.money import Rounding, fen_of
from loancli.core.rates import PPM, DayCount, rate_ppm_of, share_ppm_of
from loancli.plan.due_days import PERIODS_MAX
from loancli.plan.product import (
    Allocation,
    Balloon,
    Base,
    Bound,
    BreathingSpace,
    Early,
    Fee,
    FixedFee,
    Frequency,
    Kind,
    MinimumProgress,
    Missing,
    Pays,
    Penalty,
    Product,
    RevenueShare,
    Step,
    Trigger,
)

PARTS = ("fee", "penalty", "interest", "principal")
UNITS_FEN = {"fen": 1, "jiao": 10, "yuan": 100}
FREQUENCIES = {
    "weekly": Frequency(days=7),
    "half_monthly": Frequency(half_monthly=True),
    "monthly": Frequency(months=1),
    "quarterly": Frequency(months=3),
}
_EVERY_DAYS = re.compile(r"every ([1-9][0-9]{0,2}) days?")
_OF_INSTALMENT = re.compile(r"(.*%) of instalment")
_OF_LEVEL = re.compile(r"(.*%) of level")
_YUAN = re.compile(r"(.*[0-9]) yuan")
_RATIO = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", re.ASCII)

DEFAULT_PENALTY, DEFAULT_ALLOCATION = Penalty(), Allocation()


@dataclass(frozen=True, slots=True)
class _As:
    """How a key's value is read: converted, or refused with what was found and what is allowed."""

    convert: Callable[[Any], object]
    allowed: str

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        return no_info_plain_validator_function(self.read)

    def read(self, value: Any) -> object:
        try:
            return self.convert(value)
        except InputError as error:
            raise ValueError(str(error)) from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError(f"{_shown(value)} is not allowed; write {self.allowed}") from None


def _shown(value: object) -> str:
    text = f"'{value}'" if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 40 else text[:40] + "…"


def _text(value: str) -> str:
    if not value.strip() or len(value) > 400 or not value.isprintable():
        raise ValueError
    return value.strip()


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _whole(low: int, high: int) -> Callable[[object], int]:
    def convert(value: object) -> int:
        if type(value) is not int or not low <= value <= high:  # a bool is an int to isinstance
            raise ValueError
        return value

    return convert


def _yuan_fen(value: object) -> int:
    """A quoted amount or a whole number of yuan; 0.1 without quotes is refused, as it is not a number of fen."""
    if type(value) is int:
        return fen_of(str(value))
    if not isinstance(value, str):
        raise TypeError
    return fen_of(value)


def _share_ppm(value: str) -> int:
    try:
        return share_ppm_of(value)
    except InputError:
        raise ValueError from None


def bound_of(value: str) -> Bound:
    """'interest', '60% of level' or '300 yuan'. Raises ValueError or InputError for anything else."""
    if value == Base.INTEREST.value:
        return Bound(base=Base.INTEREST)
    if match := _OF_LEVEL.fullmatch(value):
        return Bound(base=Base.LEVEL, value=_share_ppm(match[1]))
    match = _YUAN.fullmatch(value)
    if match is None:
        raise ValueError
    return Bound(base=Base.YUAN, value=fen_of(match[1]))


def pays_of(value: str) -> Pays:
    """'interest', 'nothing' or '50% of instalment'. Raises ValueError for anything else."""
    if value == "interest":
        return Pays(interest=True)
    match = _OF_INSTALMENT.fullmatch(value)
    if match is None and value != "nothing":
        raise ValueError
    return Pays(part_ppm=_share_ppm(match[1]) if match else 0)


def _part(value: str) -> tuple[int, int]:
    """'30%' → (0, 300000); '5000 yuan' → (500000, 0)."""
    if match := _YUAN.fullmatch(value):
        return fen_of(match[1]), 0
    return 0, _share_ppm(value)


def _fraction(value: str) -> tuple[int, int]:
    """'1/18' → (1, 18); '10%' → (1, 10)."""
    match = _RATIO.fullmatch(value)
    found = Fraction(int(match[1]), int(match[2])) if match else Fraction(_share_ppm(value), PPM)
    return found.numerator, found.denominator


def _signed_part(value: str) -> tuple[int, int]:
    fen, ppm = _part(value.removeprefix("-"))
    return (-fen, -ppm) if value.startswith("-") else (fen, ppm)


def _frequency(value: str) -> Frequency:
    if match := _EVERY_DAYS.fullmatch(value):
        return Frequency(days=int(match[1]))
    return FREQUENCIES[value]


def _member(kind: type[Enum]) -> _As:
    return _As(kind, " | ".join(str(member.value) for member in kind))


def _one_of(*words: str) -> _As:
    return _As(lambda value: words[words.index(value)], " | ".join(words))


def _words(known: tuple[str, ...]) -> Callable[[Any], tuple[str, ...]]:
    def convert(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not set(value) <= set(known) or len(set(value)) != len(value):
            raise ValueError
        return tuple(value)

    return convert


def _weights(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > PERIODS_MAX:
        raise ValueError
    return tuple(_whole(0, 1000)(weight) for weight in value)


_Text = Annotated[str, _As(_text, "a text of one line in quotes, up to 400 characters")]
_Flag = Annotated[bool, _As(_flag, "true or false")]
_Rate = Annotated[int, _As(rate_ppm_of, "a rate in quotes, such as '14.4%', '1.2% /month' or '5bp /day'")]
_Yuan = Annotated[int, _As(_yuan_fen, "an amount in yuan, such as 200000 or '1234.50'")]
_Share = Annotated[int, _As(_share_ppm, "a share in quotes, such as '12%'")]
_Bound = Annotated[Bound, _As(bound_of, "'interest', '60% of level' or '300 yuan'")]
_Pays = Annotated[Pays, _As(pays_of, "'interest', 'nothing' or '50% of instalment'")]
_Residual = Annotated[tuple[int, int], _As(_part, "'30%' of the principal, or '5000 yuan'")]
_Total = Annotated[tuple[int, int], _As(_fraction, "a part of all that is owed, such as '10%' or '1/18'")]
_By = Annotated[tuple[int, int], _As(_signed_part, "'5%', '-5%', '100 yuan' or '-100 yuan'")]
_Spread = Annotated[int, _As(_whole(1, 2 * PERIODS_MAX), f"a whole number from 1 to {2 * PERIODS_MAX}")]
_Periods = Annotated[int, _As(_whole(1, PERIODS_MAX), f"a whole number from 1 to {PERIODS_MAX}")]
_RunOn = Annotated[int, _As(_whole(0, PERIODS_MAX), f"a whole number from 0 to {PERIODS_MAX}")]
_Days = Annotated[int, _As(_whole(0, 3650), "a whole number of days from 0 to 3650")]
_EveryDays = Annotated[int, _As(_whole(1, 3650), "a whole number of days from 1 to 3650")]
_Parts = Annotated[tuple[str, ...], _As(_words(PARTS), f"a list of {', '.join(PARTS)}, each at most once")]
_Counts = Annotated[tuple[str, ...], _As(_words(("sure", "possible")), "['sure'] or ['sure', 'possible']")]
_Weights = Annotated[tuple[int, ...], _As(_weights, "a list of whole numbers from 0 to 1000")]
_Steps = Annotated[Frequency, _As(_frequency, f"{' | '.join(FREQUENCIES)} | 'every N days' with N from 1 to 999")]
_Unit = Annotated[int, _As(UNITS_FEN.__getitem__, " | ".join(UNITS_FEN))]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Fee(_Table):
    name: _Text
    amount: _Yuan = 0
    principal_share: _Share = 0
    due_with: Annotated[str, _one_of("first", "every")] = "first"
    charged_by: Annotated[str, _As(_text, "who charges it, in quotes; leave it out for the lender")] = ""

    def value(self) -> Fee:
        return Fee(
            name=self.name,
            amount_fen=self.amount,
            principal_ppm=self.principal_share,
            due_with=self.due_with,
            charged_by=self.charged_by,
        )


class _Balloon(_Table):
    periods: _Spread | None = None
    residual: _Residual = (0, 0)

    def value(self) -> Balloon:
        fen, ppm = self.residual
        return Balloon(periods=self.periods or 0, residual_fen=fen, residual_ppm=ppm)


class _Step(_Table):
    every: _Periods
    by: _By

    def value(self) -> Step:
        fen, ppm = self.by
        return Step(every=self.every, by_fen=fen, by_ppm=ppm)


class _FixedFee(_Table):
    amount: _Residual
    early: Annotated[Early, _member(Early)] = Early.ALL_DUE

    def value(self) -> FixedFee:
        fen, ppm = self.amount
        return FixedFee(amount_fen=fen, principal_ppm=ppm, early=self.early)


class _MinimumProgress(_Table):
    windows: _Periods | None = None
    every_days: _EveryDays | None = None
    levels: _Share | None = None
    total: _Total | None = None
    total_unit: _Unit = 1

    def value(self) -> MinimumProgress:
        over, under = self.total or (0, 1)
        return MinimumProgress(
            windows=self.windows or 0,
            every_days=self.every_days or 0,
            levels_ppm=self.levels or 0,
            total_over=over,
            total_under=under,
            total_unit_fen=self.total_unit,
        )


class _Revenue(_Table):
    share: _Share
    counts: _Counts
    missing: Annotated[Missing, _member(Missing)]
    floor: _Bound | None = None
    cap: _Bound | None = None
    minimum_progress: _MinimumProgress | None = None
    run_on_windows_max: _RunOn = 0

    def value(self) -> RevenueShare:
        return RevenueShare(
            share_ppm=self.share,
            counts=self.counts,
            floor=self.floor,
            cap=self.cap,
            minimum_progress=self.minimum_progress.value() if self.minimum_progress else None,
            missing=self.missing,
            run_on_windows_max=self.run_on_windows_max,
        )


class _Trigger(_Table):
    below: _Share
    windows: _Periods

    def value(self) -> Trigger:
        return Trigger(below_ppm=self.below, windows=self.windows)


class _BreathingSpace(_Table):
    pays: _Pays
    rest: Annotated[str, _one_of("respread", "extend")]
    periods_max: _Periods
    a_year_max: _Periods = 1
    at_start: _RunOn = 0
    trigger: _Trigger | None = None

    def value(self) -> BreathingSpace:
        return BreathingSpace(
            pays=self.pays,
            extends=self.rest == "extend",
            periods_max=self.periods_max,
            a_year_max=self.a_year_max,
            at_start=self.at_start,
            trigger=self.trigger.value() if self.trigger else None,
        )


class _Penalty(_Table):
    multiple: _Share = DEFAULT_PENALTY.multiple_ppm
    cap: _Rate = DEFAULT_PENALTY.cap_ppm
    grace_days: _Days = DEFAULT_PENALTY.grace_days
    on_interest: _Flag = DEFAULT_PENALTY.on_interest

    def value(self) -> Penalty:
        return Penalty(
            multiple_ppm=self.multiple, cap_ppm=self.cap, grace_days=self.grace_days, on_interest=self.on_interest
        )


class _Allocation(_Table):
    order: _Parts = DEFAULT_ALLOCATION.order
    by: Annotated[str, _one_of("component", "instalment")] = DEFAULT_ALLOCATION.by
    late_order: _Parts = DEFAULT_ALLOCATION.late_order
    late_after_days: _Days = DEFAULT_ALLOCATION.late_after_days
    surplus: Annotated[str, _one_of("credit", "principal")] = DEFAULT_ALLOCATION.surplus

    def value(self) -> Allocation:
        return Allocation(**self.model_dump())


class _Product(_Table):
    name_zh: _Text
    name_en: _Text
    summary_zh: _Text
    summary_en: _Text
    kind: Annotated[Kind, _member(Kind)]
    lender_kind: Annotated[str, _one_of("bank", "microcredit", "unlicensed")]
    annual_rate: _Rate
    day_count: Annotated[DayCount, _member(DayCount)]
    frequency: _Steps
    periods: _Periods
    periods_min: _Periods
    periods_max: _Periods
    principal_min: _Yuan
    principal_max: _Yuan
    roll: Annotated[Roll, _member(Roll)] = Roll.FOLLOWING
    roll_interest: _Flag = False
    rounding: Annotated[Rounding, _member(Rounding)] = Rounding.HALF_UP
    instalment_unit: _Unit = 1
    weights: _Weights = ()
    weights_per: Annotated[str, _one_of("month", "period")] = "month"
    balloon: _Balloon | None = None
    step: _Step | None = None
    fixed_fee: _FixedFee | None = None
    fees: list[_Fee] = []
    revenue: _Revenue | None = None
    breathing_space: _BreathingSpace | None = None
    penalty: _Penalty = _Penalty()
    allocation: _Allocation = _Allocation()

    def value(self, code: str) -> Product:
        return Product(
            code=code,
            name_zh=self.name_zh,
            name_en=self.name_en,
            summary_zh=self.summary_zh,
            summary_en=self.summary_en,
            kind=self.kind,
            annual_rate_ppm=self.annual_rate,
            day_count=self.day_count,
            frequency=self.frequency,
            periods=self.periods,
            periods_min=self.periods_min,
            periods_max=self.periods_max,
            principal_min_fen=self.principal_min,
            principal_max_fen=self.principal_max,
            roll=self.roll,
            roll_interest=self.roll_interest,
            rounding=self.rounding,
            instalment_unit_fen=self.instalment_unit,
            fees=tuple(fee.value() for fee in self.fees),
            weights=self.weights,
            weights_per=self.weights_per,
            balloon=self.balloon.value() if self.balloon else None,
            step=self.step.value() if self.step else None,
            fixed_fee=self.fixed_fee.value() if self.fixed_fee else None,
            revenue=self.revenue.value() if self.revenue else None,
            breathing_space=self.breathing_space.value() if self.breathing_space else None,
            penalty=self.penalty.value(),
            allocation=self.allocation.value(),
            lender_kind=self.lender_kind,
        )


Place = tuple[str | int, ...]  # the path of a key: ('fees', 0, 'amount')


def read(data: dict[str, Any], code: str) -> tuple[Product | None, list[tuple[Place, str]]]:
    """The product, if the file has its shape, and what is wrong with each key. Unknown keys do not hide the rest."""
    if "fixed_fee" in data:  # then nothing is counted by days, and the two keys may be left out
        data = {"annual_rate": "0%", "day_count": DayCount.ACT_365F.value} | data
    try:
        return _Product.model_validate(data).value(code), []
    except ValidationError as error:
        found = error.errors()
    problems = [(place["loc"], _message(place)) for place in found]
    unknown = [place["loc"] for place in found if place["type"] == "extra_forbidden"]
    if len(unknown) < len(found):
        return None, problems
    for *path, key in unknown:
        table: Any = data
        for step in path:
            table = table[step]
        del table[key]
    return _Product.model_validate(data).value(code), problems


def _message(place: Any) -> str:
    *path, key = place["loc"]
    if place["type"] == "value_error":
        return str(place["ctx"]["error"])
    if place["type"] == "extra_forbidden":
        known = list(_model_at(path).model_fields)
        near = difflib.get_close_matches(str(key), known, n=1)
        return f"unknown key; {f'did you mean {near[0]!r}?' if near else 'allowed: ' + ', '.join(known)}"
    if place["type"] == "missing":
        (how,) = _model_at(path).model_fields[str(key)].metadata
        return f"is missing; write {how.allowed}"
    return f"{_shown(place['input'])} is not allowed; write {'a list of tables' if key == 'fees' else 'a table'}"


_MODELS: dict[str, type[_Table]] = {
    "fees": _Fee,
    "balloon": _Balloon,
    "step": _Step,
    "fixed_fee": _FixedFee,
    "revenue": _Revenue,
    "minimum_progress": _MinimumProgress,
    "breathing_space": _BreathingSpace,
    "trigger": _Trigger,
    "penalty": _Penalty,
    "allocation": _Allocation,
}


def _model_at(path: list[str | int]) -> type[_Table]:
    names = [step for step in path if isinstance(step, str)]
    return _MODELS[names[-1]] if names else _Product
