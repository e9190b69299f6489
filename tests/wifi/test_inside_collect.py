"""Tests from inside within a collection: which network this machine is on, earlier results, routers, SNMP."""

from __future__ import annotations

import socket
import struct
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.model import CollectError, CollectRequest, Gap, Reason, Verdict
from checks.wifi.collect import collect
from checks.wifi.config import WifiConfig
from checks.wifi.inside import judge, snmp
from checks.wifi.inside.collect import AWAY, from_inside, untried
from checks.wifi.inside.config import InsideConfig, Target
from checks.wifi.inside.facts import InsideFacts, Router
from checks.wifi.inside.plan import plan
from checks.wifi.inside.routers import dhcp_servers, ipv4_gateways, ipv6_routers, routers_of
from tests.wifi.sites import NOW, exposed, joined

LOOPBACK = "127.0.0.0/8"
FAR = "240.11.0.0/24"
"""A reserved range: no machine has an address in it."""


class Loopback:
    """A network that allows this machine only, and remembers what was asked."""

    resolvers = ()

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, str]] = []

    def permit(self, host: str, port: int, protocol: str, purpose: str) -> tuple[str, ...]:
        self.asked.append((host, port, protocol))
        return (host,)

    async def open(self, host: str, port: int, protocol: str, purpose: str, timeout: float) -> Any:
        raise ConnectionRefusedError


def config(network: str = LOOPBACK, **fields: Any) -> InsideConfig:
    machine = Target(label="serveur", address="127.0.0.9", kind="server", ports=(389,))
    return InsideConfig(role="resident", ssid="Tilleuls-Residents", network=network, machines=(machine,), **fields)


def run(configs: list[InsideConfig], earlier: tuple[InsideFacts, ...] = ()) -> tuple[InsideFacts, ...]:
    return from_inside(configs, earlier, Loopback(), lambda *_: None, lambda: NOW)


# --- where this machine is


def test_on_its_network_the_test_is_made_and_dated():
    (found,) = run([config()])
    assert [one.outcome for one in found.attempts] == ["refused"]
    assert found.started == NOW
    assert found.routers is not None


def test_elsewhere_nothing_is_tried_and_it_is_said():
    (found,) = run([config(FAR)])
    assert {(one.outcome, one.detail) for one in found.attempts} == {("not_tried", AWAY)}
    assert (found.connections, found.datagrams, found.started) == (0, 0, None)
    (said,) = judge.servers(found)
    assert said.verdict is Verdict.NOT_ASSESSED


def test_elsewhere_the_latest_earlier_result_of_that_network_is_taken():
    old = joined(network=FAR, started=NOW - timedelta(days=2))
    new = msgspec.structs.replace(exposed(), network=FAR, started=NOW - timedelta(days=1))
    other = joined(network="198.51.100.0/24", started=NOW)
    (found,) = run([config(FAR)], (new, old, other))
    assert found == new


def test_an_earlier_result_that_tried_nothing_is_not_preferred():
    empty = untried(config(FAR), "10.0.0.1")
    (found,) = run([config(FAR)], (joined(network=FAR), empty))
    assert found == joined(network=FAR)


def test_without_a_declared_range_the_test_is_made():
    (found,) = run([config("")])
    assert [one.outcome for one in found.attempts] == ["refused"]


def test_networks_keep_the_order_of_the_profile():
    two = [config(FAR), InsideConfig(role="pro", network=LOOPBACK)]
    assert [one.role for one in run(two)] == ["resident", "pro"]


# --- the whole collector


def request(config: WifiConfig) -> CollectRequest[WifiConfig]:
    return CollectRequest(config=config, secret=lambda _: "", clock=lambda: datetime.now(UTC))


def test_a_profile_with_only_a_test_from_inside_is_collected():
    facts = collect(request(WifiConfig(inside=(config(),))), Loopback(), lambda *_: None)
    assert (len(facts.inside), facts.networks) == (1, ())


