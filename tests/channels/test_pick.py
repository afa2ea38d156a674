"""A channel is found by its name, or the names there are are told."""

import pytest

from loancli.channels import CHANNELS, outfile, pick
from loancli.core.errors import InputError


def test_every_channel_has_its_own_name_and_sends():
    assert pick("outfile") is outfile
    assert len({channel.NAME for channel in CHANNELS}) == len(CHANNELS)
    assert all(callable(channel.send) for channel in CHANNELS)


def test_an_unknown_channel_is_refused():
    with pytest.raises(InputError, match="no channel 'outfiel'; known: outfile"):
        pick("outfiel")
