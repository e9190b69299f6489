"""The kernel as an oracle: random rule sets loaded in a router, random packets really sent through it, and every
verdict compared with what we read in the dump of the same rules.

Three network namespaces (client, router, server) joined by veth pairs that exist nowhere else.
"""

from __future__ import annotations

import ctypes
import ipaddress
import json
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from checks.firewall.algebra.decide import UNDETERMINED, Packet, decide_all
from checks.firewall.algebra.flatten import policies_of
from checks.firewall.facts import DENY, FORWARD, INPUT, PERMIT, Device
from checks.firewall.parsers import iptables, nftables
from checks.firewall.parsers.source import decode

pytestmark = pytest.mark.lab

REQUIRE = "AUSCULTE_REQUIRE_LAB"
PACKETS = 400
"""Packets sent through each rule set."""
MORE = int(os.environ.get("AUSCULTE_KERNEL_SETS", "1"))
"""Times as many rule sets, for a long run."""
IPTABLES_SETS, NFT_SETS, INPUT_SETS = 8 * MORE, 12 * MORE, 6 * MORE

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INSIDE, OUTSIDE = ("in0", "in1"), ("out0", "out1")
"""Interfaces of the router: two towards the client, two towards the server."""
HOSTS = (1, 2, 3, 4, 5, 9, 16, 17, 255, 256, 257, 300, 513)
"""Few hosts a network, so that rules about hosts are met."""
MARKER = b"AUSC"

# Packets are drawn from, and rules about, a small world: they meet often.
NETS = {
    "in0": ("10.16.0.0/16", "fd00:16::/32"),
    "in1": ("10.17.0.0/16", "fd00:17::/32"),
    "out0": ("172.20.0.0/16", "fd00:20::/32"),
    "out1": ("172.21.0.0/16", "fd00:21::/32"),
}
ROUTER = {"in0": ("10.16.255.1", "fd00:16::ffff"), "in1": ("10.17.255.1", "fd00:17::ffff")}
PORTS = (22, 53, 80, 81, 443, 445, 1024, 3389, 8080, 8081, 65535)
SOURCE_PORTS = (1023, 1024, 5000, 40000, 60000)


# A small builder of packets


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


@dataclass(frozen=True)
class Sent:
    """One packet and the interface of the router it enters by."""

    number: int
    entry: str
    source: str
    destination: str
    protocol: str
    source_port: int = 0
    port: int = 0
    icmp_type: int = 0
    icmp_code: int = 0
    reply: bool = False
    """Answer to a packet of the same number that passed: its connection is then established."""

    @property
    def family(self) -> int:
        return 6 if ":" in self.source else 4

    @property
    def exit(self) -> str:
        address = ipaddress.ip_address(self.destination)
        return next((name for name in NETS if any(address in ipaddress.ip_network(net) for net in NETS[name])), "")

    def answer(self) -> Sent:
        return Sent(
            self.number,
            self.exit,
            self.destination,
            self.source,
            self.protocol,
            self.port,
            self.source_port,
            {8: 0, 128: 129}.get(self.icmp_type, 0),
            reply=True,
        )

    def payload(self) -> bytes:
        return MARKER + struct.pack("!I", self.number)

    def transport(self, pseudo: Callable[[int, int], bytes]) -> bytes:
        body = self.payload()
        if self.protocol == "tcp":
            # SYN, or SYN with ACK in answer to it.
            acknowledged, flags = (self.number + 1, 18) if self.reply else (0, 2)
            head = struct.pack(
                "!HHIIBBHHH", self.source_port, self.port, self.number, acknowledged, 5 << 4, flags, 8192, 0, 0
            )
            at, number = 16, 6
        elif self.protocol == "udp":
            head = struct.pack("!HHHH", self.source_port, self.port, 8 + len(body), 0)
            at, number = 6, 17
        else:
            head = struct.pack("!BBHHH", self.icmp_type, self.icmp_code, 0, self.number & 0xFFFF, 1)
            at, number = 2, 58 if self.family == 6 else 1
        segment = head + body
        covered = segment if number == 1 else pseudo(number, len(segment)) + segment
        total = checksum(covered)
        return segment[:at] + struct.pack("!H", total) + segment[at + 2 :]

    def frame(self, to: bytes, origin: bytes) -> bytes:
        source, destination = (ipaddress.ip_address(text).packed for text in (self.source, self.destination))
        if self.family == 4:
            segment = self.transport(
                lambda number, length: source + destination + struct.pack("!BBH", 0, number, length)
            )
            number = {"tcp": 6, "udp": 17, "icmp": 1}[self.protocol]
            head = struct.pack(
                "!BBHHHBBH4s4s",
                0x45,
                0,
                20 + len(segment),
                self.number & 0xFFFF,
                0x4000,
                64,
                number,
                0,
                source,
                destination,
            )
            head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
            return to + origin + b"\x08\x00" + head + segment
        segment = self.transport(
            lambda number, length: source + destination + struct.pack("!IHBB", length, 0, 0, number)
        )
        number = {"tcp": 6, "udp": 17, "icmp6": 58}[self.protocol]
        head = struct.pack("!IHBB16s16s", 6 << 28, len(segment), number, 64, source, destination)
        return to + origin + b"\x86\xdd" + head + segment

    def packet(self) -> Packet:
        return Packet(
            source=self.source,
            destination=self.destination,
            protocol=self.protocol,
            port=self.port,
            source_port=self.source_port,
            icmp_type=self.icmp_type,
            icmp_code=self.icmp_code,
            in_zone=self.entry,
            out_zone=self.exit,
            state="established" if self.reply else "new",
        )


