"""What every export parser owes: recognised by content, nothing secret kept, nothing silently ignored, no crash."""

from __future__ import annotations

import json
import random
from functools import reduce

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.common.text import clean
from checks.common.textfile import ParseError, SourceFile, decode
from checks.wifi.exports.keys import Keys
from checks.wifi.imported import Imported
from checks.wifi.recognise import FORMATS, parser_of, read, recognise
from tests.wifi import test_scans
from tests.wifi.exports import MEASURED, PASSWORD, SAMPLES

SECRET = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+", min_size=12, max_size=40).filter(
    lambda text: len(set(text)) > 6 and any(letter.isupper() for letter in text)
)


def parsed(text: str, keys: Keys | None = None) -> Imported:
    return read(decode("export.txt", text.encode()), keys or Keys())


def read_all(files: list[SourceFile], place: tuple[str, ...] = ()) -> Imported:
    keys = Keys(place)
    return reduce(Imported.joined, (read(file, keys) for file in files))


@pytest.mark.parametrize("sample", SAMPLES)
def test_recognised_by_content_and_by_one_parser(sample: str) -> None:
    name, text = SAMPLES[sample]
    assert recognise(decode("n'importe.quoi", text.encode())) == name


def test_every_format_has_a_sample() -> None:
    assert {name for name, _ in SAMPLES.values()} | set(test_scans.SAMPLES) == set(FORMATS)
    assert len({parser_of(name).TITLE for name in FORMATS}) == len(FORMATS)


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_ordinary_export_is_fully_understood(sample: str) -> None:
    found = parsed(SAMPLES[sample][1])
    assert found.configurations or found.clients
    assert not found.unreadable
    for one in found.configurations:
        assert one.encryption not in {"", "unknown", "other"}
        assert one.file == "export.txt"
    for network in found.networks:
        assert network.source == "export"
        assert network.bssid


@pytest.mark.parametrize("sample", SAMPLES)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(secret=SECRET)
def test_no_password_is_kept_in_any_form(sample: str, secret: str) -> None:
    text = SAMPLES[sample][1].replace(PASSWORD, secret)
    found = parsed(text)
    for written in (msgspec.json.encode(found).decode(), repr(found)):
        assert secret not in written
        assert secret.lower() not in written.lower()
        assert secret.encode().hex() not in written
        assert "secretradius" not in written


@pytest.mark.parametrize("sample", MEASURED)
def test_password_is_measured(sample: str) -> None:
    found = parsed(SAMPLES[sample][1])
    measured = [one for one in (*found.configurations, *found.clients) if one.psk_bits is not None]
    assert measured
    assert all(one.psk_length == len(PASSWORD) and one.psk_group for one in measured)
    weak = parsed(SAMPLES[sample][1].replace(PASSWORD, "12345678"))
    strong = parsed(SAMPLES[sample][1].replace(PASSWORD, "Kq7-vR2pZxZ9mW4sTb"))
    bits = [
        max(one.psk_bits for one in (*found.configurations, *found.clients) if one.psk_bits is not None)
        for found in (weak, strong)
    ]
    assert bits[0] < 20
    assert bits[1] > 90


@pytest.mark.parametrize("sample", ["networkmanager", "windows-eap", "aireos", "show-wlan"])
def test_password_of_a_person_is_not_taken_for_that_of_the_network(sample: str) -> None:
    found = parsed(SAMPLES[sample][1])
    assert all(one.psk_bits is None and not one.psk_group for one in (*found.configurations, *found.clients))


def test_the_same_password_is_found_in_every_file() -> None:
    files = [decode(f"{sample}.txt", SAMPLES[sample][1].encode()) for sample in MEASURED]
    found = read_all(files)
    groups = {one.psk_group for one in (*found.configurations, *found.clients) if one.psk_group}
    assert len(groups) == 1
    other = decode("autre.conf", SAMPLES["hostapd"][1].replace(PASSWORD, PASSWORD + "x").encode())
    found = read_all([*files, other])
    assert len({one.psk_group for one in found.configurations if one.psk_group}) == 2


def test_labels_do_not_depend_on_the_password() -> None:
    first = [parsed(SAMPLES["hostapd"][1].replace(PASSWORD, secret)) for secret in ("abcdefgh1", "ZYXWVUT-99")]
    assert len({tuple(one.psk_group for one in found.configurations) for found in first}) == 1


@pytest.mark.parametrize("mask", ["********", "<redacted>", "[REDACTED]", "••••••••"])
def test_a_masked_password_is_unknown_not_weak(mask: str) -> None:
    for sample in ("unifi", "meraki", "omada"):
        text = SAMPLES[sample][1].replace(PASSWORD, json.dumps(mask)[1:-1])
        assert all(one.psk_bits is None and one.psk_length is None for one in parsed(text).configurations)


