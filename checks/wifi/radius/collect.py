"""Everything about one authentication server: the questions without a password, then the one declared login."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from checks.model import Gap, Network, Progress
from checks.wifi.radius.attempt import login
from checks.wifi.radius.config import RadiusConfig
from checks.wifi.radius.facts import LoginResult, RadiusFacts
from checks.wifi.radius.probe import probe


def collect(config: RadiusConfig, secret: Callable[[str], str], network: Network, progress: Progress) -> RadiusFacts:
    """Facts of one server. `secret` gives what a reference names. Never raises for what the network does.

    A server that did not answer the questions is not given the password of the test account.
    """
    shared = secret(config.secret_from)
    found = probe(config, shared, network, progress)
    attempt: LoginResult | Gap | None = None
    if config.identity and isinstance(found.offers, Gap):
        attempt = found.offers
    elif config.identity:
        progress("Connexion du compte de test")
        password = secret(config.password_from) if config.password_from else ""
        attempt = login(config, shared, password, network)
    return msgspec.structs.replace(found, login=attempt)
