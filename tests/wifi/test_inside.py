"""The test from inside a Wi-Fi network: what is tried, what comes back, what it proves."""

from __future__ import annotations

import asyncio
import errno
import functools
import socket
import time
import unicodedata

import dns.message
import dns.rrset
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.model import Gap, MandateRefusedError, Reason, Severity, Verdict
from checks.wifi.inside import judge
from checks.wifi.inside.config import FILE_PORTS, PORTS, InsideConfig, Target
from checks.wifi.inside.facts import Attempt, InsideFacts, Lookup, Portal
from checks.wifi.inside.plan import plan
from checks.wifi.inside.probe import outcome_of, probe, read_portal

DC = Target(label="contrôleur de domaine", address="10.10.0.10", kind="server", ports=(3389, 389))
SUBJECT = "Tilleuls-Residents"


def attempt(port=3389, outcome="no_answer", kind="server", address="10.10.0.10", **more):
    milliseconds = 2000.0 if outcome == "no_answer" else 1.5 if outcome in {"open", "refused"} else None
    names = {"server": "contrôleur de domaine", "unused": f"adresse inutilisée {address}"}
    values = {"target": names.get(kind, kind), "milliseconds": milliseconds, **more}
    return Attempt(address=address, port=port, kind=kind, outcome=outcome, **values)


ALIVE = attempt(53, "open", "gateway", "10.20.0.1", target="passerelle", must_answer=True)
BASE = InsideFacts(
    role="resident",
    ssid=SUBJECT,
    network="10.20.0.0/24",
    own_addresses=("10.20.0.20",),
    attempts=(ALIVE, attempt(3389), attempt(389)),
)
UNUSED_SILENT = attempt(3389, "no_answer", "unused", "10.10.0.250")
UNUSED_REFUSED = attempt(3389, "refused", "unused", "10.10.0.250")


def facts(*attempts, **more):
    return msgspec.structs.replace(BASE, **({"attempts": attempts} if attempts else {}), **more)


def one(judgements):
    assert len(judgements) == 1
    assert judgements[0].subject == SUBJECT
    return judgements[0]


# --- judgements --------------------------------------------------------------------------------------------------


def test_silence_with_a_control_that_answers_conforms():
    said = one(judge.servers(BASE))
    assert said.verdict is Verdict.PASS
    assert "passerelle (10.20.0.1 port 53) répond" in said.message
    assert "éteinte" in said.message
    assert len(said.evidence) == 2
    assert judge.sentence(BASE).startswith(
        "D'un poste résident, on n'atteint rien de ce qui a été essayé (2 connexions)"
    )


def test_silence_without_a_control_is_not_assessed():
    alone = facts(attempt(3389), attempt(389))
    said = one(judge.servers(alone))
    assert (said.verdict, said.reason) == (Verdict.NOT_ASSESSED, "unreachable")
    assert "ne permet pas de conclure" in judge.sentence(alone)


def test_a_control_that_is_silent_is_no_control():
    silent = msgspec.structs.replace(ALIVE, outcome="no_answer")
    assert one(judge.servers(facts(silent, attempt(3389)))).verdict is Verdict.NOT_ASSESSED


@pytest.mark.parametrize(
    "more",
    [
        {"lookups": (Lookup(server="10.20.0.1", name="dc1.tilleuls.test", status="nxdomain"),)},
        {"egress": (attempt(25, "open", "external", "203.0.113.9"),)},
        {"portal": Portal(url="http://portail.test/", status=200, milliseconds=3)},
    ],
)
def test_anything_that_answers_is_a_control(more):
    assert one(judge.servers(facts(attempt(3389), **more))).verdict is Verdict.PASS


def test_an_open_port_fails_and_is_named():
    reached = facts(ALIVE, attempt(3389, "open"), attempt(389))
    said = one(judge.servers(reached))
    assert said.verdict is Verdict.FAIL
    assert said.severity is None
    assert said.message == (
        "D'un poste résident, on atteint les services des serveurs professionnels (annuaire, bureau à distance, bases) : contrôleur de domaine 10.10.0.10 (3389)."
    )
    assert [a.ref for a in said.affected] == ["10.10.0.10:3389"]
    assert said.affected[0].witness == {"dst": "10.10.0.10", "dport": "3389"}
    assert said.evidence[0].value == "connexion acceptée (2 ms)"
    assert judge.sentence(reached) == "D'un poste résident, on atteint contrôleur de domaine 10.10.0.10 (3389)."


