"""Why an instalment is what it is, as one sentence: the codes of plan/ told from the catalogue."""

import json

from loancli.core.money import yuan
from loancli.core.rates import percent
from loancli.texts import Lang, say

_PPM = {"share"}
_DAYS = {"single"}


def why(reason: str, lang: Lang) -> str:
    """The sentence for `Row.reason` ('level:88885') or for the reasons of a fixed revenue instalment (a JSON list)."""
    if reason.startswith("["):
        parts = [_revenue_part(code, values, lang) for code, values in json.loads(reason)]
        return say("why.join", lang).join(part for part in parts if part)
    code, *values = reason.split(":")
    if code in {"interest_only", "principal_at_end", "run_on", "outlook"}:
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
