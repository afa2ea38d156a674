"""Product files: TOML → Product, all problems of a file at once.

Imports pydantic by product_model.py: only a command that reads terms pays for it.
"""

import re
import tomllib
from decimal import Decimal
from pathlib import PurePath

from loancli.core.errors import InputError, Problem, input_error
from loancli.plan import product_model
from loancli.plan.contradictions import contradictions
from loancli.plan.product import Product
from loancli.plan.product_values import Place

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=")
_TOML_PLACE = re.compile(r"(.*) \(at line (\d+), column (\d+)\)")


def read_product(text: str, file_name: str) -> Product:
    """The product of a file; its code is the file's stem. Raises InputError with a line `file:line:key: …` each."""
    code = PurePath(file_name).stem
    if not _CODE.fullmatch(code):
        raise InputError(
            f"{file_name}: '{code}' cannot be a product's code; name the file with a-z, 0-9 and -, up to 60 characters"
        )
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        match = _TOML_PLACE.fullmatch(str(error))
        place, message = (f"{match[2]}:{match[3]}", match[1]) if match else ("1", str(error))
        raise InputError(f"{file_name}:{place}: not TOML: {message}") from None
    except RecursionError:
        raise InputError(f"{file_name}:1: not TOML: nested too deeply") from None
    product, found = product_model.read(data, code)
    if product is not None:
        found += contradictions(product)
    if found:
        lines = _lines_of(text)
        problems = [
            Problem(file_name=file_name, row=_line(lines, at), column=_dotted(at), message=m) for at, m in found
        ]
        raise input_error(sorted(problems, key=lambda problem: problem.row or 0))
    assert product is not None
    return product


# --- where a key stands ---


def _lines_of(text: str) -> dict[Place, int]:
    """The line of each table and key. For well-kept files: keys in multi-line texts or inline tables go unseen."""
    lines: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            table = tuple(header[2].split("."))
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *key[1].split(".")), number)
    return lines


def _line(lines: dict[Place, int], place: Place) -> int:
    """The line of the key, or of the nearest table around it."""
    return next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), 1)


def _dotted(place: Place) -> str:
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in place)