def test_an_open_port_is_its_own_control():
    assert one(judge.servers(facts(attempt(3389, "open")))).verdict is Verdict.FAIL


@pytest.mark.parametrize("proof", [attempt(389), UNUSED_SILENT])
def test_a_refusal_shows_that_the_packet_passed_and_weighs_less(proof):
    said = one(judge.servers(facts(ALIVE, attempt(3389, "refused"), proof)))
    assert (said.verdict, said.severity) == (Verdict.FAIL, Severity.LOW)
    assert "Preuve plus faible" in said.message


def test_a_gateway_that_refuses_its_administration_conforms():
    """Packets always get to the gateway of the network: its refusal is what is asked of it."""
    closed = attempt(443, "refused", "gateway", "10.20.0.1", target="routeur")
    said = one(judge.management(facts(ALIVE, closed, attempt(22, "no_answer", "gateway", "10.20.0.1"))))
    assert said.verdict is Verdict.PASS
    assert "aucun port" not in judge.sentence(facts(ALIVE, closed))
    opened = msgspec.structs.replace(closed, outcome="open")
    assert one(judge.management(facts(ALIVE, opened))).verdict is Verdict.FAIL
    elsewhere = attempt(443, "refused", "gateway", "10.10.0.1", target="routeur")
    proof = attempt(443, "no_answer", "unused", "10.10.0.250")
    assert one(judge.management(facts(ALIVE, elsewhere, proof))).severity is Severity.LOW


def test_the_sentence_does_not_take_a_refusal_for_a_service():
    refused = facts(ALIVE, attempt(3389, "refused"), UNUSED_SILENT)
    assert judge.sentence(refused) == (
        "D'un poste résident, aucun port n'est ouvert, mais les paquets arrivent jusqu'à contrôleur de domaine "
        "10.10.0.10 (3389), qui refuse."
    )


def test_refusals_everywhere_are_not_assessed():
    said = one(judge.servers(facts(ALIVE, attempt(3389, "refused"), attempt(389, "refused"))))
    assert (said.verdict, said.reason) == (Verdict.NOT_ASSESSED, "unsupported")
    assert "adresse inutilisée" in said.message


def test_a_filter_that_refuses_for_everybody_conforms():
    said = one(judge.servers(facts(attempt(3389, "refused"), attempt(389, "refused"), UNUSED_REFUSED)))
    assert said.verdict is Verdict.PASS
    assert "un filtre refuse" in said.message


def test_a_filter_that_refuses_here_and_drops_there_conforms():
    said = one(judge.servers(facts(ALIVE, attempt(3389, "refused"), attempt(389), UNUSED_REFUSED)))
    assert said.verdict is Verdict.PASS


def test_a_portal_that_answers_for_everybody_is_no_control():
    hijack = attempt(443, "open", "unused", "10.10.0.250")
    assert one(judge.servers(facts(attempt(3389), hijack))).verdict is Verdict.NOT_ASSESSED


@pytest.mark.parametrize(
    ("function", "kind", "port"),
    [
        (judge.servers, "server", 3389),
        (judge.management, "gateway", 443),
        (judge.management, "access_point", 22),
        (judge.management, "switch", 23),
        (judge.shares, "nas", 2049),
        (judge.shares, "server", 445),
        (judge.printers, "printer", 9100),
        (judge.records, "dui", 443),
        (judge.isolation, "station", 3389),
    ],
)
def test_each_family_has_its_question(function, kind, port):
    assert one(function(facts(ALIVE, attempt(port, "open", kind)))).verdict is Verdict.FAIL
    assert one(function(facts(ALIVE, attempt(port, "no_answer", kind)))).verdict is Verdict.PASS
    missing = one(function(facts(ALIVE)))
    assert (missing.verdict, missing.reason) == (Verdict.NOT_ASSESSED, "not_configured")
    for error in ("error", "not_tried"):
        unsure = one(function(facts(ALIVE, attempt(port, error, kind), attempt(port + 1, "no_answer", kind))))
        assert unsure.verdict is not Verdict.PASS
    refused = one(function(facts(ALIVE, attempt(port, "not_authorised", kind, detail="adresse hors du mandat"))))
    assert (refused.verdict, refused.reason) == (Verdict.NOT_ASSESSED, "permission")


