"""schedules/campaigns/*.toml → Campaign. Segments, templates and channels that a step names must exist."""

from collections.abc import Collection
from dataclasses import dataclass

from loancli.core.errors import InputError
from loancli.core.rates import PPM
from loancli.core.tables import named, near, parsed, record, records
from loancli.outreach.policy import Purpose
from loancli.outreach.strategies import Arm, Campaign, Handover, Step
from loancli.outreach.templates import Templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The [campaign] table."""

    name: str
    purpose: Purpose
    due_min_fen: int
    spacing_days: int
    messages_max: int


_KEYS = ("campaign", "arms", "steps", "handovers")


def read_campaign(
    text: str, file_name: str, *, segments: Collection[str], templates: Templates, channels: Collection[str]
) -> Campaign:
    """A campaign from TOML. Raises InputError naming file and key, with near names."""
    tables = parsed(text, file_name)
    for key in tables:
        if key not in _KEYS:
            raise InputError(f"{file_name}:{key}: there is no such key; {near(key, _KEYS)}")
    head = record(Head, tables.get("campaign"), f"{file_name}:campaign")
    _check_head(head, f"{file_name}:campaign")
    arms = records(Arm, tables.get("arms"), f"{file_name}:arms")
    steps = records(Step, tables.get("steps"), f"{file_name}:steps")
    handovers: tuple[Handover, ...] = ()
    if "handovers" in tables:
        handovers = records(Handover, tables["handovers"], f"{file_name}:handovers")
    named(arms, lambda arm: arm.name, f"{file_name}:arms")
    named(steps, lambda step: step.name, f"{file_name}:steps")
    if min(arm.share_ppm for arm in arms) < 0 or sum(arm.share_ppm for arm in arms) != PPM:
        raise InputError(f"{file_name}:arms: the shares must be 0 or more and add up to {PPM} ppm")
    for number, step in enumerate(steps, start=1):
        place = f"{file_name}:steps[{number}]"
        _check_known(step.segments, segments, f"{place}.segments", "segment")
        _check_known((step.channel,), channels, f"{place}.channel", "channel")
        _check_known((step.template,), templates.by_name, f"{place}.template", "template")
        _check_known(step.arms, [arm.name for arm in arms if arm.contact], f"{place}.arms", "contacted arm")
        _check_days(step.days, head.purpose, f"{place}.days")
        if head.purpose not in templates.by_name[step.template].purposes:
            raise InputError(f"{place}.template: '{step.template}' is not written for purpose {head.purpose.value}")
    for number, handover in enumerate(handovers, start=1):
        _check_known(handover.segments, segments, f"{file_name}:handovers[{number}].segments", "segment")
    return Campaign(
        name=head.name,
        purpose=head.purpose,
        due_min_fen=head.due_min_fen,
        spacing_days=head.spacing_days,
        messages_max=head.messages_max,
        arms=arms,
        steps=steps,
        handovers=handovers,
    )


def _check_head(head: Head, place: str) -> None:
    named([head], lambda one: one.name, place)
    if head.purpose is Purpose.OFFER:
        raise InputError(f"{place}.purpose: steps count from a due day, so it must be reminder or collection")
    for key, value, least in (
        ("due_min_fen", head.due_min_fen, 1),
        ("spacing_days", head.spacing_days, 1),
        ("messages_max", head.messages_max, 1),
    ):
        if value < least:
            raise InputError(f"{place}.{key}: {value} must be {least} or more")


def _check_known(names: Collection[str], known: Collection[str], place: str, what: str) -> None:
    for name in names:
        if name not in known:
            raise InputError(f"{place}: there is no {what} '{name}'; {near(name, known)}")


def _check_days(days: tuple[int, int], purpose: Purpose, place: str) -> None:
    if days[0] > days[1]:
        raise InputError(f"{place}: the first day {days[0]} is after the last {days[1]}")
    if purpose is Purpose.REMINDER and days[1] > 0:
        raise InputError(f"{place}: a reminder is sent up to the due day (0); later is collection")
    if purpose is Purpose.COLLECTION and days[0] < 1:
        raise InputError(f"{place}: collection begins the day after the due day (1)")
