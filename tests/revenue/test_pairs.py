"""Money that only goes round: pairs are one to one, near enough, and a function of the set of rows."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.ruling import Ruling
from loancli.revenue.pairs import Leg, Loop, Pairs, Payout, payouts, reach, round_trips, rule_pairs, wallet_moves

TRIP = Loop(
    gap=timedelta(days=3), min_fen=10_000, out_kinds=("转账",), out_kind_prefixes=("微信红包",), out_item_prefixes=()
)
WALLETS = Loop(
    gap=timedelta(minutes=30),
    min_fen=10_000,
    out_kinds=("零钱提现",),
    out_kind_prefixes=(),
    out_item_prefixes=("提现",),
)
ALL = Pairs(round_trip=TRIP, between_wallets=WALLETS, payout_of_bill=Payout(days=2, min_fen=10_000))


def leg(txn_id: int, at: str = "03T10:00:00", **changes: object) -> Leg:
    plain: dict[str, object] = {
        "txn_id": txn_id,
        "key": f"k{txn_id}",
        "channel": "alipay",
        "occurred_at": f"2026-03-{at}+08:00",
        "amount_fen": 10_000,
        "direction": "in",
        "party": "小明",
        "account": "139",
        "kind": "转账",
        "item": "",
        "revenue_class": "possible",
    }
    return Leg(**plain | changes)


def out(txn_id: int, at: str = "03T10:00:00", **changes: object) -> Leg:
    return leg(txn_id, at, **{"direction": "out", "revenue_class": "excluded", **changes})


@pytest.mark.parametrize(
    ("came_in", "went_out", "is_pair"),
    [
        ({}, {}, True),
        ({"revenue_class": "sure"}, {}, True),
        ({"revenue_class": "excluded"}, {}, False),
        ({}, {"kind": "微信红包（单发）"}, True),
        ({}, {"kind": "餐饮美食"}, False),
        ({}, {"direction": "neutral"}, False),
        ({"party": ""}, {"party": ""}, True),
        ({"party": ""}, {"party": "", "account": "138"}, False),
        ({"party": "", "account": ""}, {"party": "", "account": ""}, False),
        ({"party": "**智"}, {"party": "**智"}, True),
        ({"party": "**智", "account": ""}, {"party": "**智", "account": ""}, False),
        ({"party": "王", "account": ""}, {"party": "王", "account": ""}, True),
        ({"channel": "wechat"}, {}, False),
        ({"amount_fen": 9_999}, {"amount_fen": 9_999}, False),
    ],
)
def test_what_makes_a_round_trip(came_in, went_out, is_pair):
    assert round_trips(TRIP, [leg(1, **came_in), out(2, **went_out)]) == ({1: 2} if is_pair else {})


@pytest.mark.parametrize(
    ("came_in", "went_out", "is_pair"),
    [
        ({}, {}, True),
        ({"occurred_at": "2026-03-03T10:30:00+08:00"}, {}, True),
        ({"occurred_at": "2026-03-03T10:30:01+08:00"}, {}, False),
        ({"occurred_at": "2026-03-03T09:59:59+08:00"}, {}, False),  # it came before anything left
        ({"revenue_class": "sure"}, {}, False),
        ({"channel": "wechat"}, {}, False),
        ({}, {"direction": "out", "kind": "其他", "item": "提现-实时提现"}, True),
        ({}, {"kind": "零钱充值"}, False),
    ],
)
def test_what_makes_a_move_between_wallets(came_in, went_out, is_pair):
    left = {"channel": "wechat", "direction": "neutral", "kind": "零钱提现"}
    assert wallet_moves(WALLETS, [leg(1, **came_in), out(2, **left | went_out)]) == ({1: 2} if is_pair else {})


@pytest.mark.parametrize(("day", "fen", "found"), [(2, 10_000, []), (3, 10_000, [1]), (5, 10_000, [1]), (6, 10_000, []),
                                                   (4, 10_001, []), (4, 9_000, [])])  # fmt: skip
def test_what_is_the_payout_of_a_bills_day(day, fen, found):
    nets = {date(2026, 3, 3): {10_000, 9_000}}
    assert payouts(Payout(days=2, min_fen=10_000), [leg(1, f"{day:02d}T09:00:00", amount_fen=fen)], nets) == found


def test_the_first_rule_that_makes_a_pair_decides():
    legs = [leg(1), out(2), leg(3, party="小红"), out(4, channel="wechat", kind="零钱提现", direction="neutral"),
            leg(5, "04T10:00:00", party="平台")]  # fmt: skip
    assert rule_pairs(ALL, legs, {date(2026, 3, 3): {10_000}}) == {
        1: Ruling("round_trip", "excluded", 2),
        3: Ruling("between_wallets", "excluded", 4),
        5: Ruling("payout_of_bill", "excluded", None),
    }
    assert rule_pairs(Pairs(), legs, {}) == {}


LEGS = st.lists(
    st.builds(
        lambda day, hour, side, party, fen: (f"{day:02d}T{hour:02d}:00:00", side, party, fen),
        st.integers(1, 14),
        st.integers(0, 23),
        st.booleans(),
        st.sampled_from(["小明", "小红"]),
        st.sampled_from([10_000, 20_000]),
    ),
    max_size=14,
).map(
    lambda made: [
        (leg if side else out)(number, at, party=party, amount_fen=fen)
        for number, (at, side, party, fen) in enumerate(made)
    ]
)


@given(legs=LEGS, order=st.randoms(use_true_random=False))
def test_pairs_are_one_to_one_near_and_of_any_order(legs, order):
    found = round_trips(TRIP, legs)
    by_id = {each.txn_id: each for each in legs}
    assert len(set(found.values())) == len(found)
    for came_in, went_out in found.items():
        one, other = by_id[came_in], by_id[went_out]
        assert (one.direction, other.direction) == ("in", "out")
        assert (one.party, one.amount_fen) == (other.party, other.amount_fen)
        assert abs(one.at - other.at) <= TRIP.gap
    waiting = [each for each in legs if each.txn_id not in found and each.txn_id not in found.values()]
    assert round_trips(TRIP, waiting) == {}
    shuffled = list(legs)
    order.shuffle(shuffled)
    assert round_trips(TRIP, shuffled) == found


@given(legs=LEGS, first=st.integers(1, 14), days=st.integers(0, 3))
def test_a_look_at_a_period_and_what_it_reaches_gives_what_a_look_at_everything_gives(legs, first, days):
    """How the job does it: load around a period until nothing more hangs together with it."""
    lo = leg(0, f"{first:02d}T00:00:00").at
    hi = lo + timedelta(days=days)
    while True:
        near = [each for each in legs if lo - ALL.margin <= each.at <= hi + ALL.margin]
        wider = reach(ALL, near, lo, hi)
        if wider == (lo, hi):
            break
        lo, hi = wider
    inside = {each.txn_id for each in legs if lo <= each.at <= hi}
    everything, seen = rule_pairs(ALL, legs, {}), rule_pairs(ALL, near, {})
    assert {each: seen[each] for each in seen if each in inside} == {
        each: everything[each] for each in everything if each in inside
    }
