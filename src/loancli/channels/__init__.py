"""WHAT GOES OUT. The only room that talks to others; it knows core. A channel is a module with NAME and send().

CHANNELS is the list; pick() finds one by name.
"""

from types import ModuleType

from loancli.channels import outfile
from loancli.core.errors import InputError

CHANNELS: tuple[ModuleType, ...] = (outfile,)


def pick(name: str) -> ModuleType:
    """The channel of that name. Raises InputError with the names there are."""
    by_name = {channel.NAME: channel for channel in CHANNELS}
    if name not in by_name:
        raise InputError(f"there is no channel '{name}'; known: {', '.join(sorted(by_name))}")
    return by_name[name]
