"""The phrase book of refusals: each English sentence still stands in the code, and is known again with its values."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loancli.texts import refusals
from loancli.texts.refusals import fixed, phrases, refusal

SOURCE = Path(__file__).resolve().parents[2] / "src" / "loancli"
WORDS = {"path", "what"}  # placeholders that Chinese can do without: they repeat, or are English words


def names(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def filled(sentence: str) -> str:
    return sentence.format_map({name: f"<{name}>" for name in names(sentence)})


def sentences_in_code() -> list[re.Pattern[str]]:
    """Every text in the code that has a space in it, with anything in place of what is filled in."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                texts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                texts = [node.value]
            else:
                continue
            if sum(len(text) for text in texts if text) >= 8:
                found.add("".join(".*" if text is None else re.escape(text) for text in texts))
    return [re.compile(each, re.DOTALL) for each in found]


IN_CODE = sentences_in_code()


def literals(pattern: re.Pattern[str]) -> int:
    return len(pattern.pattern.replace(".*", "").replace("\\", ""))


@pytest.mark.parametrize("english", phrases())
def test_a_sentence_stands_in_the_code(english):
    """One that was put in other words there would be told in English, and nobody would notice."""
    length = sum(map(len, fixed(english)))
    told = filled(english)
    assert any(literals(each) >= length * 2 // 5 and each.fullmatch(told) for each in IN_CODE)


@pytest.mark.parametrize("english", phrases())
def test_each_sentence_is_known_again_with_its_values(english):
    """No other sentence of the book takes its place; nothing of what was found is lost."""
    chinese = phrases()[english]
    assert names(english) - names(chinese) <= WORDS
    assert refusal(filled(english), "zh") == filled(chinese)
    assert refusal(f"f.csv:3:due_on: {filled(english)}", "zh").endswith(filled(chinese).partition("<")[2])
    assert refusal(filled(english), "en") == filled(english)


def test_a_sentence_has_enough_words_to_be_known_by():
    assert min(sum(map(len, fixed(english))) for english in phrases()) > len("; write: ")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        pytest.param(
            "principal: 5.00 yuan is not allowed; flat lends 1,000.00 to 2,000.00 yuan",
            "principal（本金）：不能是 5.00 元；flat 可贷 1,000.00 至 2,000.00 元",
            id="a sentence",
        ),
        pytest.param(
            "h.csv:2:day: '2025-02-30' is not a day; write it as 2026-11-23\nx.csv:3: 7 cells; the first row has 3",
            "h.csv:2:day: “2025-02-30”不是日期；写法如 2026-11-23\nx.csv:3: 有 7 格；首行有 3 格",
            id="places stay, each line by itself",
        ),
        pytest.param(
            "share: 'x' is not a share; write it as '12.5%'; write: share 10%",
            "share：“x”不是比例；写法如 '12.5%'；写法：share 10%",
            id="a sentence inside another",
        ),
        pytest.param("a: {x} {0} is odd", "a: {x} {0} is odd", id="what the book lacks stays English"),
        pytest.param("'{id} [x' is not a share; write it as '12.5%'", "“{id} [x”不是比例；写法如 '12.5%'", id="braces"),
        pytest.param("", "", id="nothing"),
        (
            "loans.csv:5:periods: 0 is not allowed; flat has 3 to 36",
            "loans.csv:5:periods（期数）：不能是 0；flat 为 3 至 36 期",
        ),
    ],
)
def test_a_message_is_told_in_chinese(message, told):
    assert refusal(message, "zh") == told


@settings(max_examples=100)
@given(value=st.text(max_size=30).filter(lambda text: "\n" not in text), english=st.sampled_from(list(phrases())))
def test_no_value_breaks_a_sentence_or_is_lost(value, english):
    told = refusal(english.format_map(dict.fromkeys(names(english), value)), "zh")
    assert value in told or not names(english)


def test_only_chinese_needs_the_book(monkeypatch):
    monkeypatch.setattr(refusals, "phrases", lambda: pytest.fail("read in vain"))
    assert refusal("anything", "en") == "anything"
