"""How fast radio captures are read, beside tshark and hcxpcapngtool in the same run, and how much memory it takes.

The file is made from a capture given on the command line, repeated up to the number of frames wanted. Each repetition
is later than the one before, and its beacons get a new time stamp and sequence number (with the checksum that goes with
them), as real ones have: a cache of whole frames would find nothing. Every tool runs as a whole process, in turn, and
medians are compared; ours also says the time spent reading, without the start of Python.

    python benchmarks/wifi_capture.py CAPTURE [--frames 500000] [--rounds 3] [--no-memory] [--json FILE]
                                      [--gigabytes 1] [--new-beacons 100000]

`--gigabytes` also reads a file of at least that size, made by repetition then deleted: its peak memory must be
that of the small one. `--new-beacons` reads beacons that all come from another access point, the worst case: nothing is
ever found in the caches, and the limit of networks is reached.

Measured on 2026-11-22, 2 virtual CPUs shared with other work: 808,000 frames/s (20,056 frames of an attacked network
repeated), 9.2 times faster than tshark and 0.74 times the speed of hcxpcapngtool; on 1,093 frames of an ordinary WPA2
network, 14.5 and 0.76 times. 1.1 GB (15.4 million frames): 794,000 frames/s, 24 MiB, as for 36 MB. 200,000 beacons
of as many access points: 84,000 per second, 81 MiB, 20,000 networks kept and the rest said.

tshark extracts fields of all frames (type, BSSID, SSID, AKM), which is less than what is asked of ours. A peer that is
not installed is said to be absent. Ends with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from checks.wifi.capture import link
from checks.wifi.capture.files import CaptureSource
from checks.wifi.capture.packets import walker_for

FRAMES = 500_000
TARGET_SPEED = 400_000
TARGET_TSHARK = 10.0
TARGET_HCX = 1.0
TARGET_GROWTH = 1.1
MEMORY_FACTOR = 10
TARGET_NEW = 10_000
"""Beacons per second when each is of a network never seen: ten times what a full dissection by scapy reaches."""
TARGET_NEW_MEMORY = 512
"""MiB, with the greatest number of networks that is kept."""

READER = """
import json, resource, secrets, sys, time
from pathlib import Path
from checks.wifi.capture.reader import read_captures
started, cpu = time.perf_counter(), time.process_time()
facts = read_captures([Path(sys.argv[1])], salt=secrets.token_bytes(16))
seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
print(json.dumps({"seconds": seconds, "cpu": cpu, "frames": facts.files[0].frames, "networks": len(facts.networks),
                  "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""
TSHARK_FIELDS = (
    "wlan.fc.type_subtype",
    "wlan.bssid",
    "wlan.ssid",
    "wlan.rsn.akms.type",
    "wlan_rsna_eapol.keydes.msgnr",
)


def packets(path: Path) -> tuple[int, list[tuple[int, bytes]]]:
    """Link type of the first interface, and (second, bytes) of each of its packets."""
    source = CaptureSource(path)
    walker = None
    found: list[tuple[int, bytes]] = []
    for piece in source.chunks():
        walker = walker or walker_for(piece)
        for batch in walker.feed(piece):
            if batch.interface is walker.interfaces[0]:
                found += [
                    (second, batch.data[start:end])
                    for start, end, second in zip(batch.starts, batch.ends, batch.seconds, strict=True)
                ]
    if walker is None or not found:
        sys.exit(f"{path}: no packet")
    return walker.interfaces[0].link, found


def freshen(packet: bytes, kind: int, number: int) -> bytes:
    """The packet with another time stamp and sequence number, when it is a beacon or probe response."""
    reader = link.READERS.get(kind)
    tag = reader(packet, 0, len(packet)) if reader else None
    if tag is None or packet[tag.length : tag.length + 1] not in {b"\x80", b"\x50"} or len(packet) < tag.length + 40:
        return packet
    at = tag.length
    frame = bytearray(packet[at:])
    checked = zlib.crc32(frame[:-4]).to_bytes(4, "little") == bytes(frame[-4:])
    struct.pack_into("<H", frame, 22, (number & 0xFFF) << 4)
    struct.pack_into("<Q", frame, 24, number * 102_400)
    if checked:
        frame[-4:] = zlib.crc32(frame[:-4]).to_bytes(4, "little")
    return packet[:at] + bytes(frame)


def repeated(kind: int, found: list[tuple[int, bytes]], frames: int) -> Iterator[bytes]:
    """Content of a pcap file of that many frames."""
    yield struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, kind)
    seconds = [second for second, _ in found]
    first, span = min(seconds), max(seconds) - min(seconds) + 1
    for number in range(frames):
        turn, index = divmod(number, len(found))
        second, packet = found[index]
        packet = freshen(packet, kind, number)
        when = (1_700_000_000 + second - first + turn * span) & 0xFFFFFFFF
        yield struct.pack("<IIII", when, number % 1_000_000, len(packet), len(packet)) + packet


def build(path: Path, kind: int, found: list[tuple[int, bytes]], frames: int) -> None:
    with path.open("wb") as file:
        for part in repeated(kind, found, frames):
            file.write(part)


def build_bytes(path: Path, kind: int, found: list[tuple[int, bytes]], size: int) -> None:
    """A file of at least that many bytes: one repetition after another, all of them different."""
    mean = sum(len(packet) + 16 for _, packet in found) / len(found)
    build(path, kind, found, int(size / mean) + len(found))


def build_new(path: Path, count: int) -> None:
    """Beacons of as many access points: another address, name, channel and WPA2 or WPA3 element each time."""
    head = struct.pack("<HH6s", 0x0080, 0, b"\xff" * 6)
    rates = b"\x01\x08\x82\x84\x8b\x96\x0c\x12\x18\x24"
    suite = b"\x00\x0f\xac"
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, link.IEEE80211))
        for number in range(count):
            bssid = b"\x00" + (number * 2_654_435_761 % 2**40).to_bytes(5)
            ssid = b"Tilleuls-%x" % number
            akm = suite + bytes([2 if number % 2 else 8])
            rsn = b"\x01\0" + suite + b"\x04\x01\0" + suite + b"\x04\x01\0" + akm + b"\x80\0"
            fixed = struct.pack("<QHH", number * 1024, 100, 0x11)
            elements = bytes([0, len(ssid)]) + ssid + rates + bytes([3, 1, 1 + number % 13, 48, len(rsn)]) + rsn
            frame = head + bssid + bssid + struct.pack("<H", number << 4 & 0xFFFF) + fixed + elements
            file.write(struct.pack("<IIII", 1_700_000_000 + number // 1000, 0, len(frame), len(frame)) + frame)


def ours(path: Path) -> dict[str, Any]:
    """One reading in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    started, before = time.perf_counter(), children_cpu()
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path)], env=environment, capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - started
    return {**json.loads(done.stdout), "process": seconds, "process_cpu": children_cpu() - before}


def tshark(path: Path) -> tuple[float, float]:
    fields = [part for field in TSHARK_FIELDS for part in ("-e", field)]
    return timed(["tshark", "-n", "-r", str(path), "-T", "fields", *fields])


def hcx(path: Path, folder: Path) -> tuple[float, float]:
    return timed(["hcxpcapngtool", "-o", str(folder / "hashes"), str(path)])


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds elapsed, and of CPU, of one process."""
    before = children_cpu()
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return seconds, children_cpu() - before


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(path: Path, folder: Path, rounds: int) -> dict[str, Any]:
    """Every tool in turn, several rounds."""
    reading: list[dict[str, Any]] = []
    peers: dict[str, list[tuple[float, float]]] = {"tshark": [], "hcxpcapngtool": []}
    for _ in range(rounds):
        reading.append(ours(path))
        if shutil.which("tshark"):
            peers["tshark"].append(tshark(path))
        if shutil.which("hcxpcapngtool"):
            peers["hcxpcapngtool"].append(hcx(path, folder))
    kept = ("seconds", "cpu", "process", "process_cpu", "memory")
    medians = {key: statistics.median(run[key] for run in reading) for key in kept}
    return {
        **medians,
        "frames": reading[0]["frames"],
        "networks": reading[0]["networks"],
        "fastest": min(run["seconds"] for run in reading),
        "slowest": max(run["seconds"] for run in reading),
        "peers": {name: middle(times) if times else None for name, times in peers.items()},
    }


def middle(times: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(wall for wall, _ in times), statistics.median(cpu for _, cpu in times)


def report(figures: dict[str, Any]) -> bool:
    """Print the figures; True when every target that could be measured is met."""
    speed = figures["frames"] / figures["seconds"]
    print(f"frames               {figures['frames']:>12,}   networks {figures['networks']}")
    print(f"reading              {figures['seconds']:>12.3f} s ({figures['fastest']:.3f} – {figures['slowest']:.3f})")
    print(f"CPU                  {figures['cpu']:>12.3f} s")
    print(f"whole process        {figures['process']:>12.3f} s   CPU {figures['process_cpu']:.3f} s")
    met = verdict("frames per second", speed, TARGET_SPEED, "{:,.0f}", above=True)
    for name, target in (("tshark", TARGET_TSHARK), ("hcxpcapngtool", TARGET_HCX)):
        if figures["peers"][name] is None:
            print(f"{name:<20} absent")
            continue
        seconds, cpu = figures["peers"][name]
        print(f"{name:<20} {seconds:>12.3f} s   CPU {cpu:.3f} s, {cpu / figures['process_cpu']:.2f} times ours")
        met &= verdict(f"{name} / ours", seconds / figures["process"], target, "{:.2f}", above=True)
    memory = figures.get("memory_large")
    print(f"peak memory          {figures['memory']:>12} MiB")
    if memory:
        print(f"peak memory, {MEMORY_FACTOR} ×    {memory:>12} MiB")
        met &= verdict("growth", memory / figures["memory"], TARGET_GROWTH, "{:.2f}", above=False)
    return met


def report_large(run: dict[str, Any], size: int, small: int) -> bool:
    """A file that does not fit in the memory it may take."""
    print(f"large file           {size / 1e9:>12.2f} GB, {run['frames']:,} frames, {run['seconds']:.2f} s")
    met = verdict("frames per second", run["frames"] / run["seconds"], TARGET_SPEED, "{:,.0f}", above=True)
    print(f"peak memory          {run['memory']:>12} MiB")
    return verdict("growth", run["memory"] / small, TARGET_GROWTH, "{:.2f}", above=False) and met


def report_new(run: dict[str, Any]) -> bool:
    """Beacons of networks never seen before."""
    print(
        f"new networks         {run['frames']:>12,} beacons, {run['networks']:,} networks kept, {run['seconds']:.2f} s"
    )
    met = verdict("beacons per second", run["frames"] / run["seconds"], TARGET_NEW, "{:,.0f}", above=True)
    return verdict("peak memory, MiB", run["memory"], TARGET_NEW_MEMORY, "{:.0f}", above=False) and met


def verdict(title: str, value: float, target: float, shape: str, *, above: bool) -> bool:
    met = value >= target if above else value <= target
    sign = "≥" if above else "≤"
    print(f"{title:<20} {shape.format(value):>12}   target {sign} {shape.format(target)}{'' if met else '  MISSED'}")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("capture", type=Path)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-memory", action="store_true", help="do not make the file that is ten times larger")
    parser.add_argument("--gigabytes", type=float, help="also read a file of at least that size")
    parser.add_argument("--new-beacons", type=int, help="also read that many beacons, each of another access point")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    kind, found = packets(arguments.capture)
    with tempfile.TemporaryDirectory(prefix="wifi-bench-") as name:
        folder = Path(name)
        path = folder / "capture.pcap"
        build(path, kind, found, arguments.frames)
        print(f"{arguments.capture.name}: {len(found)} frames repeated, {path.stat().st_size / 1e6:.0f} MB")
        figures = measure(path, folder, arguments.rounds)
        if not arguments.no_memory:
            build(path, kind, found, arguments.frames * MEMORY_FACTOR)
            figures["memory_large"] = ours(path)["memory"]
        met = report(figures)
        if arguments.gigabytes:
            build_bytes(path, kind, found, int(arguments.gigabytes * 1e9))
            figures["large"] = {**ours(path), "bytes": path.stat().st_size}
            met &= report_large(figures["large"], figures["large"]["bytes"], figures["memory"])
        if arguments.new_beacons:
            build_new(path, arguments.new_beacons)
            figures["new"] = ours(path)
            met &= report_new(figures["new"])
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
