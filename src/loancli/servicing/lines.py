"""An instalment while the days of a loan are walked, and a coupon that pays interest in the borrower's place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from loancli.core.conduct import Step
from loancli.core.event import Event
from loancli.core.loan import Row
from loancli.core.money import Rounding, rounded
from loancli.core.rates import PPM

DAY = timedelta(days=1)
PARTS = ("fee", "penalty", "interest", "principal")
_NOTHING = dict.fromkeys(PARTS, 0)
_ZERO = Fraction(0)


class Line:
    """What an instalment asks for and what was paid of it. What is waived or written off is no longer asked for.

    Each walk makes two dozen of them: written out, one takes half of the time that a dataclass does.
    """

    __slots__ = (
        "charges", "closed", "due", "fixed_fen", "is_due", "paid", "paid_on", "penalty", "penalty_from", "reason",
        "rebates", "row", "steps", "takes_rest",
    )  # fmt: skip

    def __init__(self, row: Row) -> None:
        self.row = row
        self.fixed_fen: int | None = None  # revenue share: the amount fixed at the close of its window
        self.takes_rest = False  # whatever is left is due with it
        self.reason = row.reason
        self.closed = False  # its interest period has ended
        self.is_due = False
        self.due = _NOTHING.copy()
        self.paid = _NOTHING.copy()
        self.paid_on: date | None = None
        self.penalty = _ZERO  # accrued, not crystallised
        self.penalty_from: date | None = None  # set when grace has run out
        self.charges: tuple[tuple[str, int], ...] = ()  # cause and fen of fees that were charged and fall due with it
        self.rebates: tuple[tuple[str, int], ...] = ()  # cause and fen that coupons pay of its interest when it is due
        self.steps: tuple[Step, ...] = ()  # from the end of its due day on, if it was not paid then

    @property
    def is_untouched(self) -> bool:
        """Is its period not over, nothing charged with it and nothing paid? Then its row tells what it is about."""
        return not (self.closed or self.is_due) and self.due == _NOTHING == self.paid

    def unpaid(self, part: str) -> int:
        return self.due[part] - self.paid[part]

    def unpaid_parts(self) -> dict[str, int]:
        """What is unpaid of each of PARTS."""
        paid = self.paid
        return {part: fen - paid[part] for part, fen in self.due.items()}

    @property
    def is_paid(self) -> bool:
        """Is nothing unpaid of it? No part is paid beyond what it asks for."""
        return self.due == self.paid

    @property
    def unpaid_fen(self) -> int:
        return sum(self.due.values()) - sum(self.paid.values())

    @property
    def late_fen(self) -> int:
        """What makes the instalment past due: a rest of penalty alone does not age a loan."""
        return self.unpaid_fen - self.unpaid("penalty")

    def charge(self, cause: str, amount_fen: int) -> None:
        """A fee on top of what its row asks for."""
        self.due["fee"] += amount_fen
        self.charges += ((cause, amount_fen),)


@dataclass(slots=True)
class Coupon:
    """Pays a share of the interest of so many instalments, up to an amount; None is no bound."""

    cause: str
    share_ppm: int
    left_fen: int | None
    instalments: int | None


def coupon_of(event: Event) -> Coupon:
    """The coupon as it is when it is redeemed."""
    payload = event.payload
    return Coupon(f"coupon:{event.key}", payload["share_ppm"], payload["amount_fen"], payload["instalments"])


def rebates(coupons: Iterable[Coupon], interest_fen: int, rounding: Rounding) -> list[tuple[Coupon, int]]:
    """What each coupon would pay of an interest, the first redeemed first, together never more than it."""
    found: list[tuple[Coupon, int]] = []
    left_fen = interest_fen
    for coupon in coupons:
        if coupon.instalments == 0:
            continue
        fen = min(left_fen, rounded(Fraction(interest_fen * coupon.share_ppm, PPM), rounding))
        if coupon.left_fen is not None:
            fen = min(fen, coupon.left_fen)
        if fen:
            found.append((coupon, fen))
            left_fen -= fen
    return found


def use(paid: Sequence[tuple[Coupon, int]], *, of_instalment: bool) -> tuple[tuple[str, int], ...]:
    """Take what the coupons pay off them; return it by cause. `of_instalment`: it is the interest of a whole one."""
    if not paid:
        return ()
    for coupon, fen in paid:
        if coupon.left_fen is not None:
            coupon.left_fen -= fen
        if of_instalment and coupon.instalments is not None:
            coupon.instalments -= 1
    return tuple((coupon.cause, fen) for coupon, fen in paid)
