"""A Network for tests: names of tilleuls.test are on the loopback, and what was asked is remembered."""

from __future__ import annotations

from checks.model import MandateRefusedError


class LoopbackNetwork:
    """Allows tilleuls.test, and what is not in `refused`."""

    resolvers: tuple[tuple[str, int], ...] = ()

    def __init__(self, refused: frozenset[str] = frozenset(), unknown: frozenset[str] = frozenset()) -> None:
        self.refused = refused
        self.unknown = unknown
        self.asked: list[tuple[str, int, str, str]] = []

    def permit(self, host: str, port: int, protocol: str, purpose: str) -> tuple[str, ...]:
        self.asked.append((host, port, protocol, purpose))
        if host in self.refused:
            raise MandateRefusedError(host, "hors mandat")
        if host in self.unknown:
            raise OSError(f"{host} : ce nom n'a pas d'adresse")
        assert host == "127.0.0.1" or host.endswith(".tilleuls.test"), host
        return ("127.0.0.1",)

    def permit_resolved(
        self, name: str, addresses: tuple[str, ...], port: int, protocol: str, purpose: str
    ) -> tuple[str, ...]:
        raise AssertionError("this domain resolves nothing itself")

    def connect(self, host: str, port: int, protocol: str, purpose: str, timeout: float):
        raise AssertionError("this domain opens its connections itself")

    async def open(self, host: str, port: int, protocol: str, purpose: str, timeout: float):
        raise AssertionError("this domain opens its connections itself")