def identity(frame: bytes) -> int | None:
    at = frame.rfind(MARKER)
    return struct.unpack("!I", frame[at + 4 : at + 8])[0] if at >= 34 and len(frame) >= at + 8 else None


def inside(generator: random.Random, network: str) -> str:
    found = ipaddress.ip_network(network)
    return str(found[generator.choice(HOSTS)])


def packets(generator: random.Random, topology: Topology, *, to_router: bool = False) -> list[Sent]:
    found: list[Sent] = []
    first, seen = topology.count, topology.seen
    topology.count += PACKETS
    while len(found) < PACKETS:
        entry = generator.choice(INSIDE)
        version = generator.randrange(2)
        source = inside(generator, NETS[entry][version])
        destination = (
            ROUTER[entry][version] if to_router else inside(generator, NETS[generator.choice(OUTSIDE)][version])
        )
        protocol = generator.choice(("tcp", "tcp", "udp", "udp", "icmp6" if version else "icmp"))
        number = first + len(found)
        if protocol in ("tcp", "udp"):
            for _ in range(20):
                sport = generator.choice(SOURCE_PORTS) if generator.random() < 0.7 else generator.randrange(1, 65536)
                dport = generator.choice(PORTS) if generator.random() < 0.8 else generator.randrange(1, 65536)
                key = (source, destination, protocol, sport, dport)
                if key not in seen:
                    break
            else:
                continue
            seen.add(key)
            found.append(Sent(number, entry, source, destination, protocol, sport, dport))
        else:
            # Requests only are new connections; each has its own identifier.
            found.append(Sent(number, entry, source, destination, protocol, icmp_type=128 if version else 8))
    return found


# The three namespaces


def refusal() -> str:
    if os.geteuid() != 0:
        return "il faut les droits de root pour créer des espaces réseau"
    missing = [name for name in ("ip", "nft", "sysctl") if shutil.which(name, path=PATH) is None]
    return f"commandes absentes : {', '.join(missing)}" if missing else ""


def run(*command: str, given: str | None = None) -> str:
    done = subprocess.run(
        command, check=False, input=given, capture_output=True, text=True, timeout=30, env={"PATH": PATH}
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[:500]}")
    return done.stdout


