"""A fixed fee while the days of a loan are walked: it falls due with the amounts that bring it, and accrues by days."""

from dataclasses import dataclass
from fractions import Fraction

from loancli.core.loan import Row
from loancli.core.money import rounded
from loancli.plan.fixed_fee import FeeCurve, curve_of, earned_by_days
from loancli.plan.product import Early
from loancli.servicing.contract import Contract


@dataclass(slots=True)
class FeeAhead:
    """What of the fee has not fallen due: nothing until the payout, then all of it."""

    contract: Contract
    curve: FeeCurve
    left_fen: int = 0

    def changed(self, contract: Contract, number: int) -> None:
        """The rows from `number` on are others: what is owed goes along them."""
        self.contract = contract
        self.curve = curve_of(contract.product, contract.rows[number - 1 : contract.maturity_number])

    def part(self, amount_fen: int, pool_fen: int) -> int:
        """The fee in the next amount that falls due or is paid ahead; in all that is owed, all of it.

        Also where what is owed is not what the rows were made for (a payment before a change was taken back), the fee
        is all due before the last fen of principal.
        """
        owed_fen = pool_fen + self.left_fen
        if amount_fen >= owed_fen:
            return self.left_fen
        return max(min(self.curve.part(owed_fen, amount_fen), self.left_fen), amount_fen - pool_fen + 1)

    def falls_due(self, row: Row, pool_fen: int, *, fixed_fen: int | None, takes_rest: bool) -> tuple[int, int]:
        """The fee and the principal that fall due with a row: of what was fixed, else of what was planned."""
        owed_fen = pool_fen + self.left_fen
        amount_fen = row.principal_fen + row.interest_fen if fixed_fen is None else fixed_fen
        if takes_rest or (fixed_fen is None and row.number == self.contract.maturity_number):
            amount_fen = owed_fen
        fee_fen = self.part(amount_fen, pool_fen)
        return fee_fen, min(amount_fen - fee_fen, pool_fen)

    def to_settle(self, accrued: Fraction) -> int:
        """The fee that is owed where all is paid today."""
        product = self.contract.product
        assert product.fixed_fee is not None
        return self.left_fen if product.fixed_fee.early is Early.ALL_DUE else rounded(accrued, product.rounding)

    def by_days(self, row: Row, pool_fen: int, days: int) -> Fraction:
        """What accrues in `days` of the period of `row`, not looking at what is left of the fee."""
        left_fen = pool_fen + self.left_fen
        product = self.contract.product
        return earned_by_days(product, self.curve, row, left_fen=left_fen, principal_fen=pool_fen, days=days)


def fee_ahead(contract: Contract) -> FeeAhead | None:
    """The fee of a contract; None where it has a yearly rate."""
    if contract.product.fixed_fee is None:
        return None
    return FeeAhead(contract, curve_of(contract.product, contract.rows[: contract.maturity_number]))
