from __future__ import annotations

import msgspec
import pytest

from checks.wifi.live.config import LiveConfig


def refused(**settings):
    with pytest.raises(ValueError, match=r"\w") as caught:
        LiveConfig(**settings)
    return str(caught.value)


def test_nothing_written_asks_for_a_list_only():
    config = LiveConfig()
    assert config.scan
    assert not config.monitor_interface
    assert not config.rescan
    assert not config.enter_monitor
    assert config.capture_seconds == 60


@pytest.mark.parametrize("name", ["wlan0", "wlp0s20f3", "wlx00c0caaabbcc", "Wi-Fi", "Wi-Fi 2", "Réseau sans fil"])
def test_names_of_linux_and_windows(name):
    assert LiveConfig(interface=name).interface == name


@pytest.mark.parametrize("name", ["-o", "--help", ".", "a/b", 'Wi"Fi', "a=b\\", "wlan0\n", " ", "x" * 300, "/dev/null"])
def test_what_is_not_the_name_of_an_interface(name):
    assert "interface réseau" in refused(interface=name)


@pytest.mark.parametrize("name", ["-o", "Wi-Fi 2", "x" * 16, "a:b", ".."])
def test_frames_are_recorded_on_linux_only(name):
    assert "Linux" in refused(monitor_interface=name)


@pytest.mark.parametrize("seconds", [1, 900])
def test_duration_at_its_limits(seconds):
    assert LiveConfig(monitor_interface="mon0", capture_seconds=seconds).capture_seconds == seconds


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"capture_seconds": 0}, "entre 1 et 900"),
        ({"capture_seconds": 901}, "entre 1 et 900"),
        ({"max_frames": 0}, "max_frames"),
        ({"max_frames": 20_000_001}, "max_frames"),
        ({"max_bytes": -1}, "max_bytes"),
        ({"max_bytes": 8_000_000_001}, "max_bytes"),
        ({"scan": False}, "ne demande rien"),
        ({"enter_monitor": True}, "monitor_interface"),
        ({"channels": (1,)}, "monitor_interface"),
        ({"monitor_interface": "mon0", "channels": tuple(range(2412, 2473, 5)) * 5}, "64 canaux"),
    ],
)
def test_what_cannot_be_done_is_said(settings, word):
    assert word in refused(**settings)


@pytest.mark.parametrize(
    "channel", [1, 13, 14, 36, 64, 100, 144, 165, 177, 2412, 2472, 2484, 5180, 5885, 5935, 5955, 7115]
)
def test_channels_that_exist(channel):
    assert LiveConfig(monitor_interface="mon0", channels=(channel,)).channels == (channel,)


@pytest.mark.parametrize("channel", [-1, 0, 15, 35, 37, 68, 178, 2413, 2473, 5956, 7120, 60_000])
def test_channels_that_do_not_exist(channel):
    assert str(channel) in refused(monitor_interface="mon0", channels=(channel,))


def test_an_unknown_key_is_refused():
    with pytest.raises(msgspec.ValidationError, match="duree"):
        msgspec.convert({"duree": 5}, LiveConfig)
