"""How fast mail domains are collected from the DNS, beside checkdmarc, on one name server and at one distance.

Starts Knot (Debian package `knot`) on a high port of the loopback with a set of generated zones, and in front of it a
relay that holds each reply for 20 ms: a resolver one city away. Then measures, in the same run and on the same server:

- one domain at a time: target at most 120 ms (median of fresh collections of different domains);
- 200 domains together: target at most 6 s;
- checkdmarc 6 on the same domains: one after the other, and with 32 threads.

Both ask the DNS only: nothing connects to mail or web servers. checkdmarc lives in its own virtual environment, made
in the cache folder at the first run, because its dependencies conflict with others.

    python benchmarks/mail_domains.py [--domains 200] [--rtt-ms 20] [--no-checkdmarc] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import contextlib
import json
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = "127.0.0.1"
ONE_DOMAIN_TARGET = 0.120
MANY_DOMAINS_TARGET = 6.0
SINGLE_RUNS = 25
SERIAL_SAMPLE = 30
"""Domains given to serial checkdmarc: it needs more than half a second for each."""
THREADS = 32
CHECKDMARC = "checkdmarc>=6,<7"


# ------------------------------------------------------------------------------------------------------ zones


def zone_files(folder: Path, count: int) -> list[str]:
    """Write `count` mail domains, their shared provider and the parent zone; return the zone names."""
    key = base64.b64encode(os.urandom(290)).decode()
    names = [f"b{number:03}.test" for number in range(count)]
    for number, name in enumerate(names):
        (folder / f"{name}.zone").write_text(
            f"""$ORIGIN {name}.
$TTL 300
@ SOA ns.test. h.test. 1 3600 600 86400 60
@ NS ns.test.
@ MX 10 mx1
@ MX 20 mx2
mx1 A 192.0.2.{number % 250 + 1}
mx2 A 198.51.100.{number % 250 + 1}
@ TXT "v=spf1 mx include:_spf.provider.test include:_spf.{name} -all"
_spf TXT "v=spf1 ip4:203.0.113.0/28 include:_spf2.{name} ~all"
_spf2 TXT "v=spf1 a:mx1.{name} ip4:203.0.113.64/28 ~all"
_dmarc TXT "v=DMARC1; p=reject; rua=mailto:a@{name},mailto:x@provider.test"
selector1._domainkey CNAME s1.provider.test.
_smtp._tls TXT "v=TLSRPTv1; rua=mailto:a@{name}"
"""
        )
    agreements = "\n".join(f'{name}._report._dmarc TXT "v=DMARC1"' for name in names)
    (folder / "provider.test.zone").write_text(
        f"""$ORIGIN provider.test.
$TTL 300
@ SOA ns.test. h.test. 1 3600 600 86400 60
@ NS ns.test.
_spf TXT "v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 include:_spf3.provider.test ~all"
_spf3 TXT "v=spf1 ip4:203.0.113.128/25 ~all"
s1 TXT "v=DKIM1; k=rsa; p={key[:200]}" "{key[200:]}"
{agreements}
"""
    )
    delegations = "\n".join(f"{name}. NS ns.test." for name in (*names, "provider.test"))
    (folder / "test.zone").write_text(
        f"$ORIGIN test.\n$TTL 300\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A {HERE}\n{delegations}\n"
    )
    return ["test", "provider.test", *names]


@contextlib.contextmanager
def knot(zones: list[str], folder: Path) -> Iterator[int]:
    """Run knotd on a free port until the block ends; gives the port."""
    knotd = shutil.which("knotd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if knotd is None:
        sys.exit("knotd est absent : apt-get install knot")
    port = free_port()
    listed = "".join(f"  - domain: {name}\n    file: {name}.zone\n" for name in zones)
    (folder / "knot.conf").write_text(
        f"""server:
  listen: {HERE}@{port}
  rundir: {folder}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {folder}
template:
  - id: default
    storage: {folder}
    zonefile-sync: -1
    journal-content: none
zone:
{listed}"""
    )
    with (folder / "knot.log").open("wb") as log:
        server = subprocess.Popen([knotd, "-c", folder / "knot.conf"], stdout=log, stderr=log)
        try:
            wait_for_dns(port)
            yield port
        finally:
            server.terminate()
            server.wait(10)


def free_port() -> int:
    """A port that nothing uses for now, in UDP and TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind((HERE, 0))
        return int(found.getsockname()[1])


def wait_for_dns(port: int) -> None:
    """Ask until every zone is loaded; the last generated one answers last."""
    import dns.message
    import dns.query
    import dns.rcode

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, Exception):
            reply = dns.query.udp(dns.message.make_query("provider.test", "SOA"), HERE, 0.5, port)
            if reply.rcode() == dns.rcode.NOERROR and reply.answer:
                return
        time.sleep(0.1)
    sys.exit("knotd ne répond pas")


# ------------------------------------------------------------------------------------------------------ relay