def socket_in(name: str, interface: str) -> socket.socket:
    """A packet socket opened inside a namespace, by a thread that enters it and ends there."""
    found: list[socket.socket | BaseException] = []

    def enter() -> None:
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            with Path(f"/run/netns/{name}").open("rb") as handle:
                failed = libc.setns(handle.fileno(), CLONE_NEWNET)
            if failed:
                found.append(OSError(ctypes.get_errno(), "setns"))
                return
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            opened.bind((interface, 0))
            found.append(opened)
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            found.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def mac(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"


MACS = {name: (mac(16 + 2 * index), mac(17 + 2 * index)) for index, name in enumerate((*INSIDE, *OUTSIDE))}
"""Router side and other side of each cable."""


@dataclass
class Topology:
    client: str
    router: str
    server: str
    count: int = 1
    """Number of the next packet."""
    seen: set[tuple[object, ...]] = field(default_factory=set)
    """Tuples already sent: connection tracking remembers them, even when the rules change."""
    sockets: dict[str, socket.socket] = field(default_factory=dict)
    """The other side of each cable, by the interface of the router."""

    def inside(self, *command: str, given: str | None = None) -> str:
        """A command in the router."""
        return run("ip", "netns", "exec", self.router, *command, given=given)

    def clear(self) -> None:
        self.inside("nft", "flush", "ruleset")

    def send(self, sent: Sequence[Sent], where: Sequence[str] = OUTSIDE) -> set[int]:
        """Send packets; the identities of those that came out by some interfaces."""
        for opened in self.sockets.values():
            while select.select([opened], [], [], 0)[0]:
                opened.recv(2048)
        seen: set[int] = set()
        receivers = [self.sockets[name] for name in where]
        for start in range(0, len(sent), 50):
            for one in sent[start : start + 50]:
                to, origin = (bytes.fromhex(text.replace(":", "")) for text in MACS[one.entry])
                self.sockets[one.entry].send(one.frame(to, origin))
            collect(receivers, seen, 0)
        deadline = time.monotonic() + 5
        quiet = 0
        while quiet < 3 and time.monotonic() < deadline:
            quiet = 0 if collect(receivers, seen, 0.03) else quiet + 1
        return seen


def collect(receivers: Sequence[socket.socket], seen: set[int], wait: float) -> bool:
    """Read what arrived; a packet socket also shows what it sends."""
    got = False
    for receiver in select.select(receivers, [], [], wait)[0]:
        while select.select([receiver], [], [], 0)[0]:
            frame, address = receiver.recvfrom(2048)
            number = identity(frame)
            if number is not None and address[2] != socket.PACKET_OUTGOING:
                seen.add(number)
                got = True
    return got


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    problem = refusal()
    if problem and os.environ.get(REQUIRE) == "1":
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)
    names = [f"ausculte.fw{os.getpid()}.{host}" for host in ("client", "router", "server")]
    built = Topology(*names)
    made: list[str] = []
    try:
        for name in names:
            run("ip", "netns", "add", name)
            made.append(name)
        try:
            built.clear()
        except RuntimeError as error:
            pytest.skip(f"le noyau refuse nftables : {error}")
        build(built)
        yield built
    finally:
        for opened in built.sockets.values():
            opened.close()
        for name in made:
            run("ip", "netns", "del", name)


def build(built: Topology) -> None:
    for index, name in enumerate((*INSIDE, *OUTSIDE)):
        host = built.client if name in INSIDE else built.server
        near, far = MACS[name]
        run(
            "ip",
            "link",
            "add",
            name,
            "netns",
            built.router,
            "address",
            near,
            "type",
            "veth",
            "peer",
            "name",
            f"c{index}",
            "netns",
            host,
            "address",
            far,
        )
    settings = [
        "net.ipv4.ip_forward=1",
        "net.ipv6.conf.all.forwarding=1",
        "net.ipv4.conf.all.rp_filter=0",
        "net.ipv4.conf.default.rp_filter=0",
        "net.ipv4.icmp_echo_ignore_all=1",
        "net.ipv6.conf.all.accept_dad=0",
        "net.ipv6.conf.default.accept_dad=0",
    ]
    built.inside(
        "sysctl", "-q", "-w", *settings, *(f"net.ipv4.conf.{name}.rp_filter=0" for name in (*INSIDE, *OUTSIDE))
    )
    for index, name in enumerate((*INSIDE, *OUTSIDE)):
        host = built.client if name in INSIDE else built.server
        # The other side only carries frames: it must not answer, nor speak by itself.
        run("ip", "netns", "exec", host, "sysctl", "-q", "-w", f"net.ipv6.conf.c{index}.disable_ipv6=1")
        run("ip", "-n", host, "link", "set", f"c{index}", "up")
        built.inside("ip", "link", "set", name, "up")
        for version, network in enumerate(NETS[name]):
            length = network.partition("/")[2]
            own = ROUTER[name][version] if name in ROUTER else str(ipaddress.ip_network(network)[65000])
            built.inside("ip", "addr", "add", f"{own}/{length}", "dev", name, *(["nodad"] if version else []))
            for host_number in HOSTS:
                address = str(ipaddress.ip_network(network)[host_number])
                built.inside(
                    "ip", "neigh", "replace", address, "lladdr", MACS[name][1], "dev", name, "nud", "permanent"
                )
        opened = socket_in(host, f"c{index}")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_000_000)
        built.sockets[name] = opened


# Comparison


