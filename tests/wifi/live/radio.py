"""A radio in a network namespace: a TAP device that gives its frames as an adapter in monitor mode does.

Run as a program inside the namespace: makes `mon0`, then obeys one word a line on standard input and answers one line.
`send FILE` plays the packets of a pcap file, `flood N` sends N beacons, `down` and `remove` end the interface.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
from pathlib import Path

TUNSETIFF, TUNSETLINK = 0x400454CA, 0x400454CD
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
NAME = "mon0"


def make(link):
    """The device, its frames said to begin with this kind of header (ARPHRD)."""
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", NAME.encode(), IFF_TAP | IFF_NO_PI))
    fcntl.ioctl(device, TUNSETLINK, link)
    subprocess.run(["ip", "link", "set", NAME, "up"], check=True)
    return device


def packets(path):
    """Packets of a little-endian pcap file."""
    content = Path(path).read_bytes()
    position = 24
    while position < len(content):
        size = struct.unpack_from("<I", content, position + 8)[0]
        yield content[position + 16 : position + 16 + size]
        position += 16 + size


def main():
    device = make(int(sys.argv[1]))
    print("ready", flush=True)
    for line in sys.stdin:
        word, _, argument = line.strip().partition(" ")
        if word == "send":
            for packet in packets(argument):
                os.write(device, packet)
        elif word == "flood":
            path, number = argument.split()
            packet = next(packets(path))
            for _ in range(int(number)):
                os.write(device, packet)
        elif word == "down":
            subprocess.run(["ip", "link", "set", NAME, "down"], check=True)
        elif word == "remove":
            os.close(device)
        elif word == "sent":
            # What leaves by the interface would be read here.
            print(Path(f"/sys/class/net/{NAME}/statistics/tx_packets").read_text().strip(), flush=True)
            continue
        print("done", flush=True)


if __name__ == "__main__":
    main()