def test_a_server_port_that_is_no_share_does_not_concern_shares():
    assert one(judge.shares(facts(ALIVE, attempt(3389, "open")))).reason == "not_configured"
    assert all(port in FILE_PORTS for port in (445, 139, 2049))


def test_a_machine_outside_the_mandate_is_told_and_does_not_hide_the_others():
    nurse_call = attempt(3389, "not_authorised", address="10.10.0.70", detail="plage exclue du mandat")
    said = one(judge.servers(facts(ALIVE, attempt(3389), nurse_call)))
    assert said.verdict is Verdict.PASS
    assert "Hors mandat, non essayé : 1 machine." in said.message
    assert "(1 machine essayée, 1 connexion)" in said.message


def test_a_refusal_between_stations_proves_that_they_see_each_other():
    for network in ("10.20.0.0/24", ""):
        said = one(judge.isolation(facts(attempt(3389, "refused", "station", "10.20.0.21"), network=network)))
        assert (said.verdict, said.severity) == (Verdict.FAIL, Severity.LOW)


def test_the_professional_network_is_judged_on_administration_and_isolation_only():
    opened = [
        attempt(port, "open", kind) for port, kind in ((3389, "server"), (9100, "printer"), (443, "dui"), (3389, "nas"))
    ]
    pro = facts(*opened, attempt(443, "open", "switch"), attempt(3389, "open", "station"), role="pro")
    for function in (judge.servers, judge.shares, judge.printers, judge.records):
        assert one(function(pro)).verdict is Verdict.NOT_APPLICABLE
    for function in (judge.management, judge.isolation):
        assert one(function(pro)).verdict is Verdict.FAIL
    assert one(judge.management(pro)).message.startswith("D'un poste professionnel, on atteint l'administration")


def test_a_test_from_elsewhere_is_not_judged():
    elsewhere = facts(ALIVE, attempt(3389, "open"), own_addresses=("10.20.0.20", "10.10.0.200"))
    said = one(judge.servers(elsewhere))
    assert said.verdict is Verdict.NOT_ASSESSED
    assert "10.10.0.200" in said.message
    assert "ne permet pas de conclure" in judge.sentence(elsewhere)
    out = (attempt(25, "open", "external", "203.0.113.9"),)
    assert one(judge.egress(facts(egress=out, own_addresses=("10.10.0.200",)))).verdict is Verdict.NOT_ASSESSED
    six = attempt(3389, "open", "ipv6", SIX)
    assert one(judge.ipv6(facts(ipv6=six, own_addresses=("10.10.0.200",)))).verdict is Verdict.NOT_ASSESSED
    local = facts(ALIVE, attempt(3389, "open"), own_addresses=("10.20.0.20", "127.0.0.1", "fe80::1"))
    assert one(judge.servers(local)).verdict is Verdict.FAIL


def test_a_portal_that_answers_for_everybody_proves_nothing():
    hijack = attempt(443, "open", "unused", "10.10.0.250")
    said = one(judge.records(facts(ALIVE, attempt(443, "open", "dui"), hijack)))
    assert (said.verdict, said.reason) == (Verdict.NOT_ASSESSED, "unsupported")
    shown = Portal(url="http://portail.test/", status=302, redirected=True, milliseconds=3)
    assert one(judge.records(facts(attempt(443, "open", "dui"), portal=shown))).verdict is Verdict.NOT_ASSESSED
    clear = attempt(443, "no_answer", "unused", "10.10.0.250")
    assert one(judge.records(facts(attempt(443, "open", "dui"), clear, portal=shown))).verdict is Verdict.FAIL


NAME = "dc1.tilleuls.test"