def compare(device: Device, sent: Sequence[Sent], passed: set[int], hook: str, what: str) -> Counter[str]:
    """Every verdict of ours against what the kernel did. Rules are all exact: nothing may be undetermined."""
    policies = policies_of(device, hook)
    flags = any("drapeaux TCP" in text for chain in device.chains for rule in chain.rules for text in rule.conditions)
    wrong = []
    tally: Counter[str] = Counter()
    for one in sent:
        packet = one.packet() if hook == FORWARD else one.packet()._replace(out_zone="")
        decision = decide_all(policies, packet)
        kernel = PERMIT if one.number in passed else DENY
        tally[kernel] += 1
        if one.reply and one.protocol == "tcp" and decision.verdict == UNDETERMINED:
            # Flags of a packet that opens nothing are not in the model: a rule about them may match or not.
            assert flags
            tally[UNDETERMINED] += 1
        elif decision.verdict != kernel:
            wrong.append((one, kernel, decision.verdict, decision.entry.rule if decision.entry else None))
    assert not wrong, f"{what}: {len(wrong)} packets of {len(sent)} differ: {wrong[:3]}"
    return tally


def both_ways(
    topology: Topology, devices: Sequence[tuple[str, Device]], sent: Sequence[Sent], what: str
) -> Counter[str]:
    """New connections, then the answers to those that passed."""
    passed = topology.send(sent)
    answers = [one.answer() for one in sent if one.number in passed]
    returned = topology.send(answers, INSIDE)
    total: Counter[str] = Counter()
    for name, device in devices:
        total += compare(device, sent, passed, FORWARD, f"{name} {what}")
        total += compare(device, answers, returned, FORWARD, f"{name} answers {what}")
    return total


def check_tally(tally: Counter[str]) -> None:
    """The comparison means something: both verdicts were met often."""
    total = tally[PERMIT] + tally[DENY]
    assert total > 2000
    assert tally[PERMIT] > total // 10
    assert tally[DENY] > total // 10
    assert tally[UNDETERMINED] < total // 10


# Random rules in the words of iptables


def network(generator: random.Random, version: int, names: Sequence[str]) -> str:
    base = ipaddress.ip_network(NETS[generator.choice(names)][version])
    kind = generator.randrange(4)
    if kind == 0:
        return str(base)
    if kind == 1:
        return f"{inside(generator, str(base))}/{128 if version else 32}"
    step = generator.choice((120, 124, 126) if version else (24, 28, 30))
    return str(ipaddress.ip_network(f"{inside(generator, str(base))}/{step}", strict=False))


def maybe_not(generator: random.Random) -> str:
    return "! " if generator.random() < 0.2 else ""


def port_text(generator: random.Random) -> str:
    if generator.random() < 0.3:
        low = generator.choice(PORTS[:-1])
        return f"{low}:{min(65535, low + generator.choice((1, 100, 20000)))}"
    return str(generator.choice(PORTS))


def iptables_match(generator: random.Random, version: int, *, inbound: bool) -> str:
    parts = []
    if generator.random() < 0.5:
        parts.append(f"{maybe_not(generator)}-s {network(generator, version, INSIDE)}")
    if generator.random() < 0.4:
        where = INSIDE if inbound else OUTSIDE
        parts.append(f"{maybe_not(generator)}-d {network(generator, version, where)}")
    if generator.random() < 0.3:
        parts.append(f"{maybe_not(generator)}-i {generator.choice(('in0', 'in1', 'in+', 'absent0'))}")
    if not inbound and generator.random() < 0.3:
        parts.append(f"{maybe_not(generator)}-o {generator.choice(('out0', 'out1', 'out+', 'o+'))}")
    choice = generator.random()
    if choice < 0.55:
        parts.append(iptables_ports(generator))
    elif choice < 0.65:
        name = "ipv6-icmp" if version else "icmp"
        kind = generator.choice((("128", "129", "1"), ("8", "0", "3/1"))[0 if version else 1])
        option = "--icmpv6-type" if version else "--icmp-type"
        parts.append(f"-p {name} -m {'icmp6' if version else 'icmp'} {maybe_not(generator)}{option} {kind}")
    elif choice < 0.72:
        parts.append(f"! -p {generator.choice(('tcp', 'udp'))}")
    if generator.random() < 0.2:
        base = ipaddress.ip_network(NETS[generator.choice(INSIDE)][version])
        low, high = sorted(generator.sample((1, 2, 4, 9, 17, 256, 300), 2))
        parts.append(f"-m iprange {maybe_not(generator)}--src-range {base[low]}-{base[high]}")
    if generator.random() < 0.2:
        parts.append(
            f"-m conntrack {maybe_not(generator)}--ctstate {generator.choice(('NEW', 'RELATED,ESTABLISHED', 'INVALID', 'NEW,ESTABLISHED', 'UNTRACKED'))}"
        )
    return " ".join(parts)


