"""Where the services are: their addresses, permitted before any socket, and the trust in their certificates."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

import msgspec

from checks.model import CollectError, Network, Reason

HTTPS = 443
PURPOSES = {
    "login": "ouvrir une session Microsoft 365",
    "graph": "lire les réglages du locataire (Microsoft Graph)",
    "exchange": "lire les réglages d'Exchange Online",
    "compliance": "lire les réglages de conformité",
    "teams": "lire les réglages de Teams",
}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One service that may be reached."""

    url: str
    """`https://graph.microsoft.com`, without a final slash."""
    host: str
    port: int
    addresses: tuple[str, ...]
    """Those the mandate allows: the only ones a socket is opened to."""

    @property
    def origin(self) -> tuple[str, int]:
        """Name and port."""
        return self.host, self.port


def origin_of(url: str) -> tuple[str, int] | None:
    """Name and port of an https address; None for anything else, however it is disguised."""
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.hostname.lower(), port or HTTPS


def permit(network: Network, name: str, url: str) -> Place:
    """Ask the mandate for a service. Raises `MandateRefusedError`, and `OSError` when its name does not resolve."""
    origin = origin_of(url)
    if origin is None:
        raise OSError(f"{url[:80]} : ce n'est pas une adresse https")
    host, port = origin
    addresses = network.permit(host, port, "https", PURPOSES[name])
    return Place(url=url.rstrip("/"), host=host, port=port, addresses=addresses)


def beside(place: Place, location: str) -> str | None:
    """Address of the service that answers for this tenant, when `place` redirects to `location`.

    Exchange redirects to another front, whose first label is that of the place to ask under the same name. None when
    the redirection says nothing of the kind.
    """
    found = origin_of(location)
    if found is None:
        return None
    label = found[0].split(".")[0]
    if not label.isascii() or not label.replace("-", "").isalnum() or place.host in place.addresses:
        return None
    return f"https://{label}.{place.host}:{place.port}"


def trust(ca_file: str, public: str) -> ssl.SSLContext:
    """Verify certificates against the public authorities of the file `public`, and that of the profile if any.

    Raises `CollectError` when the profile's file cannot be read: every service would look wrong because of us.
    """
    context = ssl.create_default_context(cafile=public)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            detail = f"Le fichier des autorités de certification « {ca_file} » est absent ou illisible."
            raise CollectError(Reason.NOT_CONFIGURED, detail) from error
    return context


Directory = Mapping[tuple[str, int], Place]
"""Places that may be reached, by name and port."""