@pytest.mark.parametrize(
    ("lookups", "verdict"),
    [
        ((Lookup(server="10.20.0.1", name=NAME, status="found", addresses=("10.10.0.10",)),), Verdict.FAIL),
        ((Lookup(server="10.20.0.1", name=NAME, status="nxdomain"),), Verdict.PASS),
        ((Lookup(server="10.20.0.1", name=NAME, status="timeout"),), Verdict.NOT_ASSESSED),
        ((Lookup(server="10.20.0.1", name=NAME, status="unreachable"),), Verdict.NOT_ASSESSED),
        ((Lookup(server="9.9.9.9", name=NAME, status="found", addresses=("9.9.9.10",)),), Verdict.PASS),
        ((Lookup(server="10.20.0.1", name=NAME, status="found", addresses=("10.20.0.1",)),), Verdict.NOT_ASSESSED),
        (Gap(reason=Reason.NOT_CONFIGURED, detail="Aucun serveur DNS."), Verdict.NOT_ASSESSED),
        (None, Verdict.NOT_ASSESSED),
    ],
)
def test_internal_names(lookups, verdict):
    assert one(judge.internal_names(facts(lookups=lookups))).verdict is verdict
    assert one(judge.internal_names(facts(lookups=lookups, role="pro"))).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        (("no_answer", "open"), Verdict.FAIL),
        (("no_answer", "no_answer"), Verdict.PASS),
        (("no_answer", "refused"), Verdict.NOT_ASSESSED),
        (("no_answer", "error"), Verdict.NOT_ASSESSED),
        (("not_authorised", "not_authorised"), Verdict.NOT_ASSESSED),
        ((), Verdict.NOT_ASSESSED),
    ],
)
def test_egress(outcomes, verdict):
    tried = tuple(attempt(25 + n, outcome, "external", "203.0.113.9") for n, outcome in enumerate(outcomes))
    assert one(judge.egress(facts(egress=tried))).verdict is verdict


def test_egress_without_control_is_not_assessed():
    tried = (attempt(25, "no_answer", "external", "203.0.113.9"),)
    assert one(judge.egress(facts(attempt(3389), egress=tried))).verdict is Verdict.NOT_ASSESSED


@pytest.mark.parametrize(
    ("redirected", "https", "verdict"),
    [(True, True, Verdict.PASS), (True, False, Verdict.FAIL), (False, False, Verdict.NOT_ASSESSED)],
)
def test_portal(redirected, https, verdict):
    found = Portal(url="http://portail.test/", status=302, redirected=redirected, https=https, milliseconds=3)
    assert one(judge.portal(facts(portal=found))).verdict is verdict
    assert one(judge.portal(facts())).reason == "not_configured"
    assert one(judge.portal(facts(portal=Gap(reason=Reason.TIMEOUT, detail="Rien.")))).reason == "timeout"
    assert one(judge.portal(facts(portal=found, role="pro"))).verdict is Verdict.NOT_APPLICABLE


SIX = "2001:db8:10::10"
SIX_ALIVE = attempt(53, "open", "gateway", "2001:db8:20::1", must_answer=True)


@pytest.mark.parametrize(
    ("controls", "outcome", "verdict"),
    [
        ((ALIVE,), "open", Verdict.FAIL),
        ((ALIVE, SIX_ALIVE), "no_answer", Verdict.PASS),
        ((ALIVE,), "no_answer", Verdict.NOT_ASSESSED),
        ((ALIVE, SIX_ALIVE), "refused", Verdict.NOT_ASSESSED),
        ((ALIVE, SIX_ALIVE), "error", Verdict.NOT_ASSESSED),
    ],
)
def test_ipv6_needs_a_control_in_ipv6(controls, outcome, verdict):
    tried = attempt(3389, outcome, "ipv6", SIX)
    assert one(judge.ipv6(facts(*controls, ipv6=tried))).verdict is verdict
    assert one(judge.ipv6(facts(*controls))).reason == "not_configured"


# --- profile and plan --------------------------------------------------------------------------------------------


