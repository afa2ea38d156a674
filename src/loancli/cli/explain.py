"""Why an instalment is what it is, as one sentence: the codes of plan/ told from the catalogue."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from loancli.core.money import yuan
from loancli.core.rates import percent
from loancli.texts import Lang, say

if TYPE_CHECKING:
    from loancli.plan.ceilings import Verdict

NOTHING: Mapping[str, int] = MappingProxyType({})
_PPM = {"share"}
_DAYS = {"single"}


def why(
    reason: str, lang: Lang, *, fee_fen: int = 0, penalty_fen: int = 0, forgiven_fen: Mapping[str, int] = NOTHING
) -> str:
    """The sentence for `Row.reason` ('level:88885') or for the reasons of a fixed revenue instalment (a JSON list).

    Fees and penalty come on top of what the reason explains; what is forgiven was taken off it.
    """
    more = (("fee", fee_fen), ("penalty", penalty_fen), *forgiven_fen.items())
    parts = [_why(reason, lang), *(say(f"why.{name}", lang, amount=yuan(fen)) for name, fen in more if fen)]
    return say("why.join", lang).join(parts)


def _why(reason: str, lang: Lang) -> str:
    if reason.startswith("["):
        parts = [_revenue_part(code, values, lang) for code, values in json.loads(reason)]
        return say("why.join", lang).join(part for part in parts if part)
    code, *values = reason.split(":")
    if code in {"interest_only", "principal_at_end", "run_on", "outlook", "level_in_use", "rest_in_use"}:
        return say(f"why.{code}", lang)
    if code == "weight":
        return say("why.weight", lang, weight=values[0], biggest=values[1], amount=yuan(int(values[2])))
    if code == "breathing":
        return say(f"why.{code}_{values[0]}", lang, amount=yuan(int(values[-1])) if len(values) > 1 else "")
    if code == "flat":
        return say("why.flat", lang, part=yuan(int(values[0])), lent=yuan(int(values[1])))
    if code == "balloon":
        return say("why.balloon", lang, rest=yuan(int(values[0])), level=yuan(int(values[1])))
    if code == "step":
        return say("why.step", lang, step=values[0], amount=yuan(int(values[1])), first=yuan(int(values[2])))
    if code == "part_in_use":
        return say("why.part_in_use", lang, share=percent(int(values[0])))
    if code in _DAYS:
        return say(f"why.{code}", lang, days=values[0])
    return say(f"why.{code}", lang, amount=yuan(int(values[0])))


def _revenue_part(code: str, values: list[int | str], lang: Lang) -> str:
    if code == "revenue":
        return say("why.revenue", lang, channel=say(f"channel.{values[0]}", lang), amount=yuan(int(values[1])))
    if code == "missing":
        return say("why.missing", lang, rule=say(f"missing.{values[0]}", lang), amount=yuan(int(values[1])))
    if code in _PPM:
        return say(f"why.{code}", lang, percent=percent(int(values[0])))
    if code == "progress":
        return say(
            "why.progress", lang, least=yuan(int(values[0])), fallen=yuan(int(values[1])), gap=yuan(int(values[2]))
        )
    return say(f"why.{code}", lang, amount=yuan(int(values[0])))


def cost_sum(verdict: "Verdict", lang: Lang) -> str:
    """How a plan's yearly cost stands against the ceiling, with the sum that shows it."""
    parts = dict(verdict.parts)
    principal_fen, interest_fen, fee_fen, count = parts["sum"]
    periodic, periods_a_year, simple = parts["rate"]
    rule, ceiling_ppm, source = parts["ceiling"]
    told = say(
        "verdict.sum",
        lang,
        principal=yuan(int(principal_fen)),
        interest=yuan(int(interest_fen)),
        price=say(f"verdict.{parts['price'][0]}", lang),
        fee=yuan(int(fee_fen)),
        count=count,
        path=say(f"verdict.{parts['path'][0]}", lang),
        periodic=periodic,
        periods=periods_a_year,
        simple=simple,
        compound=parts["compound"][0],
        outcome=say(f"verdict.{verdict.outcome.value}", lang),
        ceiling=percent(int(ceiling_ppm)),
        rule=rule,
        source=source,
    )
    if "lpr" in parts:
        times, lpr_ppm, day = parts["lpr"]
        told += say("verdict.lpr", lang, times=times, lpr=percent(int(lpr_ppm)), day=day)
    return told + (say("verdict.lpr_ends", lang, day=parts["lpr_ends"][0]) if "lpr_ends" in parts else "")