def test_facts_of_an_earlier_collection_are_found_in_its_folder(tmp_path):
    recorded = collect(request(WifiConfig(inside=(config(),))), Loopback(), lambda *_: None)
    away = msgspec.structs.replace(recorded, inside=(exposed(),))
    folder = tmp_path / "chambre" / "run-a" / "facts"
    folder.mkdir(parents=True)
    (folder / "wifi.json").write_bytes(msgspec.json.encode(away))
    profile = WifiConfig(
        inside=(InsideConfig(role="resident", ssid="Tilleuls-Residents", network="10.20.0.0/24"),),
        inside_dir=(str(tmp_path / "chambre"), str(tmp_path / "absent")),
    )
    facts = collect(request(profile), Loopback(), lambda *_: None)
    assert facts.inside == (exposed(),)


def test_an_unreadable_earlier_collection_is_said(tmp_path):
    folder = tmp_path / "facts"
    folder.mkdir()
    (folder / "wifi.json").write_text('{"networks": 3, "handshakes": 1, "eap": 1, "truncated": 1}')
    profile = WifiConfig(inside=(config(),), inside_dir=(str(tmp_path),))
    facts = collect(request(profile), Loopback(), lambda *_: None)
    assert any("plus tôt" in limit for limit in facts.limits)


def test_two_tests_of_one_name_are_refused():
    with pytest.raises(ValueError, match="même SSID"):
        WifiConfig(inside=(config(), config(FAR)))


def test_targets_of_every_test_are_those_of_the_mandate():
    profile = WifiConfig(inside=(config(), InsideConfig(role="pro", unused=("10.10.0.250",))))
    assert profile.targets() == ("127.0.0.9", "10.10.0.250")


def test_nothing_at_all_is_an_error():
    with pytest.raises(CollectError):
        collect(request(WifiConfig()), Loopback(), lambda *_: None)


# --- routers

HEAD = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"


def route(gateway: str, flags: int = 3, destination: str = "00000000", mask: str = "00000000") -> str:
    number = struct.unpack("=I", socket.inet_aton(gateway))[0]
    return f"wlan0\t{destination}\t{number:08X}\t{flags:04X}\t0\t0\t600\t{mask}\t0\t0\t0\n"


def test_default_gateways_are_read_from_the_routing_table():
    lan = route("0.0.0.0", 1, "0000140A", "00FFFFFF")
    assert list(ipv4_gateways(HEAD + route("10.20.0.1") + lan + route("10.9.9.9", 2))) == [
        Router(kind="gateway", address="10.20.0.1", interface="wlan0")
    ]


def test_announced_routers_are_told_from_configured_ones():
    def line(hop: str, flags: int, prefix: str = "00") -> str:
        packed = socket.inet_pton(socket.AF_INET6, hop).hex()
        zero = "0" * 32
        return f"{zero} {prefix} {zero} 00 {packed} 00000400 00000001 00000000 {flags:08x}    wlan0\n"

    text = line("fe80::1", 0x40003 | 0x400000) + line("fe80::2", 0x3) + line("fe80::3", 0x40003, "40")
    assert [one.address for one in ipv6_routers(text)] == ["fe80::1"]


@pytest.mark.parametrize(
    "text",
    [
        "lease {\n  option dhcp-server-identifier 10.20.0.9;\n}\nlease {\n  option dhcp-server-identifier 10.20.0.1;\n}",
        "ADDRESS=10.20.0.20\nSERVER_ADDRESS=10.20.0.1\n",
    ],
)
def test_the_last_server_of_a_lease_file_counts(text):
    assert [one.address for one in dhcp_servers(text)] == ["10.20.0.1"]


