"""A campaign names what exists, in days that fit its purpose, or is refused by file and key."""

import pytest

from loancli.core.errors import InputError
from loancli.outreach.campaign_file import read_campaign

PLAIN = """
[campaign]
name = "late"
purpose = "collection"
due_min_fen = 5000
spacing_days = 3
messages_max = 2
[[arms]]
name = "standard"
share_ppm = 900000
[[arms]]
name = "holdout"
share_ppm = 100000
contact = false
[[steps]]
name = "first"
segments = ["forgot"]
days = [1, 3]
channel = "outfile"
template = "forgot_soft"
[[handovers]]
segments = ["forgot"]
from_day = 9
why_zh = "人工"
why_en = "a person"
"""


def read(text, segments, templates):
    return read_campaign(text, "f", segments=segments.names, templates=templates, channels={"outfile"})


def test_a_campaign_is_read(segments, templates):
    campaign = read(PLAIN, segments, templates)
    assert (campaign.name, campaign.spacing_days, campaign.messages_max) == ("late", 3, 2)
    assert campaign.steps[0].days == (1, 3)
    assert [arm.contact for arm in campaign.arms] == [True, False]
    assert campaign.handovers[0].from_day == 9


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param('["forgot"]\ndays', '["forgott"]\ndays', r"f:steps\[1\]\.segments: .*'forgot'", id="segment"),
        pytest.param('["forgot"]\nfrom', '["forgott"]\nfrom', r"f:handovers\[1\]\.segments: .*'forgot'", id="handover"),
        pytest.param('"outfile"', '"outfiel"', r"f:steps\[1\]\.channel: .*did you mean 'outfile'", id="channel"),
        pytest.param('"forgot_soft"', '"forgot_sof"', r"f:steps\[1\]\.template: .*'forgot_soft'", id="template"),
        pytest.param('"forgot_soft"', '"due_today"', "not written for purpose collection", id="a reminder's text"),
        pytest.param("[1, 3]", "[3, 1]", r"f:steps\[1\]\.days: the first day 3 is after", id="days reversed"),
        pytest.param("[1, 3]", "[0, 3]", "collection begins the day after", id="collection on the due day"),
        pytest.param("share_ppm = 900000", "share_ppm = 900001", "add up to 1000000", id="shares"),
        pytest.param("share_ppm = 900000", "share_ppm = 899999", "add up to 1000000", id="shares that leave some out"),
        pytest.param("share_ppm = 900000", "share_ppm = -100000", "0 or more", id="a share below zero"),
        pytest.param(
            "[1, 3]", '[1, 3]\narms = ["holdout"]', "no contacted arm 'holdout'", id="a step for the hold-out"
        ),
        pytest.param('"late"', '"la:te"', r"f:campaign\[1\]\.name: 'la:te' must be", id="a colon would blur the key"),
        pytest.param('"collection"', '"offer"', "f:campaign.purpose: steps count from a due day", id="an offer"),
        pytest.param("messages_max = 2", "messages_max = 0", "f:campaign.messages_max: 0 must be 1", id="no message"),
        pytest.param("[[handovers]]", "[[handover]]", "f:handover: .*'handovers'", id="misspelt"),
        pytest.param("spacing_days = 3", "", "f:campaign.spacing_days: is missing", id="missing"),
    ],
)
def test_a_broken_campaign_is_refused(segments, templates, old, new, message):
    assert PLAIN.count(old) == 1
    with pytest.raises(InputError, match=message):
        read(PLAIN.replace(old, new), segments, templates)


def test_a_reminder_is_not_sent_after_the_due_day(segments, templates):
    text = PLAIN.replace('"collection"', '"reminder"')
    with pytest.raises(InputError, match="up to the due day"):
        read(text, segments, templates)


def test_the_shipped_campaigns_are_read_and_every_segment_is_someones(segments, campaign):
    collections = campaign("collections")
    served = {name for step in (*collections.steps, *collections.handovers) for name in step.segments}
    assert served == set(segments.names)
    assert campaign("reminders").handovers == ()
