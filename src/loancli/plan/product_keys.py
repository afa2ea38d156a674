"""The types of a product file's keys: how the value of each is read, and what is said to be allowed where it is not.

Imports pydantic's core, which costs start-up time: only product_model.py imports this module.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_plain_validator_function

from loancli.core.errors import InputError
from loancli.core.rates import rate_ppm_of
from loancli.plan import product
from loancli.plan.due_days import PERIODS_MAX
from loancli.plan.product_values import (
    FREQUENCIES,
    PARTS,
    SEASON,
    UNITS_FEN,
    bound_of,
    flag_of,
    fraction_of,
    frequency_of,
    part_of,
    pays_of,
    principal_back_of,
    share_of,
    signed_part_of,
    text_of,
    weights_of,
    whole_of,
    words_of,
    yuan_fen_of,
)


@dataclass(frozen=True, slots=True)
class As:
    """How a key's value is read: converted, or refused with what was found and what is allowed."""

    convert: Callable[[Any], object]
    allowed: str

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        return no_info_plain_validator_function(self.read)

    def read(self, value: Any) -> object:
        """The value, or ValueError with what was found and what is allowed."""
        try:
            return self.convert(value)
        except InputError as error:
            raise ValueError(str(error)) from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError(f"{shown(value)} is not allowed; write {self.allowed}") from None


def shown(value: object) -> str:
    """What was found, for a message."""
    text = f"'{value}'" if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 40 else text[:40] + "…"


def member(kind: type[Enum]) -> As:
    """One of the words of an enum."""
    return As(kind, " | ".join(str(member.value) for member in kind))


def one_of(*words: str) -> As:
    """One of these words."""
    return As(lambda value: words[words.index(value)], " | ".join(words))


Text = Annotated[str, As(text_of, "a text of one line in quotes, up to 400 characters")]
ChargedBy = Annotated[str, As(text_of, "who charges it, in quotes; leave it out for the lender")]
Flag = Annotated[bool, As(flag_of, "true or false")]
Rate = Annotated[int, As(rate_ppm_of, "a rate in quotes, such as '14.4%', '1.2% /month' or '5bp /day'")]
Yuan = Annotated[int, As(yuan_fen_of, "an amount in yuan, such as 200000 or '1234.50'")]
Share = Annotated[int, As(share_of, "a share in quotes, such as '12%'")]
Bound = Annotated[product.Bound, As(bound_of, "'interest', '60% of level' or '300 yuan'")]
Pays = Annotated[product.Pays, As(pays_of, "'interest', 'nothing' or '50% of instalment'")]
Residual = Annotated[tuple[int, int], As(part_of, "'30%' of the principal, or '5000 yuan'")]
Total = Annotated[tuple[int, int], As(fraction_of, "a part of all that is owed, such as '10%' or '1/18'")]
By = Annotated[tuple[int, int], As(signed_part_of, "'5%', '-5%', '100 yuan' or '-100 yuan'")]
Back = Annotated[
    tuple[product.PrincipalBack, int], As(principal_back_of, "'at_end', '10% of drawn' or 'equal_instalments'")
]
Spread = Annotated[int, As(whole_of(1, 2 * PERIODS_MAX), f"a whole number from 1 to {2 * PERIODS_MAX}")]
Periods = Annotated[int, As(whole_of(1, PERIODS_MAX), f"a whole number from 1 to {PERIODS_MAX}")]
RunOn = Annotated[int, As(whole_of(0, PERIODS_MAX), f"a whole number from 0 to {PERIODS_MAX}")]
Days = Annotated[int, As(whole_of(0, 3650), "a whole number of days from 0 to 3650")]
EveryDays = Annotated[int, As(whole_of(1, 3650), "a whole number of days from 1 to 3650")]
Parts = Annotated[tuple[str, ...], As(words_of(PARTS), f"a list of {', '.join(PARTS)}, each at most once")]
Counts = Annotated[tuple[str, ...], As(words_of(("sure", "possible")), "['sure'] or ['sure', 'possible']")]
Weights = Annotated[tuple[int, ...] | str, As(weights_of, f"a list of whole numbers from 0 to 1000, or '{SEASON}'")]
Steps = Annotated[
    product.Frequency, As(frequency_of, f"{' | '.join(FREQUENCIES)} | 'every N days' with N from 1 to 999")
]
Unit = Annotated[int, As(UNITS_FEN.__getitem__, " | ".join(UNITS_FEN))]
