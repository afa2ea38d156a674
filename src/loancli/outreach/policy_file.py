"""schedules/policies/contact.toml → Limits. A lender may be stricter than a rule; to be looser, say who decided."""

from dataclasses import dataclass
from datetime import time

from loancli.core.errors import InputError
from loancli.core.tables import near, parsed, record, records
from loancli.outreach.policy import Limits, Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class HourLimit:
    """A time of day. `bound` is the least strict that the rule allows; `override` says who went past it, and why."""

    value: time
    bound: time
    rule: str
    source: str
    override: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountLimit:
    """A count, with the highest that the rule allows."""

    value: int
    bound: int
    rule: str
    source: str
    override: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidayLimit:
    """Purposes that rest on public holidays."""

    purposes: tuple[Purpose, ...]
    rule: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WordList:
    """Words that no text may contain (COL-05)."""

    kind: str
    words: tuple[str, ...]
    rule: str
    source: str


_STARTS = ("contact_from", "offer_from")  # may not be earlier than their bound; all others not beyond it
_ENDS = ("contact_until", "offer_until")
_COUNTS = (
    "conversations_per_day_max",
    "attempts_per_number_day_max",
    "contacts_per_day_max",
    "contacts_per_7_days_max",
    "same_content_per_day_max",
)
_KEYS = (*_STARTS, *_ENDS, *_COUNTS, "rest_on_holidays", "blocked_words")


def read_limits(text: str, file_name: str) -> Limits:
    """Limits from TOML. Raises InputError for what is missing, unknown, or looser than its rule without an override."""
    tables = parsed(text, file_name)
    for key in tables:
        if key not in _KEYS:
            raise InputError(f"{file_name}:{key}: there is no such limit; {near(key, _KEYS)}")
    for key in _KEYS:
        if key not in tables:
            raise InputError(f"{file_name}:{key}: is missing")
    hours = {key: record(HourLimit, tables[key], f"{file_name}:{key}") for key in (*_STARTS, *_ENDS)}
    counts = {key: record(CountLimit, tables[key], f"{file_name}:{key}") for key in _COUNTS}
    loose = {key: hour for key, hour in hours.items() if _is_loose_hour(key, hour)}
    for key, count in counts.items():
        if count.value < 1:
            raise InputError(
                f"{file_name}:{key}.value: {count.value} must be 1 or more; to contact nobody plan no campaign"
            )
    for start, end in zip(_STARTS, _ENDS, strict=True):
        if hours[start].value >= hours[end].value:
            raise InputError(f"{file_name}:{end}.value: {_shown(hours[end].value)} must be later than {start}")
    loose_limits = loose | {key: count for key, count in counts.items() if count.value > count.bound}
    return Limits(
        contact_from=hours["contact_from"].value,
        contact_until=hours["contact_until"].value,
        offer_from=hours["offer_from"].value,
        offer_until=hours["offer_until"].value,
        conversations_per_day_max=counts["conversations_per_day_max"].value,
        attempts_per_number_day_max=counts["attempts_per_number_day_max"].value,
        contacts_per_day_max=counts["contacts_per_day_max"].value,
        contacts_per_7_days_max=counts["contacts_per_7_days_max"].value,
        same_content_per_day_max=counts["same_content_per_day_max"].value,
        rest_on_holidays=record(HolidayLimit, tables["rest_on_holidays"], f"{file_name}:rest_on_holidays").purposes,
        blocked_words=_words(tables["blocked_words"], f"{file_name}:blocked_words"),
        overrides=tuple(_override(key, limit, file_name) for key, limit in loose_limits.items()),
    )


def _is_loose_hour(key: str, hour: HourLimit) -> bool:
    return hour.value < hour.bound if key in _STARTS else hour.value > hour.bound


def _override(key: str, limit: HourLimit | CountLimit, file_name: str) -> str:
    """The sentence to keep on record, or InputError if nobody took responsibility (COL-12)."""
    value, bound = _shown(limit.value), _shown(limit.bound)
    reason = limit.override.strip()
    if not reason:
        message = (
            f"{value} is looser than {bound} of {limit.rule}; tighten it, or say in override who decided it, and why"
        )
        raise InputError(f"{file_name}:{key}.value: {message}")
    return f"{key} = {value} instead of {bound} ({limit.rule}): {reason}"


def _words(tables: object, place: str) -> tuple[str, ...]:
    lists = records(WordList, tables, place)
    for number, one in enumerate(lists, start=1):
        if not all(word.strip() for word in one.words):
            raise InputError(f"{place}[{number}].words: an empty word would block every text")
    return tuple(dict.fromkeys(word for one in lists for word in one.words))


def _shown(value: time | int) -> str:
    return value.strftime("%H:%M") if isinstance(value, time) else str(value)
