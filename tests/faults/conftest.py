"""Each worker has its own processes and its own morning (faults/lab.py)."""

import sys
from collections.abc import Iterator

import pytest
from faults.lab import Forks, Lab
from sizes import SEED, SOAK_PERCENT


@pytest.fixture(scope="session")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    forks = Forks(tmp_path_factory.mktemp("forks"))
    try:
        lab = Lab(folder=tmp_path_factory.mktemp("morning"), forks=forks)
        lab.work_out()
        yield lab
    finally:
        forks.close()


@pytest.fixture
def lab(morning: Lab, tmp_path, request: pytest.FixtureRequest) -> Lab:
    """The morning as it was worked out, and an empty folder. A test that fails tells how it is repeated."""
    sys.stdout.write(f"LOANCLI_SEED={SEED} LOANCLI_SOAK={SOAK_PERCENT} pytest '{request.node.nodeid}'\n")
    return Lab(folder=tmp_path, forks=morning.forks, steps=morning.steps)
