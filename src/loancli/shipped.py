"""Where the data files are that travel with the program: `schedules/` (what an operator edits) and `fixtures/`.

In a checkout they stand at its top; in a wheel, below the package. Only cli/ asks: every other room is handed the text.
"""

from pathlib import Path

from loancli.core.errors import NotFoundError, SetupError

_PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """The folder that holds `schedules/` and `fixtures/`. Raises SetupError where the installation lost them."""
    for candidate in (_PACKAGE / "shipped_data", _PACKAGE.parents[1]):
        if (candidate / "schedules").is_dir():
            return candidate
    raise SetupError(f"{_PACKAGE}: the installation has no schedules; install loancli again")


def schedules(kind: str, own: Path | None = None) -> dict[str, Path]:
    """The files of `schedules/<kind>` by name, in order of name.

    A file in the lender's folder `own` replaces ours of the same name; those that it does not have stay ours. Raises
    NotFoundError if `own` is no folder, SetupError if it holds a folder whose name we would never look at.
    """
    ours = root() / "schedules"
    found = _files(ours / kind)
    if own is not None:
        if not own.is_dir():
            raise NotFoundError(f"{own}: no such folder of schedules")
        _refuse_unknown_folders(own, ours)
        found |= _files(own / kind)
    return dict(sorted(found.items()))


def _files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {path.name: path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")}


def _refuse_unknown_folders(own: Path, ours: Path) -> None:
    """A misspelt `policy/` would leave our contact policy in force without a word."""
    known = {path.name for path in ours.iterdir() if path.is_dir()}
    for path in sorted(own.iterdir()):
        if path.is_dir() and not path.name.startswith(".") and path.name not in known:
            raise SetupError(f"{path}: schedules have no folder of this name; there are {', '.join(sorted(known))}")