def test_the_profile_reads_and_names_its_targets():
    table = {
        "role": "resident",
        "ssid": SUBJECT,
        "network": "10.20.0.0/24",
        "unused": ["10.10.0.250"],
        "external": "203.0.113.9",
        "portal_url": "http://portail.tilleuls.test/a?b",
        "ipv6_target": SIX,
        "target": [
            {"label": "DC", "address": "10.10.0.10", "kind": "server"},
            {"label": "imprimantes", "address": "10.10.0.40/29", "kind": "printer"},
        ],
    }
    config = msgspec.convert(table, InsideConfig)
    assert config.targets() == (
        "10.10.0.10",
        "10.10.0.41",
        "10.10.0.46",
        "10.10.0.250",
        "203.0.113.9",
        "portail.tilleuls.test",
        SIX,
    )
    assert config.machines[0].wanted() == PORTS["server"]


@pytest.mark.parametrize(
    "table",
    [
        {"role": "voisin"},
        {"role": "resident", "network": "10.20.0.5/24"},
        {"role": "resident", "unused": ["dc1"]},
        {"role": "resident", "ipv6_target": "10.10.0.10"},
        {"role": "resident", "portal_url": "https://portail.test/"},
        {"role": "resident", "portal_url": "http://a b/"},
        {"role": "resident", "portal_url": "http://x/\r\nX: y"},
        {"role": "resident", "target": [{"label": "a", "address": "10.0.0.0/8", "kind": "server"}]},
        {"role": "resident", "target": [{"label": "a", "address": "10.0.0.1", "kind": "ruche"}]},
        {"role": "resident", "target": [{"label": "a", "address": "10.0.0.1", "kind": "nas", "ports": [0]}]},
        {"role": "resident", "target": [{"label": "a", "address": "10.0.0.1", "kind": "nas"}] * 2},
        {"role": "resident", "connect_timeout": 0},
        {
            "role": "resident",
            "target": [{"label": f"r{n}", "address": f"10.{n}.0.0/24", "kind": "server"} for n in range(7)],
        },
    ],
)
def test_a_profile_that_cannot_be_tried_is_refused(table):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, InsideConfig)


def test_the_budget_sees_a_little_of_everything_first():
    nas = Target(label="nas", address="10.10.0.20", kind="nas", ports=(3389, 139))
    gateway = Target(label="passerelle", address="10.20.0.1", kind="gateway", ports=(53,), must_answer=True)
    config = InsideConfig(role="resident", machines=(DC, nas, gateway), max_connections=3)
    kept, left = plan(config)
    assert [(t.address, t.port) for t in kept] == [("10.20.0.1", 53), ("10.10.0.10", 3389), ("10.10.0.20", 3389)]
    assert [(t.address, t.port) for t in left] == [("10.10.0.10", 389), ("10.10.0.20", 139)]


def test_an_unused_address_is_tried_on_the_first_ports_and_on_those_of_a_portal():
    gateway = Target(label="passerelle", address="10.20.0.1", kind="gateway", ports=(53,), must_answer=True)
    kept, _ = plan(InsideConfig(role="resident", machines=(gateway, DC), unused=("10.10.0.250",)))
    assert [t.port for t in kept if t.kind == "unused"] == [3389, 80, 443]


def test_the_budget_of_a_machine_and_of_the_portal_count():
    config = InsideConfig(role="resident", machines=(DC,), max_per_host=1)
    assert [len(part) for part in plan(config)] == [1, 1]
    config = InsideConfig(role="resident", machines=(DC,), max_connections=2, portal_url="http://portail.test/")
    assert [len(part) for part in plan(config)] == [1, 1]
    assert [len(part) for part in plan(InsideConfig(role="resident", machines=(DC,), max_connections=2))] == [2, 0]


# --- probe -------------------------------------------------------------------------------------------------------


class FakeNetwork:
    """Loopback behind made-up addresses: `routes` says which port of this machine an address and port lead to."""

    def __init__(self, routes, resolvers=()):
        self.routes = routes
        self.resolvers = resolvers
        self.asked = []
        self.busy = {}
        self.most = 0
        self.most_of_one = 0

    def permit(self, host, port, protocol, purpose):
        return (host,)

    async def open(self, host, port, protocol, purpose, timeout):
        self.asked.append((host, port))
        self.busy[host] = self.busy.get(host, 0) + 1
        self.most = max(self.most, sum(self.busy.values()))
        self.most_of_one = max(self.most_of_one, self.busy[host])
        try:
            await asyncio.sleep(0.01)
            route = self.routes.get((host, port), TimeoutError())
            if isinstance(route, Exception):
                raise route
            async with asyncio.timeout(timeout):
                return await asyncio.open_connection("127.0.0.1", route)
        finally:
            self.busy[host] -= 1


