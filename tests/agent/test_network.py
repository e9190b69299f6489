"""The guard is proved from outside: each case runs in its own process, because an audit hook cannot be removed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading

import pytest

PRELUDE = """
import asyncio, datetime as dt, json, os, socket, sys
from pathlib import Path
from agent.journal import Journal
from agent.mandate import MandateGuard
from agent.network import GuardedNetwork, install_audit_hook
from agent.profile import Excluded, Mandate
from checks.model import MandateRefusedError
today = dt.date.today()
mandate = Mandate(authorised_by="x", signed_on=today, valid_from=today, valid_to=today, emergency_contact="x",
                  networks=("127.0.0.0/25",), domains=("tilleuls.test",),
                  excluded=(Excluded(network="127.0.0.7", why="biomédical"),))
clock = lambda: dt.datetime.now(dt.UTC)
network = GuardedNetwork(MandateGuard(mandate, ("127.0.0.53",)), Journal(Path(sys.argv[1]), "test", clock), ("127.0.0.53",), clock)
early = socket.socket()
install_audit_hook(network)
def datagram(host):
    async def go():
        await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(host, port))
    asyncio.run(go())
def threaded(action):
    caught = []
    def body():
        try: action()
        except PermissionError as error: caught.append(error)
    import threading
    thread = threading.Thread(target=body); thread.start(); thread.join()
    raise caught[0]
port = int(sys.argv[2])
def refused(action):
    try:
        action()
    except MandateRefusedError as error:
        return error.why
    except PermissionError as error:
        return str(error)
    return "SENT"
"""


@pytest.fixture
def listener():
    server = socket.create_server(("0.0.0.0", 0))
    accepted = []

    def serve():
        while True:
            try:
                peer, address = server.accept()
            except OSError:
                return
            accepted.append(address)
            peer.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1], accepted
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


def run(tmp_path, port, code):
    journal = tmp_path / "journal.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code, str(journal), str(port)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    entries = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
    return json.loads(done.stdout or "null"), entries


def test_permitted_target_is_reached_and_journaled(tmp_path, listener):
    port, accepted = listener
    result, entries = run(
        tmp_path,
        port,
        's = network.connect("127.0.0.1", port, "ldaps", "essai", 5); s.close(); network.close(); print("null")',
    )
    assert result is None
    assert len(accepted) == 1
    assert [(e["action"], e["target"], e["protocol"], e["count"]) for e in entries] == [
        ("permit", "127.0.0.1", "ldaps", 1),
        ("count", "127.0.0.1", "tcp connect", 1),
    ]


@pytest.mark.parametrize(
    ("attempt", "why"),
    [
        ('network.connect("127.0.0.200", port, "ldaps", "essai", 5)', "hors du mandat"),
        ('network.connect("127.0.0.7", port, "ldaps", "essai", 5)', "biomédical"),
        ('network.connect("evil.example", port, "ldaps", "essai", 5)', "hors du mandat"),
        ('socket.create_connection(("127.0.0.200", port), 5)', "hors du mandat"),
        ('socket.create_connection(("127.0.0.1", port), 5)', "non annoncé"),
        ('socket.create_connection(("localhost", port), 5)', "non annoncé"),
        ('socket.create_connection(("evil.example", port), 5)', "hors du mandat"),
        ('socket.gethostbyname("evil.example")', "hors du mandat"),
        ('socket.gethostbyname("dc1.tilleuls.test")', "non annoncée"),
        ('socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.200", port))', "hors du mandat"),
        (
            'socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendmsg([b"x"], [], 0, ("127.0.0.200", port))',
            "hors du mandat",
        ),
        ('socket.socket(socket.AF_INET6, socket.SOCK_STREAM).connect(("::ffff:127.0.0.7", port))', "biomédical"),
        ('asyncio.run(asyncio.open_connection("127.0.0.200", port))', "hors du mandat"),
        ('asyncio.run(network.open("127.0.0.7", port, "smtp", "essai", 5))', "biomédical"),
        ('network.permit_resolved("www.tilleuls.test", ("127.0.0.200",), 443, "https", "essai")', "interne"),
        ("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", "raw socket"),
        ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "raw socket"),
        ('socket.getnameinfo(("127.0.0.1", port), 0)', "inverse"),
        ('socket.gethostbyaddr("127.0.0.1")', "inverse"),
        ('socket.gethostbyaddr("evil.example")', "hors du mandat"),
        ('socket.gethostbyname_ex("evil.example")', "hors du mandat"),
        ('socket.create_connection(("2130706433", port), 5)', "hors du mandat"),
        ('socket.socket().connect(("0x7f.200", port))', "sans le faire autoriser"),
        ('socket.socket().connect_ex(("127.0.0.200", port))', "hors du mandat"),
        ('socket.socket().connect(("0.0.0.0", port))', "une seule machine"),
        ('network.connect("127.0.0.127", port, "ldaps", "essai", 5)', "diffusion"),
        ('network.connect("2002:7f00:7::1", port, "ldaps", "essai", 5)', "biomédical"),
        ('socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("127.0.0.200", port))', "hors du mandat"),
        (
            'socket.fromfd(early.fileno(), socket.AF_INET, socket.SOCK_STREAM).connect(("127.0.0.200", port))',
            "hors du mandat",
        ),
        ('early.connect(("127.0.0.200", port))', "hors du mandat"),
        ('datagram("127.0.0.200")', "hors du mandat"),
        ('threaded(lambda: socket.create_connection(("127.0.0.200", port), 5))', "hors du mandat"),
        ('network.permit_resolved("www.tilleuls.test", ("224.0.0.251",), 443, "https", "essai")', "une seule machine"),
        ("socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 1)", "raw socket"),
        ("socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)", "another family"),
        ("os.fork()", "may not start a program"),
        ('os.posix_spawn("/bin/true", ["true"], {})', "may not start a program"),
        ('os.system("true")', "may not start a program"),
        ('__import__("subprocess").run(["true"])', "may not start a program"),
    ],
)
def test_nothing_is_sent_outside_the_mandate(tmp_path, listener, attempt, why):
    port, accepted = listener
    result, entries = run(tmp_path, port, f"print(json.dumps(refused(lambda: {attempt})))")
    assert why in result
    assert accepted == []
    if why not in ("may not start a program", "raw socket", "another family"):
        assert [e["action"] for e in entries] == ["refuse"]


def test_hours_that_end_after_a_target_was_permitted_stop_the_next_connection(tmp_path, listener):
    port, accepted = listener
    code = """
