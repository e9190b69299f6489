"""The router of the laboratory: what the review says of its rules is what its kernel does to connections."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from checks.firewall.collect import read_input
from checks.firewall.query import answer
from lab import runner

pytestmark = pytest.mark.lab

CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 1.5).close()
except ConnectionRefusedError:
    pass
except OSError:
    sys.exit(1)
"""
"""Exit 0 when a packet came back, even a refusal by the server: the router let it through."""

CASES = [
    # host, its interface on the router, destination, port, interface towards it
    ("tablette", "residents", "10.10.0.10", 445, "pro"),
    ("tablette", "residents", "10.10.0.10", 389, "pro"),
    ("tablette", "residents", "10.10.0.10", 53, "pro"),
    ("tablette", "residents", "10.10.0.200", 22, "pro"),
    ("tablette", "residents", "10.30.0.25", 25, "dmz"),
    ("agent", "pro", "10.30.0.25", 25, "dmz"),
    ("agent", "pro", "10.30.0.80", 8443, "dmz"),
    ("dns", "dmz", "10.10.0.10", 53, "pro"),
    ("dns", "dmz", "10.10.0.10", 445, "pro"),
    ("mail", "dmz", "10.10.0.10", 53, "pro"),
]


@pytest.mark.parametrize("lab", ["running_lab", "later_lab"])
def test_connections_are_let_through_as_the_review_says(request, lab):
    info = request.getfixturevalue(lab)
    export = Path(info.root) / "state" / "router" / "routeur.nft"
    facts = read_input([str(export)], {})
    said, seen = {}, {}
    for host, zone_in, destination, port, zone_out in CASES:
        source = info.site.hosts[host].address
        question = f"src={source} dst={destination} dport={port} in={zone_in} out={zone_out}"
        said[host, destination, port] = answer(facts, question).verdict
        argv = runner.exec_argv(info.name, [sys.executable, "-c", CONNECT, destination, str(port)], host)
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=30)
        seen[host, destination, port] = "permit" if done.returncode == 0 else "deny"
    assert said == seen
    assert set(said.values()) == {"permit", "deny"}