def in_loop(test):
    """Run a test that awaits."""

    @functools.wraps(test)
    def run():
        asyncio.run(test())

    return run


def quiet(step, done=0, total=None):
    assert step


class Listener:
    """A TCP server that keeps what it received from each connection, and may say something."""

    def __init__(self, reply=b""):
        self.reply = reply
        self.received = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def serve(self, reader, writer):
        if self.reply:
            self.received.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.reply)
            await writer.drain()
        else:
            self.received.append(await reader.read())
        writer.close()
        await writer.wait_closed()

    async def __aexit__(self, *_):
        self.server.close()
        await self.server.wait_closed()


def closed_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def config_of(*targets, **more):
    return InsideConfig(role="resident", machines=targets, **{"connect_timeout": 1.0, "pause": 0.0, **more})


@in_loop
async def test_outcomes_of_a_probe():
    target = Target(label="serveur", address="10.10.0.10", kind="server", ports=(1, 2, 3, 4, 5, 6))
    async with Listener() as server:
        routes = {
            ("10.10.0.10", 1): server.port,
            ("10.10.0.10", 2): closed_port(),
            ("10.10.0.10", 4): MandateRefusedError("10.10.0.10:4", "adresse hors du mandat"),
            ("10.10.0.10", 5): OSError(errno.ENETUNREACH, "Network is unreachable"),
            ("10.10.0.10", 6): OSError(errno.EHOSTUNREACH, "No route to host"),
        }
        found = await probe(config_of(target), FakeNetwork(routes), quiet)
        await asyncio.sleep(0.05)
    assert [a.outcome for a in found.attempts] == [
        "open",
        "refused",
        "no_answer",
        "not_authorised",
        "error",
        "no_answer",
    ]
    assert server.received == [b""]
    assert found.connections == 4
    assert [a.milliseconds is not None for a in found.attempts] == [True, True, True, False, False, True]
    assert found.attempts[3].detail == "adresse hors du mandat"
    assert found.own_addresses[0] == "127.0.0.1"


@in_loop
async def test_a_probe_is_gentle():
    targets = [Target(label=f"m{n}", address=f"10.10.0.{n}", kind="nas", ports=(3389, 139, 22)) for n in range(1, 9)]
    network = FakeNetwork({})
    found = await probe(config_of(*targets, concurrency=3), network, quiet)
    assert len(network.asked) == len(set(network.asked)) == 24
    assert network.most <= 3
    assert network.most_of_one == 1
    assert [(a.address, a.port) for a in found.attempts][:2] == [("10.10.0.1", 3389), ("10.10.0.2", 3389)]


@in_loop
async def test_what_the_budget_or_the_time_leave_out_is_written():
    network = FakeNetwork({})
    found = await probe(config_of(DC, max_connections=1), network, quiet)
    assert [a.outcome for a in found.attempts] == ["no_answer", "not_tried"]
    assert network.asked == [("10.10.0.10", 3389)]
    late = await probe(config_of(DC, max_seconds=0.000001), FakeNetwork({}), quiet)
    assert {a.outcome for a in late.attempts} == {"not_tried"}
    assert late.connections == 0


@in_loop
async def test_a_mandate_that_refuses_everything_lets_no_packet_leave():
    refusal = MandateRefusedError("x", "adresse hors du mandat")
    routes = {("10.10.0.10", 3389): refusal, ("10.10.0.10", 389): refusal, ("portail.test", 80): refusal}
    found = await probe(config_of(DC, portal_url="http://portail.test/"), FakeNetwork(routes), quiet)
    assert (found.connections, found.datagrams) == (0, 0)
    assert isinstance(found.portal, Gap)
    assert judge.servers(found)[0].reason == "permission"


REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: https://accueil.tilleuls.test/\r\n\r\n"


