"""Texts: fixed names in ${…}, filled once and literally; checked when read, so that no hole and no threat is ever sent.

Only string.Template: no loops, attributes or filters to abuse (LIBRARIES §3.8).
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from string import Template

from loancli.core.errors import InputError
from loancli.core.money import yuan
from loancli.core.tables import named, near, parsed, record, records
from loancli.outreach.policy import Limits, Purpose

PART_ALONE_MAX = 70  # SMS-02, in UTF-16 units, signature included
PART_JOINED_MAX = 67
LENGTH_MAX = 500  # vendor's maximum (SMS-02)
NAME_LENGTH_MAX = 20
OPT_OUT = "拒收请回复R"  # SMS-03
_REPLY_ROUTES = ("回复", "致电")  # how a person gets through to the lender
_SIGNATURE_SIGNS = str.maketrans("【】", "〔〕")  # a value must not look like a sender


@dataclass(frozen=True, slots=True, kw_only=True)
class TextValues:
    """What a text may say about a loan. `days`: until the due day, or since it."""

    name: str
    amount_fen: int
    due_on: date
    days: int
    loan_id: str


VARIABLES = ("name", "amount", "due", "days", "lender", "loan")
_SAMPLE = TextValues(
    name="测" * NAME_LENGTH_MAX, amount_fen=99_999_999_99, due_on=date(2026, 12, 31), days=999, loan_id="L-2026-000001"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsTemplate:
    """One [[templates]] table. `approved_by`: who let it be sent; empty: not approved, and the gate refuses it."""

    name: str
    purposes: tuple[Purpose, ...]
    text: str
    approved_by: str = ""

    @property
    def is_approved(self) -> bool:
        return bool(self.approved_by.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The [sender] table: the signature that is registered with the SMS vendor, without its 【】 (SMS-01)."""

    lender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Templates:
    """The texts of a file by name, and who sends them."""

    lender: str
    by_name: Mapping[str, SmsTemplate]


def read_templates(text: str, file_name: str, limits: Limits) -> Templates:
    """Templates from TOML, each tried on sample data. Raises InputError naming file, template and position."""
    tables = parsed(text, file_name)
    for key in tables:
        if key not in {"sender", "templates"}:
            raise InputError(f"{file_name}:{key}: there is no such key; {near(key, ['sender', 'templates'])}")
    sender = record(Sender, tables.get("sender"), f"{file_name}:sender")
    if not sender.lender or sender.lender != neutral(sender.lender):
        raise InputError(
            f"{file_name}:sender.lender: must be the bare name of the lender, as registered with the vendor"
        )
    written = records(SmsTemplate, tables.get("templates"), f"{file_name}:templates")
    templates = Templates(
        lender=sender.lender, by_name=named(written, lambda template: template.name, f"{file_name}:templates")
    )
    for template in written:
        _check(template, f"{file_name}:{template.name}.text", templates, limits)
    return templates


def rendered(templates: Templates, name: str, values: TextValues) -> str:
    """The text as it is sent, signature first. What the values contain is not read again."""
    filled = Template(templates.by_name[name].text).substitute(
        name=_cut(neutral(values.name)),
        amount=yuan(values.amount_fen),
        due=f"{values.due_on.month}月{values.due_on.day}日",
        days=str(values.days),
        lender=templates.lender,
        loan=neutral(values.loan_id),
    )
    return f"【{templates.lender}】{filled}"


def segments_of(text: str) -> int:
    """SMS parts that the text is billed as: one up to 70 UTF-16 units, else parts of 67 (SMS-02)."""
    units = len(text.encode("utf-16-le")) // 2
    return 1 if units <= PART_ALONE_MAX else -(-units // PART_JOINED_MAX)


def neutral(text: str) -> str:
    """A value without what could change the text around it: controls, line breaks, bidi and invisible signs, 【】."""
    visible = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in text)
    return " ".join(visible.split()).translate(_SIGNATURE_SIGNS)


def _cut(name: str) -> str:
    return name if len(name) <= NAME_LENGTH_MAX else name[: NAME_LENGTH_MAX - 1] + "…"


def _check(template: SmsTemplate, where: str, templates: Templates, limits: Limits) -> None:
    text = template.text
    _check_variables(text, where)
    bare = Template(text).substitute(dict.fromkeys(VARIABLES, ""))
    for at, sign in enumerate(text):
        if unicodedata.category(sign) in {"Cc", "Cf", "Zl", "Zp", "Cs"}:
            raise InputError(
                f"{where}: position {at + 1}: invisible sign U+{ord(sign):04X}; one line of plain text is sent"
            )
    for sign in "{}【】":
        if sign in bare:
            hint = "the signature is put in front by itself" if sign in "【】" else "write variables as ${name}"
            raise InputError(f"{where}: position {_position(text, sign)}: '{sign}' would be sent as it stands; {hint}")
    squeezed = re.sub(r"\s", "", unicodedata.normalize("NFKC", bare))
    for word in limits.blocked_words:
        if word in squeezed:
            raise InputError(f"{where}: contains '{word}', which no text may say (COL-05)")
    is_offer = Purpose.OFFER in template.purposes
    if is_offer and len(template.purposes) > 1:
        raise InputError(f"{where}: an offer is marketing and never mixed with reminders or collection (SMS-03)")
    if is_offer != text.endswith(OPT_OUT):
        rule = "must end" if is_offer else "is for offers: a reminder or collection text must not end"
        raise InputError(f"{where}: {rule} with {OPT_OUT} (SMS-03)")
    if not any(route in text for route in _REPLY_ROUTES):
        raise InputError(f"{where}: must say how to reach the lender: {' or '.join(_REPLY_ROUTES)} …")
    length = len(rendered(templates, template.name, _SAMPLE).encode("utf-16-le")) // 2
    if length > LENGTH_MAX:
        raise InputError(f"{where}: {length} characters with long sample data; vendors take at most {LENGTH_MAX}")


def _check_variables(text: str, where: str) -> None:
    """Every $ opens a known ${name}."""
    for match in re.finditer(r"\$(\{([^}]*)\}?)?", text):
        name = match[2]
        place = f"{where}: position {match.start() + 1}"
        if name is None or not match[0].endswith("}"):
            raise InputError(f"{place}: '$' must open a variable such as ${{name}}")
        if name not in VARIABLES:
            raise InputError(f"{place}: unknown variable '{name[:40]}'; {near(name, VARIABLES)}")
    jinja = re.search(r"\{\{\s*(\w+)", text)
    if jinja is not None:
        message = f"write variables as ${{name}}, not {{{{ name }}}}: unknown '{jinja[1]}'; {near(jinja[1], VARIABLES)}"
        raise InputError(f"{where}: position {jinja.start() + 1}: {message}")


def _position(text: str, sign: str) -> int:
    return re.sub(r"\$\{\w+\}", lambda match: " " * len(match[0]), text).index(sign) + 1