def test_site_words_weaken_a_password() -> None:
    file = decode("h.conf", SAMPLES["hostapd"][1].replace(PASSWORD, "Bellerive42").encode())
    alone = read_all([file]).configurations[1].psk_bits
    known = read_all([file], ("Résidence Bellerive",)).configurations[1].psk_bits
    assert alone is not None
    assert known is not None
    assert known < alone


def survive(raw: bytes) -> None:
    try:
        found = read(decode("f", raw), Keys())
    except ParseError as error:
        said = str(error)
    else:
        said = ""
        assert found.networks or found.clients or found.configurations
        written = msgspec.json.decode(msgspec.json.encode(found))
        assert all(text == clean(text, len(text) + 1) for text in _texts(written))
    assert said == clean(said)


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    return [text for one in value for text in _texts(one)] if isinstance(value, list) else []


@pytest.mark.parametrize("sample", SAMPLES)
def test_cut_anywhere_is_read_or_refused(sample: str) -> None:
    raw = SAMPLES[sample][1].encode()
    draw = random.Random(sample)
    for _ in range(40):
        survive(raw[: draw.randrange(len(raw))])


@pytest.mark.parametrize("sample", ["unifi", "omada", "meraki", "smartzone", "windows", "windows-eap"])
def test_a_cut_document_is_refused_clearly(sample: str) -> None:
    text = SAMPLES[sample][1]
    with pytest.raises(ParseError, match="incomplet"):
        parsed(text[: len(text) * 3 // 4])


@pytest.mark.parametrize("sample", SAMPLES)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_piece_may_be_absurd(sample: str, data: st.DataObject) -> None:
    raw = SAMPLES[sample][1].encode()
    start = data.draw(st.integers(0, len(raw) - 1))
    end = data.draw(st.integers(start, min(len(raw), start + 30)))
    absurd = [b"", b"null", b"-1", b"[]", b"{}", b"9" * 5000, b'"', b"'", b"\\", b"\n", b"\t", b"=", "\u202e".encode()]
    piece = data.draw(st.one_of(st.binary(max_size=30), st.sampled_from(absurd)))
    survive(raw[:start] + piece + raw[end:])


@pytest.mark.parametrize("sample", ["unifi", "omada", "meraki", "smartzone"])
@pytest.mark.parametrize("value", [None, True, -5, 1e300, "x" * 5000, [], [[]], {}, {"a": 1}])
def test_any_json_value_may_be_of_another_type(sample: str, value: object) -> None:
    def mutated(node: object, path: tuple[object, ...], wanted: tuple[object, ...]) -> object:
        if path == wanted:
            return value
        if isinstance(node, dict):
            return {key: mutated(one, (*path, key), wanted) for key, one in node.items()}
        if isinstance(node, list):
            return [mutated(one, (*path, index), wanted) for index, one in enumerate(node)]
        return node

    def paths(node: object, path: tuple[object, ...]) -> list[tuple[object, ...]]:
        pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        return [path, *(deeper for key, one in pairs for deeper in paths(one, (*path, key)))]

    tree = json.loads(SAMPLES[sample][1])
    for wanted in paths(tree, ()):
        survive(json.dumps(mutated(tree, (), wanted)).encode())


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("fill", ["a", " ", "=", ".", '"', "'", "\\", "{", "[", "<", "wpa ", ", ", "- ", "1;"])
def test_endless_lines_cost_little(sample: str, fill: str) -> None:
    text = SAMPLES[sample][1]
    line = (fill * 50_000)[:50_000]
    middle = text.find("\n", len(text) // 2)
    survive(f"{text}{line}\n".encode())
    survive(f"{text[:middle]}{line}{text[middle:]}".encode())
    survive(text.replace(PASSWORD, line).encode())


def test_deep_json_and_doctypes_are_refused() -> None:
    head = '{"security":"open","name":"x","x_passphrase":"y","a":'
    with pytest.raises(ParseError):
        parsed(head + "[" * 100_000 + "]" * 100_000 + "}")
    bomb = SAMPLES["windows"][1].replace("<WLANProfile", '<!DOCTYPE x [<!ENTITY a "b">]><WLANProfile', 1)
    with pytest.raises(ParseError, match="DTD"):
        parsed(bomb)


def test_two_formats_in_one_file_are_refused() -> None:
    with pytest.raises(ParseError, match="ambigu"):
        parsed(SAMPLES["aruba"][1] + "\n" + SAMPLES["ruckus"][1])