def iptables_ports(generator: random.Random) -> str:
    protocol = generator.choice(("tcp", "udp"))
    kind = generator.randrange(6)
    if kind == 0:
        return f"-p {protocol}"
    if kind == 1:
        return f"-p {protocol} -m {protocol} {maybe_not(generator)}--dport {port_text(generator)}"
    if kind == 2:
        return f"-p {protocol} -m {protocol} {maybe_not(generator)}--sport {generator.choice(SOURCE_PORTS)} {maybe_not(generator)}--dport {port_text(generator)}"
    if kind == 3 and protocol == "tcp":
        flags = generator.choice(("--syn", "! --syn", "--tcp-flags SYN,ACK SYN", "--tcp-flags FIN,ACK ACK"))
        return f"-p tcp -m tcp {flags} -m tcp --dport {port_text(generator)}"
    listed = ",".join(dict.fromkeys(port_text(generator) for _ in range(generator.randint(2, 4))))
    return f"-p {protocol} -m multiport {maybe_not(generator)}{generator.choice(('--dports', '--ports', '--sports'))} {listed}"


def iptables_rules(generator: random.Random, version: int) -> str:
    users = ["u1", "u2", "u3"]
    lines = ["*raw", ":PREROUTING ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"]
    net = network(generator, version, INSIDE)
    lines += [f"-A PREROUTING -s {net} -p udp -m udp --dport {generator.choice(PORTS)} -j DROP", "COMMIT"]
    policy = generator.choice(("ACCEPT", "DROP"))
    lines += [
        "*filter",
        f":INPUT {policy} [0:0]",
        f":FORWARD {generator.choice(('ACCEPT', 'DROP'))} [0:0]",
        ":OUTPUT ACCEPT [0:0]",
    ]
    lines += [f":{name} - [0:0]" for name in users]
    for chain in ("INPUT", "FORWARD", *users):
        # A chain calls only later ones: the kernel refuses loops.
        later = users[users.index(chain) + 1 :] if chain in users else users
        for _ in range(generator.randint(3, 12)):
            match = iptables_match(generator, version, inbound=chain != "FORWARD")
            target = generator.choices(
                ("ACCEPT", "DROP", "REJECT", "RETURN", "call", "", "LOG"), (7, 6, 1, 3, 5, 1, 1)
            )[0]
            if target == "call":
                target = f"{generator.choice(('-j', '-j', '-g'))} {generator.choice(later)}" if later else "-j RETURN"
            elif target:
                target = f"-j {target}"
            lines.append(f"-A {chain} {match} {target}")
    return "\n".join([*lines, "COMMIT", ""])


@pytest.mark.parametrize("kind", ["nft", "legacy"])
def test_iptables_verdicts_are_those_of_the_kernel(topology: Topology, kind: str) -> None:
    if any(shutil.which(f"{name}-{kind}-restore", path=PATH) is None for name in ("iptables", "ip6tables")):
        pytest.skip(f"paquet iptables absent (iptables-{kind}-restore)")
    total: Counter[str] = Counter()
    try:
        for seed in range(IPTABLES_SETS):
            generator = random.Random(f"iptables {kind} {seed}")
            topology.clear()
            dumps = []
            for version, name in enumerate(("iptables", "ip6tables")):
                load(topology, f"{name}-{kind}-restore", iptables_rules(generator, version))
                dumps.append(topology.inside(f"{name}-{kind}-save", "-c"))
            (device,) = iptables.parse(
                [decode(name, dump.encode()) for name, dump in zip(("v4", "v6"), dumps, strict=True)]
            )
            assert not device.not_understood
            sent = packets(generator, topology)
            total += both_ways(topology, [(kind, device)], sent, f"seed {seed}\n" + "".join(dumps))
    finally:
        unload(topology, kind)
    check_tally(total)


def load(topology: Topology, command: str, rules: str) -> None:
    try:
        topology.inside(command, given=rules)
    except RuntimeError as error:
        if "legacy" in command and "does not exist" in str(error):
            pytest.skip("le noyau n'a pas les tables historiques")
        raise


def unload(topology: Topology, kind: str) -> None:
    if kind != "legacy":
        topology.clear()
        return
    for name in ("iptables", "ip6tables"):
        topology.inside(
            f"{name}-legacy-restore",
            given="*raw\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n",
        )


# Random rules in the words of nftables


def nft_network(generator: random.Random, version: int, names: Sequence[str]) -> str:
    base = ipaddress.ip_network(NETS[generator.choice(names)][version])
    if generator.random() < 0.25:
        low, high = sorted(generator.sample((1, 2, 4, 9, 17, 256, 300), 2))
        return f"{base[low]}-{base[high]}"
    text = network(generator, version, names)
    return (
        text.removesuffix("/128").removesuffix("/32") if text.startswith("10") or version else text.removesuffix("/32")
    )


