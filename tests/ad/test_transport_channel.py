from __future__ import annotations

import socket
import threading

import pytest

from checks.ad.transport.channel import SocketChannel


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def test_bytes_come_through_both_ways(pair) -> None:
    left, right = pair
    channel = SocketChannel(left, 2.0)
    channel.sendall(b"question")
    assert right.recv(100) == b"question"
    threading.Timer(0.05, right.sendall, (b"answer",)).start()
    assert channel.recv(100) == b"answer"


def test_large_requests_are_sent_whole(pair) -> None:
    left, right = pair
    received = bytearray()

    def drain() -> None:
        while len(received) < 3_000_000:
            received.extend(right.recv(65536))

    reader = threading.Thread(target=drain)
    reader.start()
    SocketChannel(left, 5.0).sendall(b"y" * 3_000_000)
    reader.join(5)
    assert len(received) == 3_000_000


def test_silence_is_a_timeout(pair) -> None:
    with pytest.raises(TimeoutError):
        SocketChannel(pair[0], 0.05).recv(10)


def test_peer_that_closes_gives_nothing(pair) -> None:
    left, right = pair
    right.close()
    assert SocketChannel(left, 1.0).recv(10) == b""
