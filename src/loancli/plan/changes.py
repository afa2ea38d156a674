"""What may be changed in a plan after signing, as values; and the words that a command or a batch file says them in.

One change is one line of text, the same in every place: 'prepay 10000 shorter', 'extend 3', 'breathe 2 interest'.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from loancli.core.days import date_of
from loancli.core.errors import InputError
from loancli.core.money import fen_of
from loancli.core.rates import PPM, rate_ppm_of, share_ppm_of
from loancli.plan.due_days import PERIODS_MAX
from loancli.plan.product import Bound, Pays
from loancli.plan.product_values import bound_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepay:
    """Pay before it is due: the interest up to the day, and principal with the rest of the money."""

    amount_fen: int
    shortens: bool  # True: instalments stay as they are and end sooner; False: they become smaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """After principal was paid ahead on a loan: the same instalments end sooner, or as many of them become smaller."""

    shortens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Respread:
    """Spread what is left over so many instalments, from the next one on."""

    periods: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reage:
    """Spread all of a loan anew, what is overdue with it: over so many instalments, or over those that are left."""

    periods: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend:
    """Spread what is left over so many instalments more than there are."""

    periods: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reweight:
    """Big and small months from the next instalment on: 12 weights, January to December."""

    weights: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defer:
    """The next instalment falls due later, and all after it: on a day, or by so many steps. Interest runs on."""

    due_on: date | None = None
    steps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerate:
    """Another yearly rate from the day of the change on."""

    annual_rate_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshare:
    """Another share, floor or cap of a revenue plan; what is None stays."""

    share_ppm: int | None = None
    floor: Bound | None = None
    cap: Bound | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breathe:
    """Breathing space for so many instalments; what is None is the product's."""

    periods: int
    pays: Pays | None = None
    extends: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restructure:
    """Another product for what is left, over so many instalments or the product's own number."""

    product_code: str
    periods: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waive:
    """Waive what is due of a part: an amount of it, a share of it, or all of it."""

    part: str  # penalty, interest, fee or EVERY_PART
    amount_fen: int | None = None
    share_ppm: int = PPM


Change = (
    Prepay | Resize | Respread | Reage | Extend | Reweight | Defer | Rerate | Reshare | Breathe | Restructure | Waive
)
WAIVABLE = ("penalty", "interest", "fee")
EVERY_PART = "all"  # of a waiver: of all that is due and can be waived

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@lru_cache(maxsize=256)  # a batch says the same of many loans
def change_of(text: str) -> Change:
    """One change in words. Raises InputError that shows how the words are written."""
    word, _, rest = text.strip().partition(" ")
    if word not in _READERS:
        raise InputError(f"'{text[:60]}' is not a change; write one of: {'; '.join(USAGE.values())}")
    try:
        return _READERS[word](rest.split())
    except InputError as error:
        raise InputError(f"{word}: {error}; write: {USAGE[word]}") from None
    except (ValueError, TypeError):
        raise InputError(f"{word}: '{rest[:60]}' is not allowed; write: {USAGE[word]}") from None


USAGE = {
    "prepay": "prepay 10000 shorter|smaller",
    "shorter": "shorter (once money was paid ahead: the same instalments, until it is paid off)",
    "smaller": "smaller (once money was paid ahead: as many instalments, smaller ones)",
    "extend": "extend 3",
    "respread": "respread 24",
    "reage": "reage 6, or reage (over the instalments that are left): what is overdue is spread with the rest",
    "reweight": "reweight 4,4,6,8,10,10,8,8,6,6,4,4",
    "defer": "defer 2027-03-15, or defer 2",
    "rate": "rate 12%",
    "share": "share 10%",
    "floor": "floor interest, or floor 30% of level, or floor 300 yuan",
    "cap": "cap 150% of level, or cap 3000 yuan",
    "breathe": "breathe 2 [interest|nothing|50%] [respread|extend]",
    "restructure": "restructure equal-principal [24]",
    "waive": "waive penalty|interest|fee|all [50%], or waive penalty 100 (yuan): of what is due",
}


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= PERIODS_MAX:
        raise ValueError
    return int(text)


