"""A limit on what is done at the same time, that someone who never answers cannot hold."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Slots:
    """So many places; one that is held longer than `patience` seconds is given back before its holder has finished.

    The limit is there to spare the processor and the network. Whoever waits for a silent peer uses neither, and
    must not keep the others waiting.
    """

    def __init__(self, count: int, patience: float) -> None:
        self._places = asyncio.Semaphore(count)
        self._patience = patience

    def hold(self) -> _Hold:
        """One place; use as `async with`."""
        return _Hold(self._places, self._patience)


class _Hold:
    def __init__(self, places: asyncio.Semaphore, patience: float) -> None:
        self._places = places
        self._patience = patience
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> None:
        await self._places.acquire()
        self._timer = asyncio.get_running_loop().call_later(self._patience, self._give_back)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._give_back()

    def _give_back(self) -> None:
        self._timer = None
        self._places.release()
