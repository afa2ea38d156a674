"""The shape of a product file as pydantic models: its tables, and which keys each of them has.

Imports pydantic, which costs start-up time: only product_file.py, which reads TOML, imports this module.
"""

import difflib
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from loancli.core.days import Roll
from loancli.core.money import Rounding
from loancli.core.rates import DayCount
from loancli.plan import product_keys as keys
from loancli.plan.product import (
    OWN_ORDERS,
    Allocation,
    Balloon,
    BreathingSpace,
    CreditLine,
    Early,
    Fee,
    FixedFee,
    Kind,
    MinimumProgress,
    Missing,
    OwnOrder,
    Penalty,
    Product,
    RevenueShare,
    Step,
    Trigger,
)
from loancli.plan.product_values import SEASON, Place

DEFAULT_PENALTY, DEFAULT_ALLOCATION = Penalty(), Allocation()


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Fee(_Table):
    name: keys.Text
    amount: keys.Yuan = 0
    principal_share: keys.Share = 0
    due_with: Annotated[str, keys.one_of("first", "every")] = "first"
    charged_by: keys.ChargedBy = ""

    def value(self) -> Fee:
        return Fee(
            name=self.name,
            amount_fen=self.amount,
            principal_ppm=self.principal_share,
            due_with=self.due_with,
            charged_by=self.charged_by,
        )


class _Balloon(_Table):
    periods: keys.Spread | None = None
    residual: keys.Residual = (0, 0)

    def value(self) -> Balloon:
        fen, ppm = self.residual
        return Balloon(periods=self.periods or 0, residual_fen=fen, residual_ppm=ppm)


class _Step(_Table):
    every: keys.Periods
    by: keys.By

    def value(self) -> Step:
        fen, ppm = self.by
        return Step(every=self.every, by_fen=fen, by_ppm=ppm)


class _Line(_Table):
    principal: keys.Back
    draw_min: keys.Yuan
    no_draws_last_periods: keys.RunOn = 0
    revolving: keys.Flag = True

    def value(self) -> CreditLine:
        principal, share_ppm = self.principal
        return CreditLine(
            principal=principal,
            share_ppm=share_ppm,
            draw_min_fen=self.draw_min,
            no_draws_last_periods=self.no_draws_last_periods,
            revolving=self.revolving,
        )


class _FixedFee(_Table):
    amount: keys.Residual
    early: Annotated[Early, keys.member(Early)] = Early.ALL_DUE

    def value(self) -> FixedFee:
        fen, ppm = self.amount
        return FixedFee(amount_fen=fen, principal_ppm=ppm, early=self.early)


class _MinimumProgress(_Table):
    windows: keys.Periods | None = None
    every_days: keys.EveryDays | None = None
    levels: keys.Share | None = None
    total: keys.Total | None = None
    total_unit: keys.Unit = 1

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
    share: keys.Share
    counts: keys.Counts
    missing: Annotated[Missing, keys.member(Missing)]
    floor: keys.Bound | None = None
    cap: keys.Bound | None = None
    minimum_progress: _MinimumProgress | None = None
    run_on_windows_max: keys.RunOn = 0

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
    below: keys.Share
    windows: keys.Periods

    def value(self) -> Trigger:
        return Trigger(below_ppm=self.below, windows=self.windows)


class _BreathingSpace(_Table):
    pays: keys.Pays
    rest: Annotated[str, keys.one_of("respread", "extend")]
    periods_max: keys.Periods
    a_year_max: keys.Periods = 1
    at_start: keys.RunOn = 0
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
    multiple: keys.Share = DEFAULT_PENALTY.multiple_ppm
    cap: keys.Rate = DEFAULT_PENALTY.cap_ppm
    grace_days: keys.Days = DEFAULT_PENALTY.grace_days
    on_interest: keys.Flag = DEFAULT_PENALTY.on_interest

    def value(self) -> Penalty:
        return Penalty(
            multiple_ppm=self.multiple, cap_ppm=self.cap, grace_days=self.grace_days, on_interest=self.on_interest
        )