def nft_address(generator: random.Random, version: int, side: str, names: Sequence[str]) -> str:
    head = f"{('ip', 'ip6')[version]} {side}"
    kind = generator.randrange(5)
    sign = "!= " if generator.random() < 0.2 else ""
    if kind == 0 and names == INSIDE:
        return f"{head} {sign}@nets{6 if version else 4}"
    if kind == 1:
        hosts = dict.fromkeys(inside(generator, NETS[generator.choice(names)][version]) for _ in range(3))
        return f"{head} {sign}{{ {', '.join(hosts)} }}"
    return f"{head} {sign}{nft_network(generator, version, names)}"


def nft_ports(generator: random.Random, side: str = "dport") -> str:
    sign = "!= " if generator.random() < 0.2 else ""
    kind = generator.randrange(5)
    if kind == 0:
        return f"{side} {sign}{{ {', '.join(map(str, sorted(generator.sample(PORTS, 3))))}, 2000-3000 }}"
    if kind == 1:
        return f"{side} {sign}{generator.choice(PORTS[:6])}-{generator.choice(PORTS[6:])}"
    if kind == 2:
        return f"{side} {generator.choice(('<', '>', '<=', '>='))} {generator.choice(PORTS[:-1])}"
    if kind == 3:
        return f"{side} {sign}@ports"
    return f"{side} {sign}{generator.choice(PORTS)}"


def nft_match(generator: random.Random, *, inbound: bool) -> str:
    version = generator.randrange(2)
    parts = []
    if generator.random() < 0.45:
        parts.append(nft_address(generator, version, "saddr", INSIDE))
    if not inbound and generator.random() < 0.35:
        parts.append(nft_address(generator, version, "daddr", OUTSIDE))
    if generator.random() < 0.25:
        parts.append(
            generator.choice(
                (
                    'iifname "in0"',
                    'iifname != "in1"',
                    'iifname "in*"',
                    'iifname { "in0", "absent0" }',
                    'iif "in1"',
                    "iifname @ifs",
                )
            )
        )
    if not inbound and generator.random() < 0.25:
        parts.append(
            generator.choice(('oifname "out0"', 'oifname != "out0"', 'oif != "out1"', 'oifname { "out0", "out1" }'))
        )
    choice = generator.random()
    if choice < 0.4:
        parts.append(
            f"{generator.choice(('tcp', 'udp'))} {nft_ports(generator, generator.choice(('dport', 'dport', 'sport')))}"
        )
    elif choice < 0.5:
        parts.append(f"meta l4proto {{ tcp, udp }} th {nft_ports(generator)}")
    elif choice < 0.6:
        parts.append(
            generator.choice(
                (
                    "meta l4proto udp",
                    "meta l4proto != tcp",
                    "meta l4proto { icmp, ipv6-icmp }",
                    "icmp type echo-request",
                    "icmpv6 type { echo-request, nd-router-advert }",
                    "ip protocol tcp",
                    "ip6 nexthdr != udp",
                    "icmp type != echo-reply",
                    "meta nfproto ipv4",
                    "meta nfproto != ipv4",
                    "meta protocol ip6",
                )
            )
        )
    elif choice < 0.66:
        parts.append(
            generator.choice(
                (
                    "tcp flags syn",
                    "tcp flags & (fin|syn|rst|ack) == syn",
                    "tcp flags != syn",
                    "tcp flags ! fin,rst",
                    "tcp flags & (syn|ack) == (syn|ack)",
                    "tcp flags { syn, syn|ack }",
                )
            )
        )
    elif choice < 0.74:
        hosts = [inside(generator, NETS[generator.choice(INSIDE)][0]) for _ in range(3)]
        ports = generator.sample(PORTS, 3)
        parts = [
            f"ip saddr . tcp dport {{ {', '.join(f'{host} . {port}' for host, port in zip(hosts, ports, strict=True))} }}"
        ]
    elif choice < 0.8:
        parts = ["ip saddr . udp dport @pairs"]
    if generator.random() < 0.2:
        parts.append(
            generator.choice(
                (
                    "ct state new",
                    "ct state established,related",
                    "ct state { new, untracked }",
                    "ct state != new",
                    "ct state ! established",
                    "ct state invalid",
                    "ct state != { established, related }",
                    "ct state & (new|related) != 0",
                )
            )
        )
    return compatible(parts)


