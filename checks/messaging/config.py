"""Profile table `[messaging]`: which mail domains to look at, and how far to go. Imports no network library."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from checks.model import Record

_SELECTOR = re.compile(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]*[a-z0-9])?)*", re.IGNORECASE)
_DOMAIN = re.compile(r"[^\s.@/:\\*]+(\.[^\s.@/:\\*]+)+\.?")

MAX_DOMAINS = 1000
MAX_NAME = 253
MAX_SELECTOR = 190
"""Leaves room for `._domainkey.` and a domain in the 253 characters of a name."""
MAX_SECONDS = 60
MAX_CONCURRENCY = 500


def _plain(domain: str) -> str:
    """The domain in the one form that is compared."""
    return unicodedata.normalize("NFC", domain).rstrip(".").lower()


class MessagingConfig(Record, frozen=True):
    """What the profile says about mail."""

    domains: tuple[str, ...]
    """Mail domains: what follows the @ in the addresses of the establishment."""
    dkim_selectors: tuple[str, ...] = ()
    """Selectors that sign the mail of every domain above, when known."""
    dkim_selectors_by_domain: Mapping[str, tuple[str, ...]] = {}
    """Selectors of one domain, in addition to the common ones."""
    mx_probe: bool = True
    """Connect to port 25 of each MX to look at STARTTLS, its versions and certificate."""
    fetch_mta_sts: bool = True
    """Fetch the MTA-STS policy over HTTPS."""
    ca_file: str = ""
    """PEM file of the authorities to trust; the authorities of this machine when empty."""
    helo: str = "ausculte.invalid"
    """Name given in EHLO."""
    dns_timeout: float = 1.5
    """Seconds, one try at one DNS server."""
    connect_timeout: float = 8.0
    """Seconds, one SMTP or HTTPS connection from start to end."""
    dns_in_flight: int = 100
    """DNS questions that may wait for an answer at the same time."""
    domain_concurrency: int = 20
    """Mail domains looked at together."""
    smtp_concurrency: int = 8
    """Mail servers probed together; connections to one server always come one after the other."""
    smtp_port: int = 25
    https_port: int = 443

    def targets(self) -> tuple[str, ...]:
        """What the mandate must allow before anything starts."""
        return self.domains

    def __post_init__(self) -> None:
        """Refuse what could not be asked; the message is shown with the place in the profile."""
        if not self.domains:
            raise ValueError("au moins un domaine de messagerie est attendu")
        if len(self.domains) > MAX_DOMAINS:
            raise ValueError(f"{MAX_DOMAINS} domaines de messagerie au plus")
        for name in (*self.domains, *self.dkim_selectors_by_domain):
            if len(name) > MAX_NAME or not _DOMAIN.fullmatch(name):
                raise ValueError(f"« {name} » n'est pas un domaine de messagerie")
        unknown = {_plain(name) for name in self.dkim_selectors_by_domain} - set(map(_plain, self.domains))
        if unknown:
            raise ValueError(f"« {min(unknown)} » a des sélecteurs DKIM mais n'est pas dans la liste des domaines")
        declared = (*self.dkim_selectors, *(s for some in self.dkim_selectors_by_domain.values() for s in some))
        for selector in declared:
            if len(selector) > MAX_SELECTOR or not _SELECTOR.fullmatch(selector):
                raise ValueError(f"« {selector} » n'est pas un sélecteur DKIM")
        limits = (self.dns_timeout, self.connect_timeout)
        counts = (self.dns_in_flight, self.domain_concurrency, self.smtp_concurrency)
        if not all(0 < seconds <= MAX_SECONDS for seconds in limits) or not all(
            1 <= count <= MAX_CONCURRENCY for count in counts
        ):
            raise ValueError("un délai va de 0 à 60 secondes, un nombre de tâches simultanées de 1 à 500")

    def selectors_of(self, domain: str) -> tuple[str, ...]:
        """Declared selectors of one domain, without repetition."""
        named = self.dkim_selectors_by_domain.items()
        own = tuple(s for name, some in named if _plain(name) == _plain(domain) for s in some)
        return tuple(dict.fromkeys(selector.lower() for selector in (*self.dkim_selectors, *own)))
