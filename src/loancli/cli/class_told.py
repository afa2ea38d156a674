"""What a loan's class is and why, in words; and what easing its terms makes of it."""

from datetime import date
from typing import TYPE_CHECKING, Any

from loancli.cli import session
from loancli.cli.options import Context
from loancli.cli.render import talk
from loancli.texts import say

if TYPE_CHECKING:
    from loancli.core.event import Event
    from loancli.jobs.classes import Classed
    from loancli.servicing.life import Life


def class_fields(classed: "Classed | None") -> dict[str, Any]:
    """For programs: the class, what makes it worse than its days do, and until when."""
    judged = classed.judged if classed else None
    observed = judged.observed if judged else None
    return {
        "asset_class": classed.asset_class if classed else None,
        "class_why": classed.why if classed else "",
        "restructured_on": observed.eased_on if observed else None,
        "observed_from": observed.from_on if observed else None,
        "observed_until": observed.until_on if observed else None,
        "better_from_on": judged.better_from_on if judged else None,
    }


def class_sentence(classed: "Classed | None", context: Context) -> dict[str, Any]:
    """For people: the class, and in a sentence what keeps it from being better."""
    if classed is None:
        return {"asset_class": None}
    parts = []
    observed, judged = classed.judged.observed, classed.judged
    if classed.is_dragged:
        parts.append(say("class.debtor", context.lang))
    if observed:
        key = "class.again" if observed.is_again else "class.observed"
        until = observed.until_on or say("class.to_the_end", context.lang)
        parts.append(say(key, context.lang, day=observed.eased_on, until=until))
    elif judged.was_non_performing and classed.why == "was_non_performing":
        key = "class.better_from" if judged.better_from_on else "class.was_non_performing"
        parts.append(say(key, context.lang, day=judged.better_from_on or ""))
    told = say("why.join", context.lang).join(parts)
    return {"asset_class": classed.asset_class, **({"class_why": told} if told else {})}


def tell_eased(context: Context, lived: "Life", event: "Event") -> None:
    """Whether the event, which eases terms, restructured the loan; if nobody said that the debtor is in difficulty, how
    that was told."""
    from loancli.servicing.restructuring import judged

    conduct, on = lived.position.conduct, event.effective_on
    rules = session.ageing(context).class_rules(lived.contract.product.lender_kind, lived.as_of)
    if conduct is None or rules is None or all(each.on != on for each in conduct.eased):
        return
    observed = judged(conduct, rules, on).observed
    if observed and observed.eased_on == on:
        until: date | str = observed.until_on or say("class.to_the_end", context.lang)
        talk(context, "class.restructured", loan_id=lived.contract.loan_id, day=on, until=until)
    elif event.payload.get("in_difficulty") is None:
        talk(context, "class.not_in_difficulty", loan_id=lived.contract.loan_id, day=on)
