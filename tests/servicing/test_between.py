"""A payment between several debts (Civil Code 560): the debtor's choice, else the order of the law."""

from datetime import date
from typing import Any

import pytest
import shelf
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.money import fen_of
from loancli.servicing.between import Debt, between

ON = date(2026, 5, 10)
PAST, COMING = date(2026, 4, 10), date(2026, 6, 10)


def debt(name: str, **changes: Any) -> Debt:
    return Debt(name, 10_000, PAST, 100_000)._replace(**changes)


def order(*debts: Debt) -> str:
    """The debts in the order in which one fen each after all before them is paid reaches them."""
    found, left_fen = between(sum(each.amount_fen for each in debts), debts, ON)
    assert left_fen == 0
    return "".join(found)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"due_on": ON}, {"due_on": COMING, "annual_rate_ppm": 240_000}),  # due before not due
        ({"is_secured": False}, {"is_secured": True, "annual_rate_ppm": 240_000, "due_on": date(2025, 1, 1)}),
        ({"annual_rate_ppm": 150_000}, {"annual_rate_ppm": 149_999, "due_on": date(2025, 1, 1)}),  # heaviest
        ({"due_on": date(2026, 4, 9)}, {"due_on": PAST}),  # due first
        ({"due_on": COMING}, {"due_on": date(2026, 7, 10)}),
    ],
)
def test_the_order_of_the_law(first, second):
    assert order(debt("B", **first), debt("A", **second)) == "BA"
    found, _ = between(10_000, [debt("A", **second), debt("B", **first)], ON)
    assert found == {"B": 10_000}


def test_what_is_alike_shares_by_its_amount_to_the_fen():
    debts = [debt("A", amount_fen=10_000), debt("B", amount_fen=20_000), debt("C", amount_fen=3)]
    assert between(100, debts, ON) == ({"A": 33, "B": 67}, 0)


def test_all_03():
    for case in shelf.cases("domain/cases.json").values():
        if case["id"] != "ALL-03":
            continue
        given_, expect = case["given"], case["expect"]
        debts = [
            Debt(
                name=each["id"],
                amount_fen=fen_of(each["amount"]),
                due_on=date.fromisoformat(each["due"]),
                annual_rate_ppm=10_000 * int(each["rate_percent"]),
                is_secured=each["secured"],
            )
            for each in given_["debts"]
        ]
        on, paid_fen = date.fromisoformat(given_["as_of"]), fen_of(given_["payment"])
        for name, named in (("no_designation", []), ("debtor_designates_D1", ["D1"])):
            found, left_fen = between(paid_fen, debts, on, named=named)
            assert left_fen == 0
            assert {each.name: found.get(each.name, 0) for each in debts} == {
                debt_id: fen_of(amount) for debt_id, amount in expect[name].items()
            }
        return
    pytest.skip("the reference shelf is not here")


debts = st.lists(
    st.builds(
        Debt,
        st.sampled_from("ABCDEF"),
        st.integers(0, 10**9),
        st.sampled_from([date(2026, 3, 1), PAST, ON, COMING]),
        st.sampled_from([100_000, 150_000]),
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda each: each.name,
)


@given(st.integers(0, 10**10), debts, st.lists(st.sampled_from("ABCDEF"), max_size=2, unique=True))
def test_every_fen_goes_to_a_debt_or_is_left_and_none_gets_more_than_it_is(paid_fen, debts, named):
    found, left_fen = between(paid_fen, debts, ON, named=named)
    assert sum(found.values()) + left_fen == paid_fen
    assert left_fen == max(0, paid_fen - sum(each.amount_fen for each in debts))
    owed = {each.name: each.amount_fen for each in debts}
    assert all(0 < fen <= owed[name] for name, fen in found.items())
    assert between(paid_fen, debts[::-1], ON, named=named) == (found, left_fen)
    short = [name for name in owed if found.get(name, 0) < owed[name]]
    # What the debtor named is paid in full before anything else gets a fen.
    if (first := next((name for name in named if owed.get(name)), None)) in short:
        assert set(found) <= {first}
