"""A text is filled once and literally, and one that has a hole, a threat or a stranger's signature is never read in."""

from datetime import date

import pytest
import shelf
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.errors import InputError
from loancli.outreach.policy import Purpose
from loancli.outreach.templates import (
    LENGTH_MAX,
    VARIABLES,
    TextValues,
    neutral,
    read_templates,
    rendered,
    segments_of,
)

VALUES = TextValues(name="王小明", amount_fen=123_450, due_on=date(2026, 11, 30), days=3, loan_id="L-7")


def document(text: str, *, purposes: str = '"reminder"', lender: str = "示例小贷") -> str:
    return (
        f'[sender]\nlender = "{lender}"\n[[templates]]\nname = "one"\npurposes = [{purposes}]\n'
        f"approved_by = \"Li\"\ntext = '''{text}'''\n"
    )


def test_a_text_is_filled_with_the_signature_in_front(limits):
    text = "${name}您好，${due}应还${amount}元（${loan}，${days}天），${lender}。请回复。"
    templates = read_templates(document(text), "f", limits)
    assert rendered(templates, "one", VALUES) == (
        "【示例小贷】王小明您好，11月30日应还1,234.50元（L-7，3天），示例小贷。请回复。"
    )


def test_the_shipped_texts_are_polite_honest_and_short(templates):
    assert len(templates.by_name) >= 8
    for template in templates.by_name.values():
        assert template.is_approved, template.name
        assert "如已还款请忽略" in template.text, template.name
        assert "回复" in template.text, template.name
        assert "您好" in template.text, template.name
        assert Purpose.OFFER not in template.purposes
        assert segments_of(rendered(templates, template.name, VALUES)) <= 2, template.name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "${nmae}请回复", r"f:one\.text: position 1: unknown variable 'nmae'; did you mean 'name'", id="hole"
        ),
        pytest.param("请回复${name", r"position 4: '\$' must open a variable", id="an open brace"),
        pytest.param("请回复$name", r"position 4: '\$' must open a variable", id="no brace"),
        pytest.param("请回复$$", r"position 4: '\$' must open", id="a dollar"),
        pytest.param("${NAME}请回复", "unknown variable 'NAME'", id="case counts"),
        pytest.param("尊敬的{{ nmae }}请回复", r"position 4: .*not \{\{ name \}\}.*did you mean 'name'", id="jinja"),
        pytest.param("请回复{name}", r"position 4: '\{' would be sent as it stands", id="a brace"),
        pytest.param("【招商银行】请回复", r"position 1: '【' would be sent", id="another's signature"),
        pytest.param("您好\n请回复", r"position 3: invisible sign U\+000A", id="a line break"),
        pytest.param("您好\u202e请回复", r"position 3: invisible sign U\+202E", id="right to left"),
        pytest.param("再不还款将起诉至法院，请回复", "contains '法院'", id="a court"),
        pytest.param("您的名字已进黑 名 单，请回复", "contains '黑名单'", id="a blacklist with spaces"),
        pytest.param("坐${days}牢，请回复", "contains '坐牢'", id="a word cut by a variable"),
        pytest.param("您好，请还款。", "must say how to reach the lender", id="no reply route"),
        pytest.param("请回复。拒收请回复R", "is for offers", id="marketing's ending on a reminder"),
        pytest.param("请回复" + "长" * LENGTH_MAX, "vendors take at most 500", id="too long"),
    ],
)
def test_a_text_that_must_not_be_sent_is_not_read(limits, text, message):
    with pytest.raises(InputError, match=message):
        read_templates(document(text), "f", limits)


def test_offers_end_with_the_way_out_and_stay_apart(limits):
    offer = document("利息减免券，${lender}。拒收请回复R", purposes='"offer"')
    assert read_templates(offer, "f", limits).by_name["one"].purposes == (Purpose.OFFER,)
    with pytest.raises(InputError, match="must end with 拒收请回复R"):
        read_templates(document("利息减免券，请回复", purposes='"offer"'), "f", limits)
    with pytest.raises(InputError, match="never mixed"):
        read_templates(document("券，拒收请回复R", purposes='"offer", "reminder"'), "f", limits)


@pytest.mark.parametrize("lender", ["", "示例【小贷", " 示例小贷"])
def test_the_lender_is_a_bare_name(limits, lender):
    with pytest.raises(InputError, match=r"f:sender\.lender: must be the bare name"):
        read_templates(document("请回复", lender=lender), "f", limits)


def test_a_template_nobody_approved_is_read_but_not_approved(limits):
    text = document("请回复").replace('approved_by = "Li"\n', "")
    assert not read_templates(text, "f", limits).by_name["one"].is_approved


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("{{ amount }}\r\nBcc: x@example.invalid", "{{ amount }} Bcc: x…", id="tpl-05"),
        pytest.param("${amount}", "${amount}", id="no second pass"),
        pytest.param("【招商银行】", "〔招商银行〕", id="no second signature"),
        pytest.param("王\u202e小\u200b明\x00", "王 小 明", id="bidi, zero width, NUL"),
        pytest.param("王" * 30, "王" * 19 + "…", id="cut"),
    ],
)
def test_a_name_is_put_in_as_it_is_but_for_what_changes_the_text_around_it(limits, name, shown):
    templates = read_templates(document("${name}，请回复"), "f", limits)
    values = TextValues(name=name, amount_fen=1, due_on=date(2026, 1, 2), days=0, loan_id="L")
    assert rendered(templates, "one", values) == f"【示例小贷】{shown}，请回复"


@given(st.text(max_size=40), st.integers(0, 10**11), st.integers(0, 9_999))
def test_whatever_the_values_the_text_is_one_printable_line_with_one_signature(templates, name, amount_fen, days):
    values = TextValues(name=name, amount_fen=amount_fen, due_on=date(2026, 1, 2), days=days, loan_id=name)
    for template in templates.by_name:
        text = rendered(templates, template, values)
        assert text.isprintable()
        assert text.count("【") == text.count("】") == 1
        assert len(text.splitlines()) == 1


@given(st.text())
def test_neutral_is_done_once_for_all(text):
    assert neutral(neutral(text)) == neutral(text)


def test_parts_of_a_text(limits):
    case = shelf.cases("domain/cases.json").get("SMS-01")
    if case is None:
        pytest.skip("the reference shelf is not here")
    lengths = case["given"]["lengths_with_signature"]
    assert [segments_of("字" * length) for length in lengths] == case["expect"]["segments"]


def test_an_emoji_counts_two_units():
    assert segments_of("😀" * 35) == 1
    assert segments_of("😀" * 36) == 2


def test_the_variables_are_all_documented(shipped):
    head = shipped("templates/sms.toml").partition("[sender]")[0]
    assert all(f"${{{name}}}" in head for name in VARIABLES)
