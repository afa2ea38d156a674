"""A product as the TOML that `read_product` reads back equal, under a comment that says where its terms come from."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from enum import Enum

from loancli.core.money import yuan
from loancli.core.rates import percent
from loancli.plan.product import Base, Bound, Frequency, Kind, MinimumProgress, Product
from loancli.plan.product_file import read_product
from loancli.plan.product_values import FREQUENCIES, SEASON, UNITS_FEN

_TEXTS = ("name_zh", "name_en", "summary_zh", "summary_en", "kind", "lender_kind")
_NOTES = {
    "annual_rate": "年利率(单利)",
    "periods": "期数",
    "principal_min": "贷款金额下限和上限(元)",
    "weights": "还款月1月至12月的权重: of the due months, January to December",
    "share": "分成比例: of the revenue of the window",
    "counts": "计入的营收: revenue that counts",
    "floor": "最低还款: the least that is due",
    "cap": "最高还款: the most",
    "missing": "缺少营收数据时: where no data is known",
    "run_on_windows_max": "到期未还清可顺延的期数: windows that the term may run on",
}


def product_toml(product: Product, comment: Sequence[str]) -> str:
    """The text of a product file. A term that it could not hold is a bug: what is written is read back and compared."""
    blocks = [
        [f"# {line}".rstrip() for line in comment],
        [_pair(name, getattr(product, name)) for name in _TEXTS],
        list(_top(product)),
        *_tables(product),
    ]
    text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
    assert read_product(text, f"{product.code}.toml") == product, product
    return text


def _pair(key: str, value: object) -> str:
    return f"{key} = {_told(value)}"


def _noted(key: str, value: object) -> str:
    text = _pair(key, value)
    return f"{text.ljust(31)} # {_NOTES[key]}" if key in _NOTES else text


def _told(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, tuple):
        return f"[{', '.join(map(_told, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _top(product: Product) -> Iterator[str]:
    if product.fixed_fee is None:
        yield _noted("annual_rate", percent(product.annual_rate_ppm))
    yield _pair("day_count", product.day_count)
    yield _pair("frequency", _frequency(product.frequency))
    for name in ("periods", "periods_min", "periods_max"):
        yield _noted(name, getattr(product, name))
    yield _noted("principal_min", yuan(product.principal_min_fen))
    yield _pair("principal_max", yuan(product.principal_max_fen))
    yield _pair("roll", product.roll)
    yield _pair("roll_interest", product.roll_interest)
    yield _pair("rounding", product.rounding)
    yield _pair("instalment_unit", next(word for word, fen in UNITS_FEN.items() if fen == product.instalment_unit_fen))
    if product.kind is Kind.BIG_SMALL_MONTHS:
        yield _noted("weights", SEASON if product.weights_by_season else product.weights)
        yield _pair("weights_per", product.weights_per)


def _tables(product: Product) -> Iterator[list[str]]:
    if balloon := product.balloon:
        told = (
            ("periods", balloon.periods)
            if balloon.periods
            else ("residual", _part(balloon.residual_fen, balloon.residual_ppm))
        )
        yield ["[balloon]", _pair(*told)]
    if step := product.step:
        yield ["[step]", _pair("every", step.every), _pair("by", _part(step.by_fen, step.by_ppm))]
    if line := product.line:
        yield [
            "[line]",
            _pair("principal", f"{percent(line.share_ppm)} of drawn" if line.share_ppm else line.principal),
            _pair("draw_min", yuan(line.draw_min_fen)),
            _pair("no_draws_last_periods", line.no_draws_last_periods),
            _pair("revolving", line.revolving),
        ]
    if price := product.fixed_fee:
        yield [
            "[fixed_fee]",
            _pair("amount", _part(price.amount_fen, price.principal_ppm)),
            _pair("early", price.early),
        ]
    for fee in product.fees:
        amount = ("amount", yuan(fee.amount_fen)) if fee.amount_fen else ("principal_share", percent(fee.principal_ppm))
        charged_by = [_pair("charged_by", fee.charged_by)] if fee.charged_by else []
        yield ["[[fees]]", _pair("name", fee.name), _pair(*amount), _pair("due_with", fee.due_with), *charged_by]
    yield from _revenue(product)
    if space := product.breathing_space:
        yield [
            "[breathing_space]",
            _pair("pays", f"{percent(space.pays.part_ppm)} of instalment" if space.pays.part_ppm else space.pays.name),
            _pair("rest", "extend" if space.extends else "respread"),
            *(_pair(name, getattr(space, name)) for name in ("periods_max", "a_year_max", "at_start")),
        ]
        if trigger := space.trigger:
            below = _pair("below", percent(trigger.below_ppm))
            yield ["[breathing_space.trigger]", below, _pair("windows", trigger.windows)]
    penalty = product.penalty
    if product.fixed_fee is None:  # without a rate there is none
        yield [
            "[penalty]",
            _pair("multiple", percent(penalty.multiple_ppm)),
            _pair("cap", percent(penalty.cap_ppm)),
            _pair("grace_days", penalty.grace_days),
            _pair("on_interest", penalty.on_interest),
        ]
    yield [
        "[allocation]",
        *(_pair(each.name, getattr(product.allocation, each.name)) for each in fields(product.allocation)),
    ]
    for own in product.own_orders:
        yield [
            f"[allocation.{own.of}]",
            *(_pair(each.name, getattr(own, each.name)) for each in fields(own) if each.name != "of"),
        ]


def _revenue(product: Product) -> Iterator[list[str]]:
    revenue = product.revenue
    if revenue is None:
        return
    bounds = [_noted(name, bound_text(bound)) for name in ("floor", "cap") if (bound := getattr(revenue, name))]
    yield [
        "[revenue]",
        _noted("share", percent(revenue.share_ppm)),
        _noted("counts", revenue.counts),
        *bounds,
        _noted("missing", revenue.missing),
        _noted("run_on_windows_max", revenue.run_on_windows_max),
    ]
    if progress := revenue.minimum_progress:
        yield [
            "[revenue.minimum_progress]",
            _pair("every_days", progress.every_days) if progress.every_days else _pair("windows", progress.windows),
            *_least(progress),
        ]


def _least(progress: MinimumProgress) -> list[str]:
    if not progress.total_over:
        return [_pair("levels", percent(progress.levels_ppm))]
    unit = next(word for word, fen in UNITS_FEN.items() if fen == progress.total_unit_fen)
    return [_pair("total", f"{progress.total_over}/{progress.total_under}"), _pair("total_unit", unit)]


def bound_text(bound: Bound) -> str:
    """A floor or a cap as a product file says it: '60% of level'."""
    if bound.base is Base.INTEREST:
        return Base.INTEREST.value
    if bound.base is Base.LEVEL:
        return f"{percent(bound.value)} of level"
    return f"{yuan(bound.value)} yuan"


def _part(fen: int, ppm: int) -> str:
    return f"{yuan(fen)} yuan" if fen else percent(ppm)


def _frequency(frequency: Frequency) -> str:
    return next((word for word, known in FREQUENCIES.items() if known == frequency), f"every {frequency.days} days")