class Relay(asyncio.DatagramProtocol):
    """Passes questions on at once and holds replies for a fixed time: they leave in the order they came."""

    def __init__(self, upstream: tuple[str, int], delay: float) -> None:
        self.upstream = upstream
        self.delay = delay
        self.held: collections.deque[tuple[float, bytes, Any]] = collections.deque()
        self.origin: dict[int, tuple[bytes, Any]] = {}
        self.next_id = 0
        self.waking = False

    def connection_made(self, transport: Any) -> None:
        self.front = transport
        enlarge(transport)
        self.loop = asyncio.get_running_loop()
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.back.setblocking(False)
        self.back.connect(self.upstream)
        self.loop.add_reader(self.back, self.read_back)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.next_id = (self.next_id + 1) & 0xFFFF
        self.origin[self.next_id] = (data[:2], addr)
        self.back.send(self.next_id.to_bytes(2) + data[2:])

    def read_back(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data = self.back.recv(65535)
                asked, addr = self.origin.pop(int.from_bytes(data[:2]), (b"", None))
                if addr is not None:
                    self.held.append((self.loop.time() + self.delay, asked + data[2:], addr))
        self.wake()

    def wake(self) -> None:
        if self.held and not self.waking:
            self.waking = True
            self.loop.call_at(self.held[0][0], self.release)

    def release(self) -> None:
        self.waking = False
        # A timer of the event loop may fire one tick of the clock early: never hold less than asked.
        while self.held and self.held[0][0] <= self.loop.time():
            _, data, addr = self.held.popleft()
            self.front.sendto(data, addr)
        self.wake()


def enlarge(transport: Any) -> None:
    """Room for bursts."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)


def relay_process(port: int, upstream: int, delay: float) -> None:
    """Body of the relay's own process: UDP, and TCP with one delay per connection and one per reply."""

    async def serve_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(delay)
        to_server, from_server = None, None
        try:
            from_server, to_server = await asyncio.open_connection(HERE, upstream)
            while True:
                size = await reader.readexactly(2)
                to_server.write(size + await reader.readexactly(int.from_bytes(size)))
                back = await from_server.readexactly(2)
                reply = back + await from_server.readexactly(int.from_bytes(back))
                await asyncio.sleep(delay)
                writer.write(reply)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            if to_server is not None:
                to_server.close()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: Relay((HERE, upstream), delay), local_addr=(HERE, port))
        async with await asyncio.start_server(serve_tcp, HERE, port) as server:
            await server.serve_forever()

    asyncio.run(main())


@contextlib.contextmanager
def relay(upstream: int, delay: float) -> Iterator[int]:
    """Run the relay until the block ends; gives its port."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=relay_process, args=(port, upstream, delay))
    process.start()
    try:
        wait_for_dns(port)
        yield port
    finally:
        process.terminate()
        process.join(10)


# ------------------------------------------------------------------------------------------------- our collector


class OpenNetwork:
    """A Network without mandate: the only server is ours, on the loopback."""

    def __init__(self, port: int) -> None:
        self.resolvers = ((HERE, port),)

    def permit(self, host: str, *_: object) -> tuple[str, ...]:
        return (host,)


def collect(names: list[str], port: int) -> tuple[float, float, Any]:
    """Collect the domains; wall seconds, CPU seconds, facts."""
    from checks.messaging.collect import collect_all
    from checks.messaging.config import MessagingConfig

    config = MessagingConfig(domains=tuple(names), mx_probe=False, fetch_mta_sts=False)
    wall, cpu = time.perf_counter(), time.process_time()
    facts = asyncio.run(collect_all(config, OpenNetwork(port), lambda *_: None))  # type: ignore[arg-type]
    return time.perf_counter() - wall, time.process_time() - cpu, facts


def verify(facts: Any, count: int) -> None:
    """Refuse to print a figure for a collection that missed something."""
    from checks.model import Gap

    assert len(facts.domains) == count
    for domain in facts.domains:
        assert not isinstance(domain.mx, Gap), domain.mx
        assert not isinstance(domain.spf, Gap), domain.spf
        assert domain.spf.evaluation is not None
        assert domain.spf.evaluation.lookups == 6, domain.spf.evaluation
        assert not domain.spf.evaluation.failures
        assert [selector.selector for selector in domain.dkim.selectors] == ["selector1"]
        assert domain.dkim.guess_failures == 0
        assert [report.authorised for report in domain.dmarc.reports] == [True, True]
        assert not isinstance(domain.dnssec, Gap)


# --------------------------------------------------------------------------------------------------- checkdmarc


def checkdmarc_python() -> Path:
    """Python of the environment that holds checkdmarc; made on the first run."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ausculte-bench" / "checkdmarc"
    python = cache / "bin" / "python"
    if not (cache / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", cache], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", CHECKDMARC], check=True)
        (cache / "ready").touch()
    return python