@in_loop
async def test_the_portal_is_asked_once_in_clear():
    async with Listener(REDIRECT) as server:
        network = FakeNetwork({("portail.test", 8000): server.port})
        found = await probe(config_of(portal_url="http://portail.test:8000/a?b=1"), network, quiet)
    assert server.received == [b"GET /a?b=1 HTTP/1.1\r\nHost: portail.test:8000\r\nConnection: close\r\n\r\n"]
    assert (found.portal.status, found.portal.redirected, found.portal.https) == (302, True, True)
    assert found.connections == 1


@in_loop
async def test_a_portal_that_says_nothing_is_a_gap():
    async with Listener() as server:
        started = time.monotonic()
        config = config_of(portal_url="http://portail.test/", connect_timeout=0.1)
        found = await probe(config, FakeNetwork({("portail.test", 80): server.port}), quiet)
        await asyncio.sleep(0.05)
    assert found.portal.reason is Reason.TIMEOUT
    assert time.monotonic() - started < 2


@in_loop
async def test_internal_names_are_asked_of_each_server():
    resolvers = (("127.0.0.1", closed_port()),)
    found = await probe(config_of(internal_name=NAME), FakeNetwork({}, resolvers), quiet)
    assert [(one.server, one.status) for one in found.lookups] == [("127.0.0.1", "unreachable")]
    assert found.datagrams == 1
    none = await probe(config_of(internal_name=NAME), FakeNetwork({}), quiet)
    assert none.lookups.reason is Reason.NOT_CONFIGURED


class NameServer(asyncio.DatagramProtocol):
    """Gives one address for every name."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        reply = dns.message.make_response(dns.message.from_wire(data))
        reply.answer.append(dns.rrset.from_text(reply.question[0].name, 60, "IN", "A", "10.10.0.10"))
        self.transport.sendto(reply.to_wire(), addr)


@in_loop
async def test_a_name_server_that_tells_an_internal_address_is_heard():
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    network = FakeNetwork({}, (transport.get_extra_info("sockname"),))
    found = await probe(config_of(internal_name=NAME), network, quiet)
    transport.close()
    assert [(one.status, one.addresses) for one in found.lookups] == [("found", ("10.10.0.10",))]
    said = judge.internal_names(found)[0]
    assert said.message == f"D'un poste résident, le DNS (127.0.0.1) donne l'adresse interne de {NAME}."
    assert said.affected[0].detail == f"{NAME} : 10.10.0.10"


def test_facts_can_be_written_and_read_again():
    full = facts(egress=(attempt(25),), portal=Gap(reason=Reason.TIMEOUT, detail="Rien."), ipv6=attempt(3389))
    assert msgspec.json.decode(msgspec.json.encode(full), type=InsideFacts) == full


def test_a_hostile_refusal_text_is_cleaned():
    outcome, detail = outcome_of(OSError(errno.EACCES, "non\x1b[31m\n"))
    assert outcome == "error"
    assert detail.isprintable()


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (REDIRECT, (302, True, True)),
        (b"HTTP/1.0 307 x\nlocation: http://10.20.0.1/login\n\n", (307, True, False)),
        (b"HTTP/1.1 301 x\r\nLocation: https://portail.test/\r\n\r\n", (301, False, False)),
        (b"HTTP/1.1 302 x\r\nLocation: /login\r\n\r\n", (302, False, False)),
        (b"HTTP/1.1 200 OK\r\nLocation: https://ailleurs.test/\r\n\r\n", (200, False, False)),
        (b"HTTP/1.1 302 x\r\nLocation: http://[\r\n\r\n", (302, False, False)),
        (b"SSH-2.0-x\r\n", (0, False, False)),
        (b"", (0, False, False)),
    ],
)
def test_portal_replies(head, expected):
    found = read_portal("http://portail.test/", head, 1)
    assert (found.status, found.redirected, found.https) == expected


@given(st.binary(max_size=200))
def test_any_portal_reply_is_read(tail):
    found = read_portal("http://portail.test/", b"HTTP/1.1 302 x\r\nLocation: http" + tail, 1)
    assert not any(unicodedata.category(char) in {"Cc", "Cf"} for char in found.location)
    assert read_portal("http://portail.test/", tail, 1).status in range(1000)