network.permit("127.0.0.1", port, "ldaps", "essai")
network._clock = lambda: dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
print(json.dumps(refused(lambda: socket.create_connection(("127.0.0.1", port), 5))))
"""
    result, _ = run(tmp_path, port, code)
    assert "valable du" in result
    assert accepted == []


def test_an_answer_that_changes_between_permission_and_connection_is_not_followed(tmp_path, listener):
    """The address permitted is the address used: a second answer for the same name opens nothing."""
    port, accepted = listener
    code = """
answers = iter([("127.0.0.1",), ("127.0.0.7",)])
network._resolve = lambda name: next(answers)
first = network.permit("dc1.tilleuls.test", port, "ldaps", "essai")
why = refused(lambda: network.connect("dc1.tilleuls.test", port, "ldaps", "essai", 5))
print(json.dumps([first, why, refused(lambda: socket.create_connection(("dc1.tilleuls.test", port), 5))]))
"""
    (first, why, by_name), _ = run(tmp_path, port, code)
    assert first == ["127.0.0.1"]
    assert "biomédical" in why
    assert "non annoncée" in by_name
    assert accepted == []


def test_asyncio_own_plumbing_is_not_hindered(tmp_path, listener):
    port, accepted = listener
    code = """
async def go():
    reader, writer = await network.open("127.0.0.1", port, "smtp", "essai", 5)
    writer.close()
    await writer.wait_closed()
asyncio.run(go())
print("null")
"""
    run(tmp_path, port, code)
    assert len(accepted) == 1


def test_expired_mandate_refuses_even_allowed_targets(tmp_path, listener):
    port, accepted = listener
    code = """
network._clock = lambda: dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
print(json.dumps(refused(lambda: network.connect("127.0.0.1", port, "ldaps", "essai", 5))))
"""
    result, _ = run(tmp_path, port, code)
    assert "valable du" in result
    assert accepted == []
