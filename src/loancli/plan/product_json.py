"""Product ↔ JSON, as the terms are stored with each loan."""

import json
from dataclasses import asdict
from enum import Enum
from functools import lru_cache
from typing import Any

from loancli.core.days import Roll
from loancli.core.money import Rounding
from loancli.core.rates import DayCount
from loancli.plan.product import (
    Allocation,
    Balloon,
    Base,
    Bound,
    BreathingSpace,
    CreditLine,
    Early,
    Fee,
    FixedFee,
    Frequency,
    Kind,
    MinimumProgress,
    Missing,
    OwnOrder,
    Pays,
    Penalty,
    PrincipalBack,
    Product,
    RevenueShare,
    Step,
    Trigger,
)

# Terms that products had not when the first loans were signed.
_LATER = ("balloon", "step", "line", "fixed_fee", "breathing_space", "weights_by_season", "own_orders")
_LATER_PROGRESS = {"every_days": 0, "total_over": 0, "total_under": 1, "total_unit_fen": 1}


def to_json(product: Product) -> str:
    """The terms as one line, keys sorted: the same product is the same text, whenever a loan was signed on it."""
    terms = {key: value for key, value in asdict(product).items() if value or key not in _LATER}
    terms["fees"] = [
        {key: value for key, value in fee.items() if value or key != "charged_by"} for fee in terms["fees"]
    ]
    if product.revenue and product.revenue.minimum_progress:
        progress = terms["revenue"]["minimum_progress"]
        terms["revenue"]["minimum_progress"] = dict(progress.items() - _LATER_PROGRESS.items())
    return json.dumps(terms, default=_plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _plain(value: object) -> object:
    assert isinstance(value, Enum), value
    return value.value


@lru_cache(maxsize=256)  # loans share their terms: a close of day reads each text once
def from_json(text: str) -> Product:
    """The product that `to_json` wrote. Terms are checked when they are read from TOML, not again here."""
    raw: dict[str, Any] = json.loads(text)
    revenue = raw["revenue"]
    if revenue is not None:
        progress = revenue["minimum_progress"]
        revenue = RevenueShare(
            **revenue
            | {
                "counts": tuple(revenue["counts"]),
                "floor": _bound(revenue["floor"]),
                "cap": _bound(revenue["cap"]),
                "minimum_progress": MinimumProgress(**progress) if progress else None,
                "missing": Missing(revenue["missing"]),
            }
        )
    balloon, step, line, fixed_fee, space = (raw.get(name) for name in _LATER[:5])
    if space is not None:
        trigger = Trigger(**space["trigger"]) if space["trigger"] else None
        space = BreathingSpace(**space | {"pays": Pays(**space["pays"]), "trigger": trigger})
    allocation = raw["allocation"]
    orders = {key: tuple(allocation[key]) for key in ("order", "late_order")}
    return Product(
        **raw
        | {
            "kind": Kind(raw["kind"]),
            "day_count": DayCount(raw["day_count"]),
            "frequency": Frequency(**raw["frequency"]),
            "roll": Roll(raw["roll"]),
            "rounding": Rounding(raw["rounding"]),
            "fees": tuple(Fee(**fee) for fee in raw["fees"]),
            "weights": tuple(raw["weights"]),
            "balloon": Balloon(**balloon) if balloon else None,
            "step": Step(**step) if step else None,
            "line": CreditLine(**line | {"principal": PrincipalBack(line["principal"])}) if line else None,
            "fixed_fee": FixedFee(**fixed_fee | {"early": Early(fixed_fee["early"])}) if fixed_fee else None,
            "revenue": revenue,
            "breathing_space": space,
            "penalty": Penalty(**raw["penalty"]),
            "allocation": Allocation(**allocation | orders),
            "own_orders": tuple(_own_order(each) for each in raw.get("own_orders", ())),
        }
    )


def _own_order(raw: dict[str, Any]) -> OwnOrder:
    return OwnOrder(**raw | {key: tuple(raw[key]) for key in ("order", "late_order")})


def _bound(raw: dict[str, Any] | None) -> Bound | None:
    return None if raw is None else Bound(base=Base(raw["base"]), value=raw["value"])