def _prepay(words: Sequence[str]) -> Change:
    amount, how = words
    if how not in {"shorter", "smaller"}:
        raise ValueError
    amount_fen = fen_of(amount)
    if amount_fen <= 0:
        raise ValueError
    return Prepay(amount_fen=amount_fen, shortens=how == "shorter")


def _shorter(words: Sequence[str]) -> Change:
    () = words
    return Resize(shortens=True)


def _smaller(words: Sequence[str]) -> Change:
    () = words
    return Resize(shortens=False)


def _extend(words: Sequence[str]) -> Change:
    (periods,) = words
    return Extend(periods=_whole(periods))


def _respread(words: Sequence[str]) -> Change:
    (periods,) = words
    return Respread(periods=_whole(periods))


def _reage(words: Sequence[str]) -> Change:
    if not words:
        return Reage()
    (periods,) = words
    return Reage(periods=_whole(periods))


def _reweight(words: Sequence[str]) -> Change:
    weights = tuple(int(weight) for weight in "".join(words).split(","))
    if len(weights) != 12 or not all(0 <= weight <= 1000 for weight in weights) or not any(weights):
        raise InputError("12 weights from 0 to 1000, January to December, at least one above 0")
    return Reweight(weights=weights)


def _defer(words: Sequence[str]) -> Change:
    (when,) = words
    return Defer(due_on=date_of(when, "day")) if _DAY.fullmatch(when) else Defer(steps=_whole(when))


def _rate(words: Sequence[str]) -> Change:
    return Rerate(annual_rate_ppm=rate_ppm_of(" ".join(words)))


def _share(words: Sequence[str]) -> Change:
    (share,) = words
    share_ppm = share_ppm_of(share)
    if not 0 < share_ppm <= PPM:
        raise InputError("a share lies above 0% and is at most 100%")
    return Reshare(share_ppm=share_ppm)


def _floor(words: Sequence[str]) -> Change:
    return Reshare(floor=_bound(words))


def _cap(words: Sequence[str]) -> Change:
    return Reshare(cap=_bound(words))


def _bound(words: Sequence[str]) -> Bound:
    return bound_of(" ".join(words))


def _breathe(words: Sequence[str]) -> Change:
    periods, *rest = words
    pays, extends = None, None
    for word in rest:
        if word in {"respread", "extend"} and extends is None:
            extends = word == "extend"
        elif pays is None:
            part_ppm = share_ppm_of(word) if word.endswith(("%", "％")) else 0
            if part_ppm >= PPM or (part_ppm == 0 and word not in {"interest", "nothing"}):
                raise ValueError
            pays = Pays(interest=word == "interest", part_ppm=part_ppm)
        else:
            raise ValueError
    return Breathe(periods=_whole(periods), pays=pays, extends=extends)


def _restructure(words: Sequence[str]) -> Change:
    code, *periods = words
    if len(periods) > 1:
        raise ValueError
    return Restructure(product_code=code, periods=_whole(periods[0]) if periods else None)


def _waive(words: Sequence[str]) -> Change:
    part, *rest = words
    if part not in {*WAIVABLE, EVERY_PART} or len(rest) > 1:
        raise ValueError
    if not rest:
        return Waive(part=part)
    (much,) = rest
    if much.endswith(("%", "％")):
        share_ppm = share_ppm_of(much)
        if not 0 < share_ppm <= PPM:
            raise InputError("a share lies above 0% and is at most 100%")
        return Waive(part=part, share_ppm=share_ppm)
    amount_fen = fen_of(much)
    if amount_fen <= 0:
        raise ValueError
    return Waive(part=part, amount_fen=amount_fen)


_READERS: dict[str, Callable[[Sequence[str]], Change]] = {
    "prepay": _prepay,
    "shorter": _shorter,
    "smaller": _smaller,
    "extend": _extend,
    "respread": _respread,
    "reage": _reage,
    "reweight": _reweight,
    "defer": _defer,
    "rate": _rate,
    "share": _share,
    "floor": _floor,
    "cap": _cap,
    "breathe": _breathe,
    "restructure": _restructure,
    "waive": _waive,
}
