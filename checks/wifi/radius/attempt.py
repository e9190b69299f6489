"""The one login of the declared account: by `eapol_test` where it can be started, else by our own peer."""

from __future__ import annotations

from checks.model import Gap, Network, Reason
from checks.wifi.radius import eapol, peer
from checks.wifi.radius.config import RadiusConfig
from checks.wifi.radius.facts import LoginResult

_NOTHING_SENT = frozenset({Reason.UNSUPPORTED, Reason.PERMISSION})
"""`eapol_test` is absent, or this process may not start it: the server has seen nothing yet."""


def login(config: RadiusConfig, secret: str, password: str, network: Network) -> LoginResult | Gap | None:
    """Try once, by the first of the two that can. Whatever its answer, the other one is not tried after it."""
    found = eapol.login(config, secret, password, network)
    if isinstance(found, Gap) and found.reason in _NOTHING_SENT:
        ours = peer.login(config, secret, password, network)
        return found if isinstance(ours, Gap) and ours.reason is Reason.UNSUPPORTED else ours
    return found