def test_only_this_network_counts_in_ipv4(tmp_path):
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/route").write_text(HEAD + route("10.20.0.1") + route("10.10.0.1"))
    leases = tmp_path / "run/systemd/netif/leases"
    leases.mkdir(parents=True)
    (leases / "3").write_text("SERVER_ADDRESS=10.20.0.77\n")
    found = routers_of("10.20.0.0/24", tmp_path)
    assert not isinstance(found, Gap)
    assert [(one.kind, one.address) for one in found] == [("gateway", "10.20.0.1"), ("dhcp", "10.20.0.77")]


@given(st.text(max_size=300))
def test_any_table_is_read(text):
    for found in (ipv4_gateways(text), ipv6_routers(text), dhcp_servers(text)):
        assert all(one.address for one in found)


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, Verdict.PASS),
        ({"declared_routers": ("10.20.0.1",)}, Verdict.FAIL),
        ({"declared_routers": ()}, Verdict.NOT_ASSESSED),
        (
            {
                "declared_routers": (),
                "routers": (Router(kind="announced", address="fe80::1"), Router(kind="announced", address="fe80::2")),
            },
            Verdict.FAIL,
        ),
        ({"routers": ()}, Verdict.NOT_ASSESSED),
        ({"routers": None}, Verdict.NOT_ASSESSED),
        ({"routers": Gap(reason=Reason.UNSUPPORTED, detail="Windows")}, Verdict.NOT_ASSESSED),
        ({"own_addresses": ("10.10.0.200",)}, Verdict.NOT_ASSESSED),
    ],
)
def test_routers_are_judged_against_the_declared_ones(fields, verdict):
    (said,) = judge.routers(joined(**fields))
    assert said.verdict is verdict


# --- SNMP


def test_equipment_and_printers_are_asked_once_and_only_when_wanted():
    machines = tuple(
        Target(label=kind, address=f"10.10.0.{n}", kind=kind, ports=(22,))
        for n, kind in enumerate(("server", "switch", "printer", "access_point"), 1)
    )
    asked = InsideConfig(role="resident", machines=machines)
    kept, _ = plan(asked)
    assert [(one.address, one.port) for one in kept if one.protocol == "udp"] == [
        ("10.10.0.2", 161), ("10.10.0.3", 161), ("10.10.0.4", 161),
    ]  # fmt: skip
    kept, _ = plan(msgspec.structs.replace(asked, snmp=False))
    assert all(one.protocol == "tcp" for one in kept)


def test_the_question_is_a_discovery_without_name_nor_password():
    question = snmp.discovery(1)
    assert question[:2] == bytes([0x30, len(question) - 2])
    assert snmp.is_answer(question)
    assert question.count(b"\x04\x00") == 6  # engine, user, authentication, privacy, context engine and name: empty
    assert b"public" not in question


@given(st.binary(max_size=40))
def test_any_reply_is_read(reply):
    assert snmp.is_answer(reply) in {True, False}


def test_an_agent_that_answers_counts_and_silence_says_nothing(monkeypatch):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(5)
    monkeypatch.setattr(snmp, "PORT", server.getsockname()[1])

    def answer() -> None:
        question, peer = server.recvfrom(2048)
        server.sendto(question, peer)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        assert snmp.is_answer(snmp.ask("127.0.0.1", 5.0))
    finally:
        thread.join(10)
        server.close()
    udp = {"port": 161, "protocol": "udp"}
    base = joined()
    switch = next(one for one in base.attempts if one.kind == "switch")
    silent = msgspec.structs.replace(switch, outcome="no_answer", **udp)
    heard = msgspec.structs.replace(switch, outcome="open", **udp)
    (said,) = judge.management(msgspec.structs.replace(base, attempts=(*base.attempts, silent)))
    assert said.verdict is Verdict.PASS
    (said,) = judge.management(msgspec.structs.replace(base, attempts=(*base.attempts, heard)))
    assert said.verdict is Verdict.FAIL
    assert said.evidence[0].source.startswith("question SNMPv3")
    gateway = base.attempts[0]
    (said,) = judge.management(msgspec.structs.replace(base, attempts=(gateway, silent)))
    assert said.verdict is Verdict.NOT_ASSESSED
