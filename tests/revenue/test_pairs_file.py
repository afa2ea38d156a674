"""The file of rules over several rows: what it says is what is kept, and what is wrong with it is told."""

from datetime import timedelta
from pathlib import Path

import pytest

from loancli.core.errors import InputError
from loancli.revenue.pairs import Loop, Pairs
from loancli.revenue.pairs_file import REQUIRED, read_pairs, restored, stored

PATH = Path(__file__).resolve().parents[2] / "schedules" / "revenue" / "pairs.toml"
TEXT = PATH.read_text(encoding="utf-8")
SENTENCES = 'why_zh = "z"\nwhy_en = "e"\n'
LEAST = "".join(f"[{code}]\n{SENTENCES}" for code in REQUIRED)
TRIP = f'[round_trip]\ndays = 7\nmin_yuan = 100\nout_kinds = ["转账"]\n{SENTENCES}'


def test_what_is_shipped_is_read_and_has_both_languages():
    found = read_pairs(TEXT, "pairs.toml")
    assert found.pairs.round_trip is not None
    assert found.pairs.round_trip.gap == timedelta(days=7)
    assert found.pairs.between_wallets is not None
    assert found.pairs.payout_of_bill is not None
    for code in found.why_by_code:
        assert found.why(code, "zh") != code != found.why(code, "en") != found.why(code, "zh")
    assert found.why("gone", "en") == "gone"


def test_what_is_left_out_is_not_looked_for():
    assert read_pairs(LEAST, "x.toml").pairs == Pairs()
    assert read_pairs(LEAST + TRIP, "x.toml").pairs == Pairs(
        round_trip=Loop(
            gap=timedelta(days=7), min_fen=10_000, out_kinds=("转账",), out_kind_prefixes=(), out_item_prefixes=()
        )
    )


@pytest.mark.parametrize("text", [TEXT, LEAST, LEAST + TRIP], ids=["shipped", "nothing", "one"])
def test_what_is_kept_beside_rulings_is_what_was_read(text):
    pairs = read_pairs(text, "x.toml").pairs
    assert restored(stored(pairs)) == pairs
    assert stored(restored(stored(pairs))) == stored(pairs)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x =", "x.toml: not TOML"),
        ("x = " + "[" * 5000, "x.toml: not TOML"),
        ("", "x.toml:same_money: is missing"),
        (LEAST + TRIP.replace("round_trip", "round_trips"), "round_trips: is not known, did you mean round_trip?"),
        ("same_money = 1\n", "x.toml:same_money: must be a table"),
        (LEAST.replace('why_zh = "z"\n', "", 1), "same_money.why_zh: must be a sentence"),
        (LEAST.replace("[conflict]", "[conflict]\ndays = 1"), "conflict.days: is not known"),
        (LEAST + TRIP.replace("days = 7", "days = 0"), "round_trip.days: must be a whole number from 1 to 60"),
        (LEAST + TRIP.replace("days = 7", 'days = "7"'), "round_trip.days: must be a whole number"),
        (LEAST + TRIP.replace("days = 7", "days = true"), "round_trip.days: must be a whole number"),
        (LEAST + TRIP.replace("min_yuan = 100\n", ""), "round_trip.min_yuan: must be a whole number"),
        (LEAST + TRIP.replace('["转账"]', '"转账"'), "round_trip.out_kinds: must be a list of texts"),
        (LEAST + TRIP.replace('["转账"]', '[""]'), "round_trip.out_kinds: must be a list of texts"),
        (LEAST + TRIP.replace('["转账"]', "[]"), "round_trip.out_kinds: says of no row that it went out"),
        (LEAST + TRIP.replace("out_kinds", "kinds"), "round_trip.kinds: is not known, did you mean out_kinds?"),
    ],
)
def test_a_wrong_file_is_refused_with_table_and_key(text, told):
    with pytest.raises(InputError) as refused:
        read_pairs(text, "x.toml")
    assert told in str(refused.value)
