"""What the collection may cost the tenant, and what it did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from checks.m365.facts import Traffic
from checks.model import Gap, Reason

MAX_PAUSE = 120.0
"""Longest wait that a service may ask for, in seconds; beyond it the reading is given up."""


class UnreadError(Exception):
    """A reading that could not be obtained."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.gap = Gap(reason=reason, detail=detail)


class SpentError(UnreadError):
    """The budget of requests, or of time, is used up: what follows is not asked."""


class Pace(NamedTuple):
    """How time passes."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep


class Meter:
    """Counts requests and seconds; holds everyone back while a service asks to wait."""

    def __init__(self, max_requests: int, seconds: float, pace: Pace) -> None:
        self._max_requests = max_requests
        self._clock = pace.clock
        self._sleep = pace.sleep
        self._start = self._clock()
        self._end = self._start + seconds
        self._resume = self._start
        self.requests = self.retries = self.throttled = self.bytes = 0
        self.limits: dict[str, None] = {}
        """French sentences about what was cut short, in the order they came."""

    def spend(self) -> None:
        """Count one request about to be sent. Raises `SpentError` when it may not be."""
        if self._clock() >= self._end:
            self.note("La collecte de Microsoft 365 a atteint son temps maximal : la fin n'a pas été lue.")
            raise SpentError(Reason.TIMEOUT, "Le temps prévu pour lire ce locataire est écoulé.")
        if self.requests >= self._max_requests:
            limit = f"{self._max_requests} requêtes (max_requests)"
            self.note(f"La collecte de Microsoft 365 s'est arrêtée à {limit} : la fin n'a pas été lue.")
            raise SpentError(Reason.NOT_CONFIGURED, f"La limite du profil, {limit}, a été atteinte avant de le lire.")
        self.requests += 1

    def received(self, size: int) -> None:
        """Count the bytes of one answer."""
        self.bytes += size

    def note(self, sentence: str) -> None:
        """Remember a limit, once."""
        self.limits[sentence] = None

    def hold(self, seconds: float) -> None:
        """A service asks to wait: nobody sends before."""
        self._resume = max(self._resume, self._clock() + seconds)

    async def calm(self) -> None:
        """Wait until nobody is asked to."""
        while (left := self._resume - self._clock()) > 0:
            if self._clock() + left > self._end:
                self.note("La collecte de Microsoft 365 a atteint son temps maximal : la fin n'a pas été lue.")
                raise SpentError(Reason.TIMEOUT, "Microsoft demande d'attendre au-delà du temps prévu.")
            await self._sleep(left)

    async def pause(self, seconds: float) -> None:
        """Wait before another attempt of one request."""
        await self._sleep(seconds)

    def traffic(self) -> Traffic:
        """The figures for the facts."""
        return Traffic(
            requests=self.requests,
            retries=self.retries,
            throttled=self.throttled,
            bytes=self.bytes,
            seconds=round(self._clock() - self._start, 2),
        )
