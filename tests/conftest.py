"""Hypothesis profiles, and a command line of one command for the tests of the frame.

By default hypothesis tries the same examples every time; `--hypothesis-profile=soak` (make soak) looks for new ones.
"""

import sys
from types import SimpleNamespace

import pytest
from hypothesis import settings
from sizes import SEED, SOAK_PERCENT, size

settings.register_profile("repeatable", max_examples=60, derandomize=True, deadline=None, database=None)
settings.register_profile("soak", max_examples=size(100, 1_000), deadline=None, print_blob=True)
settings.load_profile("repeatable")


@pytest.fixture
def registry(monkeypatch):
    """A registry whose one word, `loan`, stands for a Typer app of the test."""
    from loancli.cli.app import Entry

    def made(app, *, is_group=True):
        monkeypatch.setitem(sys.modules, "fake_commands", SimpleNamespace(app=app))
        return (Entry(name="loan", module="fake_commands", en="Loans.", zh="贷款", is_group=is_group),)

    return made


def pytest_report_header():
    return f"fault tests: LOANCLI_SEED={SEED} LOANCLI_SOAK={SOAK_PERCENT}"


def pytest_addoption(parser):
    parser.addoption("--write-readme", action="store_true", help="write what the README's commands print into it")


LONGEST = ("test_readme.py", "test_books.py", "test_killed.py", "test_power_cut.py", "test_commands_screen.py")


def pytest_collection_modifyitems(items):
    """What takes longest begins first: begun last, it would keep one core busy while the other has nothing to do."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