def run_checkdmarc(names: list[str], port: int, threads: int) -> dict[str, float]:
    """Run checkdmarc in its own interpreter; wall and CPU seconds, imports excluded."""
    arguments = ["--as-checkdmarc", str(port), str(threads), *names]
    done = subprocess.run([checkdmarc_python(), __file__, *arguments], check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def as_checkdmarc(port: int, threads: int, names: list[str]) -> None:
    """Child side of `run_checkdmarc`."""
    import concurrent.futures

    import checkdmarc
    import dns.nameserver
    import dns.resolver

    def one(name: str) -> Any:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [dns.nameserver.Do53Nameserver(HERE, port)]
        resolver.use_edns(0, 0, 1232)
        return checkdmarc.check_domains([name], resolver=resolver, skip_tls=True)

    wall, cpu = time.perf_counter(), time.process_time()
    if threads == 1:
        results = [one(name) for name in names]
    else:
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            results = list(pool.map(one, names))
    figures = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    for result in results:
        assert result["spf"]["valid"], result["spf"]
        assert result["dmarc"]["valid"], result["dmarc"]
    print(json.dumps(figures))


# ---------------------------------------------------------------------------------------------------------- main


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--domains", type=int, default=200)
    parser.add_argument("--rtt-ms", type=float, default=20.0)
    parser.add_argument("--repeat", type=int, default=3, help="collections of all domains; the median counts")
    parser.add_argument("--no-checkdmarc", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ausculte-bench-") as made:
        folder = Path(made)
        zones = zone_files(folder, options.domains)
        with knot(zones, folder) as direct, relay(direct, options.rtt_ms / 1000) as far, relay(direct, 0) as near:
            results = measure(zones[2:], options, direct, near, far)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    if not (results["one_domain_ok"] and results["all_domains_ok"]):
        sys.exit(1)


def measure(names: list[str], options: argparse.Namespace, direct: int, near: int, far: int) -> dict[str, Any]:
    """All measures, printed as they come."""
    collect(names[:1], direct)  # imports and first-time costs are not what is measured
    results: dict[str, Any] = {"domains": len(names), "rtt_ms": options.rtt_ms, "load": os.getloadavg()[0]}
    print(f"{len(names)} domaines, aller-retour {options.rtt_ms:g} ms, charge de la machine {results['load']:.1f}")

    singles = [collect([name], far) for name in names[:SINGLE_RUNS]]
    for _, _, facts in singles:
        verify(facts, 1)
    one = statistics.median(wall for wall, _, _ in singles)
    results |= {"one_domain_s": one, "one_domain_ok": one <= ONE_DOMAIN_TARGET, "questions": singles[0][2].questions}
    verdict = "tenu" if one <= ONE_DOMAIN_TARGET else "MANQUÉ"
    worst = max(wall for wall, _, _ in singles)
    asked = results["questions"]
    print(f"un domaine : {one * 1000:.0f} ms (pire {worst * 1000:.0f}, {asked} questions) ; objectif 120 ms {verdict}")

    runs = [collect(names, far) for _ in range(options.repeat)]
    for _, _, facts in runs:
        verify(facts, len(names))
    wall = statistics.median(found[0] for found in runs)
    cpu = statistics.median(found[1] for found in runs)
    results |= {"all_domains_s": wall, "all_domains_cpu_s": cpu, "all_domains_ok": wall <= MANY_DOMAINS_TARGET}
    verdict = "tenu" if wall <= MANY_DOMAINS_TARGET else "MANQUÉ"
    rate = runs[0][2].questions / wall
    print(f"{len(names)} domaines : {wall:.2f} s ({cpu:.2f} s de processeur, {rate:.0f} q/s) ; objectif 6 s {verdict}")

    without, straight = collect(names, near)[0], collect(names, direct)[0]
    results |= {"relay_no_delay_s": without, "no_relay_s": straight}
    print(f"relais : {without:.2f} s par le relais sans attente, {straight:.2f} s sans relais")

    if not options.no_checkdmarc:
        compare(names, far, one, wall, results)
    return results


def compare(names: list[str], far: int, one: float, wall: float, results: dict[str, Any]) -> None:
    """checkdmarc on the same server, at the same distance, in the same run."""
    sample = names[:SERIAL_SAMPLE]
    serial = run_checkdmarc(sample, far, 1)
    each = serial["wall"] / len(sample)
    threaded = run_checkdmarc(names, far, THREADS)
    results |= {"checkdmarc_one_s": each, "checkdmarc_threads_s": threaded["wall"], "checkdmarc_cpu_s": threaded["cpu"]}
    results |= {"ratio_one": each / one, "ratio_all": threaded["wall"] / wall}
    results["ratio_serial"] = each * len(names) / wall
    print(f"checkdmarc, un domaine : {each * 1000:.0f} ms, soit {each / one:.1f} fois plus")
    print(f"checkdmarc, à la suite : {each * len(names):.0f} s pour {len(names)} (extrapolé de {len(sample)}), "
          f"soit {results['ratio_serial']:.0f} fois plus")  # fmt: skip
    print(f"checkdmarc, {THREADS} fils : {threaded['wall']:.2f} s ({threaded['cpu']:.2f} s de processeur), "
          f"soit {threaded['wall'] / wall:.1f} fois plus")  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--as-checkdmarc"]:
        as_checkdmarc(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
    else:
        main()
