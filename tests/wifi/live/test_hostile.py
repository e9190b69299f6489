"""Whatever programs print and whatever is in the air, a list or a gap comes out, and facts that can be written."""

from __future__ import annotations

import errno

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.common.programs import Finished
from checks.common.text import clean
from checks.model import Gap, Reason
from checks.wifi.capture.reader import read_captures
from checks.wifi.facts import WifiFacts
from checks.wifi.live.capture import Bounds, Ear, LiveStream
from checks.wifi.live.facts import LiveStep
from checks.wifi.live.scan import scan
from checks.wifi.live.tools import Tools, interfaces
from tests.wifi import frames
from tests.wifi.test_scans import IW, NETSH_EN, NETSH_FR, NMCLI_TABLE, WPA_CLI

REAL = [text.encode() for text in (IW, NETSH_EN, NETSH_FR, NMCLI_TABLE, WPA_CLI)]
OUTPUTS = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(str.encode),
    st.sampled_from(REAL),
    st.builds(
        lambda text, at, junk: text[:at] + junk + text[at + 3 :],
        st.sampled_from(REAL),
        st.integers(0, 900),
        st.binary(max_size=8),
    ),
)
ANSWERS = st.one_of(
    st.builds(Finished, st.integers(0, 255), OUTPUTS, OUTPUTS, st.booleans()),
    st.sampled_from(
        [TimeoutError("late"), PermissionError(errno.EACCES, "no"), FileNotFoundError(errno.ENOENT, "gone")]
    ),
)


class Oracle(Tools):
    """Programs that are always there."""

    def where(self, name):
        return f"/usr/sbin/{name}"


class Answering:
    def __init__(self, answers):
        self.answers = list(answers)

    def run(self, *_, **__):
        answer = self.answers.pop() if self.answers else Finished(1, b"", b"")
        if isinstance(answer, Exception):
            raise answer
        return answer


@settings(max_examples=80, deadline=None)
@given(answers=st.lists(ANSWERS, max_size=6), windows=st.booleans(), rescan=st.booleans())
def test_any_answer_of_any_program(answers, windows, rescan):
    tools = Oracle(Answering(answers), path="", windows=windows)
    said, step = scan(tools, "wlan0", rescan=rescan)
    assert msgspec.json.decode(msgspec.json.encode(step), type=LiveStep) == step
    assert step.networks == len(said.networks)
    if step.gap is None:
        assert step.tool
        assert step.command
    else:
        assert isinstance(step.gap, Gap)
        assert isinstance(step.gap.reason, Reason)
        assert step.gap.detail.startswith("Aucun relevé possible avec wlan0 : ")
        assert clean(step.gap.detail) == step.gap.detail
        assert said.limits


@settings(max_examples=100, deadline=None)
@given(answer=OUTPUTS)
def test_any_list_of_interfaces_of_windows(answer):
    found = interfaces(Oracle(Answering([Finished(0, answer, b"")]), path="", windows=True))
    assert all(name and "\n" not in name and '"' not in name for name in found)


BEACON = frames.radiotap(frames.beacon(b"Tilleuls-Pro", frames.rsn()), signal=-50, frequency=2437)
AIR = st.one_of(
    st.binary(max_size=400),
    st.builds(
        lambda at, junk: BEACON[:at] + junk + BEACON[at + 2 :], st.integers(0, len(BEACON)), st.binary(max_size=6)
    ),
)


@settings(max_examples=100, deadline=None)
@given(received=st.lists(AIR, max_size=30), moment=st.one_of(st.none(), st.floats(0, 2**33)))
def test_any_frame_in_the_air(received, moment):
    left = list(received)
    now = [0.0]

    def receive():
        if not left:
            raise BlockingIOError
        return left.pop(), moment

    def wait(seconds):
        now[0] += seconds

    stream = LiveStream(
        "mon0",
        Ear(receive, wait, lambda: 0, lambda: None),
        127,
        Bounds(1.0, 1000, 1_000_000),
        tick=lambda _: None,
        monotonic=lambda: now[0],
        clock=lambda: 1_700_000_000.0,
    )
    facts = read_captures([stream], salt=b"0123456789abcdef")
    assert msgspec.json.decode(msgspec.json.encode(facts), type=WifiFacts) == facts
    assert facts.files[0].frames == stream.frames == sum(map(bool, received))
