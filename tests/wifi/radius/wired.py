"""802.1X on a cable of the test's own: hostapd (wired driver), wpa_supplicant and a recorder, in two namespaces."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import time

import pytest

from tests.wifi.radius import freeradius
from tests.wifi.radius.freeradius import PASSWORD, SECRET, USER, need

RADIUS_PORT = 1812
SSID = "Tilleuls-Pro"
AP_MAC, STATION_MAC = "02:00:00:ab:00:01", "02:00:00:ab:00:02"
SECONDS = 15
RECORDER = """
import socket, struct, sys, time
interface, path = sys.argv[1:]
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
sock.bind((interface, 0))
with open(path, "wb", buffering=0) as file:
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    print("ready", flush=True)
    while True:
        data, (_, _, kind, *_) = sock.recvfrom(65535)
        if interface == "lo" and kind == 4:  # loopback shows each frame twice
            continue
        now = time.time()
        file.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(data), len(data)) + data)
"""
HOSTAPD = f"""
interface=port
driver=wired
logger_stdout=-1
logger_stdout_level=1
ieee8021x=1
eap_reauth_period=0
use_pae_group_addr=1
own_ip_addr=127.0.0.1
nas_identifier=borne-rdc
auth_server_addr=127.0.0.1
auth_server_port={RADIUS_PORT}
auth_server_shared_secret={SECRET}
"""
AUTHENTICATOR = """
interface=lo
driver=none
logger_stdout=-1
logger_stdout_level=2
ieee8021x=1
eap_server=1
eap_user_file={root}/users
ca_cert={root}/ca.pem
server_cert={root}/server.pem
private_key={root}/server.key
radius_server_clients={root}/clients
radius_server_auth_port={port}
"""
"""hostapd as a RADIUS server, without a network of its own."""
_numbers = itertools.count()


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)


def until(condition, seconds=SECONDS):
    """Wait for something that another program does; False when it did not come."""
    for _ in range(seconds * 20):
        if condition():
            return True
        time.sleep(0.05)
    return condition()


class Cable:
    """A switch port and a station, each in its own namespace."""

    def __init__(self, folder, switch, station):
        self.folder = folder
        self.switch = switch
        self.station = station
        self._counter = itertools.count()

    @contextlib.contextmanager
    def program(self, netns, *argv):
        """A program in a namespace; gives its output file."""
        output = self.folder / f"output-{next(self._counter)}"
        found = shutil.which(argv[0], path="/usr/sbin:/usr/bin:/sbin:/bin") or argv[0]
        with output.open("wb") as file:
            process = subprocess.Popen(
                ["ip", "netns", "exec", netns, found, *argv[1:]], stdout=file, stderr=subprocess.STDOUT
            )
        try:
            yield output
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    @contextlib.contextmanager
    def recording(self, interface):
        """Every frame of an interface of the switch, in a capture file."""
        path = self.folder / f"{interface}-{next(self._counter)}.pcap"
        with self.program(self.switch, sys.executable, "-c", RECORDER, interface, str(path)) as output:
            assert until(lambda: "ready" in output.read_text())
            yield path

    @contextlib.contextmanager
    def port(self):
        """The switch asks stations who they are."""
        settings = self.folder / "hostapd.conf"
        settings.write_text(HOSTAPD)
        with self.program(self.switch, "hostapd", str(settings)) as output:
            assert until(lambda: "AP-ENABLED" in output.read_text("utf-8", "replace")), output.read_text()
            yield output

    def join(self, profile):
        """Connect a station once with that profile; True when it got in, and what its program said."""
        settings = self.folder / f"station-{next(self._counter)}.conf"
        settings.write_text(profile)
        with (
            self.port(),
            self.program(self.station, "wpa_supplicant", "-D", "wired", "-i", "eth0", "-c", str(settings)) as output,
        ):

            def said():
                return output.read_text("utf-8", "replace")

            ended = until(lambda: "CTRL-EVENT-EAP-SUCCESS" in said() or "CTRL-EVENT-EAP-FAILURE" in said())
            assert ended, said()
            return "CTRL-EVENT-EAP-SUCCESS" in said(), said()

    def server(self, root, chain, clients_ca, **settings):
        """FreeRADIUS beside the switch."""
        return freeradius.running(root, chain, clients_ca, netns=self.switch, port=RADIUS_PORT, **settings)


@contextlib.contextmanager
def cable(folder, own_address=""):
    """Two namespaces and the cable between them, the switch with one more address if wanted. Skips without the right to make them."""
    need("ip", "hostapd", "wpa_supplicant", "freeradius")
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    mark = f"aus1x{os.getpid()}n{next(_numbers)}"
    switch, station = f"{mark}a", f"{mark}b"
    made = []
    try:
        for name in (switch, station):
            done = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True, text=True, timeout=20)
            if done.returncode:
                pytest.skip(f"network namespaces are refused here: {done.stderr.strip()}")
            made.append(name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "port", "netns", switch, "type", "veth", "peer", "name", "eth0", "netns", station)
        ip("-n", switch, "link", "set", "port", "address", AP_MAC, "up")
        if own_address:
            ip("-n", switch, "addr", "add", f"{own_address}/32", "dev", "lo")
        ip("-n", station, "link", "set", "eth0", "address", STATION_MAC, "up")
        yield Cable(folder, switch, station)
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True, timeout=20)


@contextlib.contextmanager
def authenticating(root, server, clients_ca, methods):
    """The RADIUS server that hostapd holds, on loopback; `methods` as its file of users writes them."""
    need("hostapd")
    root.mkdir()
    port = freeradius.free_port()
    (root / "users").write_text(f'* {methods}\n"{USER}" MSCHAPV2,TTLS-PAP,GTC "{PASSWORD}" [2]\n')
    (root / "clients").write_text(f"127.0.0.1 {SECRET}\n")
    (root / "ca.pem").write_bytes(clients_ca.pem)
    (root / "server.pem").write_bytes(server.pem)
    (root / "server.key").write_bytes(server.key_pem)
    (root / "hostapd.conf").write_text(AUTHENTICATOR.format(root=root, port=port))
    found = shutil.which("hostapd", path="/usr/sbin:/usr/bin")
    with (root / "output").open("wb") as output:
        process = subprocess.Popen([found, str(root / "hostapd.conf")], stdout=output, stderr=subprocess.STDOUT)
    try:
        said = (root / "output").read_text
        if not until(lambda: "AP-ENABLED" in said() or process.poll() is not None) or process.poll() is not None:
            pytest.fail(f"hostapd did not start: {said()[-2000:]}")
        yield freeradius.Server(root, port)
    finally:
        process.terminate()
        process.wait(10)
