"""A RADIUS server that does what a test tells, on loopback; and a network that notes what was asked of it."""

from __future__ import annotations

import contextlib
import socket
import threading

from checks.model import MandateRefusedError
from checks.wifi.radius import codec
from checks.wifi.radius.codec import Attribute
from checks.wifi.radius.config import RadiusConfig

SECRET = b"un secret de test assez long"


class Permits:
    """A mandate that allows everything, or refuses."""

    resolvers = ()

    def __init__(self, refused=""):
        self.refused = refused
        self.asked = []

    def permit(self, host, port, protocol, purpose):
        self.asked.append((host, port, protocol))
        if self.refused:
            raise MandateRefusedError(host, self.refused)
        return (host,)


@contextlib.contextmanager
def serving(answer, address="127.0.0.1"):
    """`answer(data, number)` gives the datagrams to send back for the `number`-th datagram received, from 0."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((address, 0))
        one.settimeout(0.05)
        stop = threading.Event()
        received = []
        problems = []

        def run():
            while not stop.is_set():
                try:
                    data, place = one.recvfrom(5000)
                except TimeoutError:
                    continue
                received.append(data)
                try:
                    for reply in answer(data, len(received) - 1):
                        one.sendto(reply, place)
                except Exception as error:  # noqa: BLE001 - told by the assertion below, outside of the thread
                    problems.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield one.getsockname()[1], received
        finally:
            stop.set()
            thread.join()
        assert not problems


def eap(code, identifier, kind=None, content=b""):
    body = b"" if kind is None else bytes([kind]) + content
    return bytes([code, identifier]) + (4 + len(body)).to_bytes(2) + body


def reply(data, code, message=b"", *more, secret=SECRET):
    request = codec.parse(data)
    attributes = (*codec.eap_attributes(message), *more)
    return codec.build_response(code, request.identifier, request.authenticator, attributes, secret)


def challenge(data, kind, content=b"", state=b"etat", identifier=7):
    return reply(data, codec.CHALLENGE, eap(1, identifier, kind, content), Attribute(codec.STATE, state))


def asked(data):
    """EAP type and content of a request; (0, b"") without EAP."""
    message = codec.parse(data).eap
    return (message[4], message[5:]) if len(message) > 4 else (0, b"")


def config(port=1812, **more):
    values = {
        "server": "127.0.0.1",
        "port": port,
        "secret_from": "env:RADIUS",
        "realm": "tilleuls.test",
        "ssid": "Tilleuls-Pro",
        "timeout": 0.2,
        "retries": 1,
        "pause": 0,
        **more,
    }
    return RadiusConfig(**values)