class _OwnOrder(_Table):
    order: keys.Parts
    by: Annotated[str, keys.one_of("component", "instalment")] = DEFAULT_ALLOCATION.by
    late_order: keys.Parts = ()

    def value(self, of: str) -> OwnOrder:
        return OwnOrder(of=of, **self.model_dump())


class _Allocation(_Table):
    order: keys.Parts = DEFAULT_ALLOCATION.order
    by: Annotated[str, keys.one_of("component", "instalment")] = DEFAULT_ALLOCATION.by
    late_order: keys.Parts = DEFAULT_ALLOCATION.late_order
    late_after_days: keys.Days = DEFAULT_ALLOCATION.late_after_days
    surplus: Annotated[str, keys.one_of("credit", "principal", "spread")] = DEFAULT_ALLOCATION.surplus

    credit: _OwnOrder | None = None
    waived: _OwnOrder | None = None
    recovered: _OwnOrder | None = None

    def value(self) -> Allocation:
        return Allocation(**self.model_dump(exclude=set(OWN_ORDERS)))

    def own_orders(self) -> tuple[OwnOrder, ...]:
        tables = [(kind, getattr(self, kind)) for kind in OWN_ORDERS]
        return tuple(table.value(kind) for kind, table in tables if table)


class _Product(_Table):
    name_zh: keys.Text
    name_en: keys.Text
    summary_zh: keys.Text
    summary_en: keys.Text
    kind: Annotated[Kind, keys.member(Kind)]
    lender_kind: Annotated[str, keys.one_of("bank", "microcredit", "unlicensed")]
    annual_rate: keys.Rate
    day_count: Annotated[DayCount, keys.member(DayCount)]
    frequency: keys.Steps
    periods: keys.Periods
    periods_min: keys.Periods
    periods_max: keys.Periods
    principal_min: keys.Yuan
    principal_max: keys.Yuan
    roll: Annotated[Roll, keys.member(Roll)] = Roll.FOLLOWING
    roll_interest: keys.Flag = False
    rounding: Annotated[Rounding, keys.member(Rounding)] = Rounding.HALF_UP
    instalment_unit: keys.Unit = 1
    weights: keys.Weights = ()
    weights_per: Annotated[str, keys.one_of("month", "period")] = "month"
    balloon: _Balloon | None = None
    step: _Step | None = None
    line: _Line | None = None
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
            weights=() if isinstance(self.weights, str) else self.weights,
            weights_per=self.weights_per,
            weights_by_season=self.weights == SEASON,
            balloon=self.balloon.value() if self.balloon else None,
            step=self.step.value() if self.step else None,
            line=self.line.value() if self.line else None,
            fixed_fee=self.fixed_fee.value() if self.fixed_fee else None,
            revenue=self.revenue.value() if self.revenue else None,
            breathing_space=self.breathing_space.value() if self.breathing_space else None,
            penalty=self.penalty.value(),
            allocation=self.allocation.value(),
            own_orders=self.allocation.own_orders(),
            lender_kind=self.lender_kind,
        )


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
        return f"unknown key; did you mean '{near[0]}'?" if near else f"unknown key; allowed: {', '.join(known)}"
    if place["type"] == "missing":
        (how,) = _model_at(path).model_fields[str(key)].metadata
        return f"is missing; write {how.allowed}"
    return f"{keys.shown(place['input'])} is not allowed; write {'a list of tables' if key == 'fees' else 'a table'}"


_MODELS: dict[str, type[_Table]] = {
    "fees": _Fee,
    "balloon": _Balloon,
    "step": _Step,
    "line": _Line,
    "fixed_fee": _FixedFee,
    "revenue": _Revenue,
    "minimum_progress": _MinimumProgress,
    "breathing_space": _BreathingSpace,
    "trigger": _Trigger,
    "penalty": _Penalty,
    "allocation": _Allocation,
    **dict.fromkeys(OWN_ORDERS, _OwnOrder),
}


def _model_at(path: list[str | int]) -> type[_Table]:
    names = [step for step in path if isinstance(step, str)]
    return _MODELS[names[-1]] if names else _Product