def compatible(parts: list[str]) -> str:
    """nft refuses a rule that names both IP versions, or two protocols."""
    text = " ".join(parts)
    four = any(word in f" {text}" for word in (" ip saddr", " ip daddr", " ip protocol", " icmp type", "nfproto ipv4"))
    six = any(word in f" {text}" for word in (" ip6 ", " icmpv6 ", "nfproto != ipv4", "protocol ip6"))
    return parts[0] if four and six else text


def nft_rules(generator: random.Random) -> str:
    users = ["u1", "u2", "u3"]
    pairs = dict.fromkeys(f"{inside(generator, NETS['in0'][0])} . {generator.choice(PORTS)}" for _ in range(4))
    lines = [
        "table inet essai {",
        f"set nets4 {{ type ipv4_addr; flags interval; elements = {{ 10.16.0.0/30, 10.16.1.0-10.16.1.255, {inside(generator, '10.17.0.0/16')} }}; }}",
        "set nets6 { type ipv6_addr; flags interval; elements = { fd00:16::/126, fd00:17::100-fd00:17::200 }; }",
        f"set ports {{ type inet_service; flags interval; elements = {{ {', '.join(map(str, sorted(generator.sample(PORTS, 4))))} }}; }}",
        f"set pairs {{ type ipv4_addr . inet_service; elements = {{ {', '.join(pairs)} }}; }}",
        'set ifs { type ifname; elements = { "in1", "absent0" }; }',
        "map fates { type inet_service : verdict; flags interval; elements = { 22 : accept, 80-81 : jump u3, 445 : drop, 8000-8100 : goto u2 }; }",
        *(f"chain {name} {{ }}" for name in users),
    ]
    bodies = {name: nft_body(generator, users[users.index(name) + 1 :], inbound=True) for name in users}
    bodies["avant"] = [f"{nft_match(generator, inbound=True)} drop"]
    bodies["passage"] = nft_body(generator, users, inbound=False)
    bodies["second"] = nft_body(generator, [], inbound=False)[:4]
    bodies["entree"] = nft_body(generator, users, inbound=True)
    heads = {
        "avant": "type filter hook prerouting priority raw; policy accept;",
        "passage": f"type filter hook forward priority filter; policy {generator.choice(('accept', 'drop'))};",
        "second": "type filter hook forward priority filter + 10; policy accept;",
        "entree": f"type filter hook input priority 0; policy {generator.choice(('accept', 'drop'))};",
    }
    for name, body in bodies.items():
        lines += [f"chain {name} {{", heads.get(name, ""), *body, "}"]
    return "\n".join([*lines, "}", ""])


def nft_body(generator: random.Random, later: Sequence[str], *, inbound: bool) -> list[str]:
    found = []
    for number in range(generator.randint(3, 10)):
        match = nft_match(generator, inbound=inbound)
        choice = generator.random()
        if choice < 0.12:
            found.append(generator.choice((
                "tcp dport vmap { 22 : drop, 80-443 : accept, 8080 : return }",
                'iifname vmap { "in0" : continue, "in1" : return }',
                "meta l4proto vmap { icmp : accept, ipv6-icmp : accept }",
                "ip saddr . tcp dport vmap { 10.16.0.1 . 80 : drop, 10.17.0.2 . 443 : accept }",
                "ct state vmap { established : accept, related : accept, invalid : drop }",
                "udp dport vmap { 53 : accept, 1024-65535 : return, * : drop }",
            )))  # fmt: skip
        elif choice < 0.17 and "u2" in later and "u3" in later:
            found.append("tcp dport vmap @fates")
        else:
            verdict = generator.choices(
                ("accept", "drop", "reject", "return", "call", "counter", 'log prefix "essai "'), (7, 6, 1, 3, 5, 1, 1)
            )[0]
            if verdict == "call":
                verdict = (
                    f"{generator.choice(('jump', 'jump', 'goto'))} {generator.choice(later)}" if later else "return"
                )
            counter = "counter " if generator.random() < 0.5 and verdict != "counter" else ""
            comment = f' comment "règle {number}"' if generator.random() < 0.2 else ""
            found.append(f"{match} {counter}{verdict}{comment}".strip())
    return found


def dumps_of(topology: Topology) -> list[tuple[str, Device]]:
    texts = {
        "text": ("nft", "list", "ruleset"),
        "handles": ("nft", "-a", "list", "ruleset"),
        "json": ("nft", "-j", "list", "ruleset"),
    }
    found = []
    for name, command in texts.items():
        file = decode(name, topology.inside(*command).encode())
        assert nftables.recognise(file)
        (device,) = nftables.parse([file])
        assert not device.not_understood, device.not_understood[:3]
        found.append((name, device))
    return found


