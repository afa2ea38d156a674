"""An instalment while the days of a loan are walked, and a coupon that pays interest in the borrower's place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from loancli.core.event import Event
from loancli.core.loan import Row
from loancli.core.money import Rounding, rounded
from loancli.core.rates import PPM

DAY = timedelta(days=1)
PARTS = ("fee", "penalty", "interest", "principal")
_NOTHING = dict.fromkeys(PARTS, 0)


class Line:
    """What an instalment asks for and what was paid of it. What is waived or written off is no longer asked for.

    What most lines never have stands in the class, and `due` and `paid` are made when they are first asked for: each
    walk has two dozen lines, and touches a few.
    """

    due: dict[str, int]  # by part, and …
    paid: dict[str, int]  # … as much of it
    is_untouched: bool = True  # nobody has looked at them: its period is not over, and its row may tell the rest
    fixed_fen: int | None = None  # revenue share: the amount fixed at the close of its window
    takes_rest: bool = False  # whatever is left is due with it
    closed: bool = False  # its interest period has ended
    is_due: bool = False
    paid_on: date | None = None
    penalty: Fraction = Fraction(0)  # accrued, not crystallised
    penalty_from: date | None = None  # set when grace has run out
    charges: tuple[tuple[str, int], ...] = ()  # cause and fen of fees that were charged and fall due with it
    rebates: tuple[tuple[str, int], ...] = ()  # cause and fen that coupons pay of its interest when it falls due

    def __init__(self, row: Row) -> None:
        self.row = row
        self.reason = row.reason

    def __getattr__(self, name: str) -> dict[str, int]:
        if name not in {"due", "paid"}:
            raise AttributeError(name)
        found = vars(self)[name] = _NOTHING.copy()
        self.is_untouched = False
        return found

    def unpaid(self, part: str) -> int:
        return self.due[part] - self.paid[part]

    def unpaid_parts(self) -> dict[str, int]:
        """What is unpaid of each of PARTS."""
        paid = self.paid
        return {part: fen - paid[part] for part, fen in self.due.items()}

    @property
    def is_paid(self) -> bool:
        """Is nothing unpaid of it? No part is paid beyond what it asks for."""
        return self.is_untouched or self.due == self.paid

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
