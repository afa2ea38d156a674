"""Masked data keeps what tells people apart and hides the rest (IDN-04)."""

import pytest
import shelf
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.mask import mask_card, mask_id, mask_name, mask_phone


def test_the_published_case():
    case = shelf.cases("domain/cases.json").get("IDN-02")
    if case is None:
        pytest.skip("the reference shelf is not here")
    given_, expected = case["given"], case["expect"]
    assert mask_phone(given_["mobile"]) == expected["mobile"]
    assert mask_id(given_["resident_id"]) == expected["resident_id"]
    assert mask_card(given_["bank_card"]) == expected["bank_card"]
    assert [mask_name(name) for name in given_["name"]] == expected["name"]


@pytest.mark.parametrize(
    ("mask", "text", "shown"),
    [
        pytest.param(mask_phone, "13800001234", "138****1234", id="a mobile"),
        pytest.param(mask_phone, "1380123", "*******", id="too short: nothing would be hidden, so all is"),
        pytest.param(mask_card, "1234", "****", id="four digits are not a card"),
        pytest.param(mask_name, "张", "*", id="one character is the whole name"),
        pytest.param(mask_name, "", "", id="nothing"),
    ],
)
def test_what_is_too_short_is_hidden_whole(mask, text, shown):
    assert mask(text) == shown


@given(st.text(min_size=1, max_size=30), st.sampled_from([mask_phone, mask_id, mask_card, mask_name]))
def test_something_is_always_hidden_and_the_length_stays(text, mask):
    assert len(mask(text)) == len(text)
    assert "*" in mask(text)