def load_nft(topology: Topology, generator: random.Random) -> None:
    """Load a random rule set. The few rules that nft refuses as contradictory are taken away."""
    lines = nft_rules(generator).split("\n")
    for _ in range(40):
        topology.clear()
        done = subprocess.run(
            ["ip", "netns", "exec", topology.router, "nft", "-f", "-"],
            input="\n".join(lines),
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
            env={"PATH": PATH},
        )
        if done.returncode == 0:
            return
        where = done.stderr.partition("stdin:")[2].partition(":")[0]
        assert where.isdigit(), done.stderr
        refused = lines[int(where) - 1]
        assert refused.strip(), done.stderr
        assert not refused.startswith(("table", "set", "map", "chain", "}", "type")), done.stderr
        lines[int(where) - 1] = ""
    pytest.fail("nft refuse trop de règles")


def test_nftables_verdicts_are_those_of_the_kernel(topology: Topology) -> None:
    total: Counter[str] = Counter()
    try:
        for seed in range(NFT_SETS):
            generator = random.Random(f"nft {seed}")
            load_nft(topology, generator)
            devices = dumps_of(topology)
            sent = packets(generator, topology)
            total += both_ways(topology, devices, sent, f"seed {seed}\n" + topology.inside("nft", "list", "ruleset"))
    finally:
        topology.clear()
    check_tally(total)


def test_input_hook_of_nftables(topology: Topology) -> None:
    """What the firewall accepts for itself: a last chain of the hook counts each packet by its mark."""
    total: Counter[str] = Counter()
    try:
        for seed in range(INPUT_SETS):
            generator = random.Random(f"input {seed}")
            load_nft(topology, generator)
            devices = dumps_of(topology)
            add_witness(topology)
            sent = packets(generator, topology, to_router=True)
            topology.send(sent)
            passed = witnessed(topology, sent)
            for name, device in devices:
                total += compare(device, sent, passed, INPUT, f"nft input {name} seed {seed}")
    finally:
        topology.clear()
    check_tally(total)


def add_witness(topology: Topology) -> None:
    """Remember who crossed the hook: addresses, protocol and ports are unique, ICMP has its identifier."""
    topology.inside(
        "nft",
        "-f",
        "-",
        given="""
table inet temoin {
 set ports4 { type ipv4_addr . inet_proto . inet_service . inet_service; size 65535; flags dynamic; }
 set ports6 { type ipv6_addr . inet_proto . inet_service . inet_service; size 65535; flags dynamic; }
 set echo4 { typeof ip saddr . icmp id; size 65535; flags dynamic; }
 set echo6 { typeof ip6 saddr . icmpv6 id; size 65535; flags dynamic; }
 chain fin {
  type filter hook input priority 10000; policy accept;
  meta l4proto { tcp, udp } add @ports4 { ip saddr . meta l4proto . th sport . th dport }
  meta l4proto { tcp, udp } add @ports6 { ip6 saddr . meta l4proto . th sport . th dport }
  icmp type echo-request add @echo4 { ip saddr . icmp id }
  icmpv6 type echo-request add @echo6 { ip6 saddr . icmpv6 id }
 }
}
""",
    )


def witnessed(topology: Topology, sent: Sequence[Sent]) -> set[int]:
    seen: set[tuple[object, ...]] = set()
    for item in json.loads(topology.inside("nft", "-j", "-n", "list", "table", "inet", "temoin"))["nftables"]:
        for element in item.get("set", {}).get("elem", ()):
            seen.add(tuple(str(part) for part in element["concat"]))
    numbers = {"tcp": "6", "udp": "17"}
    found = set()
    for one in sent:
        if one.protocol in numbers:
            protocols: tuple[str, ...] = (numbers[one.protocol], one.protocol)
            keys = [(one.source, protocol, str(one.source_port), str(one.port)) for protocol in protocols]
        else:
            keys = [(one.source, str(one.number & 0xFFFF))]
        if seen.intersection(keys):
            found.add(one.number)
    return found


def test_a_wrong_reading_would_be_seen(topology: Topology) -> None:
    """The oracle can fail: with another rule set than the one loaded, verdicts differ."""
    generator = random.Random("control")
    try:
        load_nft(topology, generator)
        sent = packets(generator, topology)
        passed = topology.send(sent)
        load_nft(topology, random.Random("another"))
        other = dumps_of(topology)[0][1]
        with pytest.raises(AssertionError, match="differ"):
            compare(other, sent, passed, FORWARD, "control")
    finally:
        topology.clear()
