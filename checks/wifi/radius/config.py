"""Profile table `[wifi.radius]`: which authentication server to question, how gently, and the one login to try.

Imports no network library: `ipaddress` only reads texts.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

import msgspec

from checks.model import Record

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Login = Literal["PEAP", "TTLS", "TLS"]

METHOD_TYPES = {
    "PEAP": 25,
    "TTLS": 21,
    "TLS": 13,
    "TEAP": 55,
    "FAST": 43,
    "PWD": 52,
    "MD5": 4,
    "GTC": 6,
    "MSCHAPV2": 26,
    "LEAP": 17,
}
"""EAP methods that can be asked for, and their numbers (IANA registry of EAP method types)."""
TLS_METHODS = ("PEAP", "TTLS", "TLS", "TEAP", "FAST")
"""Those in which the server shows a certificate, the most usual first."""
INNER = ("MSCHAPV2", "PAP", "GTC", "MD5")
MAX_TEXT = 253
"""Characters: what one RADIUS attribute holds."""
MAX_SSID = 32
MAX_SECONDS = 600
_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")


class RadiusConfig(Record, frozen=True, kw_only=True):
    """One authentication server. The auditor's machine must be declared there as a client (NAS), with a secret."""

    server: str
    """Address or name."""
    port: Port = 1812
    secret_from: str
    """Where the shared secret is: `env:NAME`, `prompt`, `fd:N`, `keyring:SERVICE/ACCOUNT`."""
    ssid: str = ""
    """SSID said to the server, whose rules may depend on it."""
    realm: str = ""
    """What follows `@` in the identities: `tilleuls.test`."""
    outer_identity: str = ""
    """Identity said without any password; `anonymous@REALM` when empty. The server refuses it a dozen times: it must
    be nobody's account."""
    nas_identifier: str = "ausculte"
    methods: tuple[str, ...] = tuple(METHOD_TYPES)
    """EAP methods to ask for."""
    ca_file: str = ""
    """Authority that the stations check the server against (PEM or DER)."""
    server_name: str = ""
    """Name that the stations expect in the certificate."""
    login_method: Login = "PEAP"
    login_inner: str = "MSCHAPV2"
    """Inside the tunnel: `MSCHAPV2`, `PAP`, `GTC`, `MD5`."""
    identity: str = ""
    """Test account of the one login to try; none when empty."""
    password_from: str = ""
    client_certificate: str = ""
    """PEM file of the station, for a login by TLS."""
    client_key_file: str = ""
    timeout: Annotated[float, msgspec.Meta(gt=0, le=30)] = 3.0
    """Seconds to wait for one answer."""
    retries: Annotated[int, msgspec.Meta(ge=0, le=2)] = 1
    """Times one packet is sent again without an answer."""
    pause: Annotated[float, msgspec.Meta(ge=0, le=30)] = 0.2
    """Seconds between two conversations."""
    max_packets: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 250
    max_seconds: Annotated[float, msgspec.Meta(gt=0, le=MAX_SECONDS)] = 120.0
    """For the whole test; what is left then is written as not tried."""

    def __post_init__(self) -> None:
        """Refuse what could not be tried; the message is shown with the place in the profile."""
        if not _host(self.server):
            raise ValueError(f"« {self.server[:60]} » n'est pas l'adresse ni le nom d'un serveur RADIUS")
        if not self.secret_from:
            raise ValueError('le secret partagé manque : indiquer où il se trouve (secret_from = "env:VARIABLE")')
        if len(self.ssid.encode()) > MAX_SSID:
            raise ValueError(f"« {self.ssid[:MAX_SSID]} » n'est pas un SSID ({MAX_SSID} octets au plus)")
        for text in (self.realm, self.outer_identity, self.identity, self.nas_identifier, self.server_name):
            if len(text.encode()) > MAX_TEXT or not text.isprintable():
                raise ValueError(f"« {text[:40]} » : {MAX_TEXT} octets au plus, sans caractère de contrôle")
        if not (self.realm or self.outer_identity):
            raise ValueError("il faut le domaine des identifiants (realm) ou une identité externe (outer_identity)")
        if not self.nas_identifier:
            raise ValueError("nas_identifier ne peut pas être vide")
        self._check_methods()
        self._check_login()

    def _check_methods(self) -> None:
        unknown = [name for name in self.methods if name not in METHOD_TYPES]
        if unknown:
            raise ValueError(f"méthode EAP inconnue : « {unknown[0][:40]} » (possible : {', '.join(METHOD_TYPES)})")
        if len(set(self.methods)) != len(self.methods):
            raise ValueError("une méthode EAP est citée deux fois")

    def _check_login(self) -> None:
        if self.login_inner not in INNER:
            raise ValueError(f"login_inner : « {self.login_inner[:40]} » (possible : {', '.join(INNER)})")
        if not self.identity:
            if self.password_from or self.client_certificate:
                raise ValueError("un mot de passe ou un certificat est déclaré, mais pas l'identifiant (identity)")
            return
        if self.outer.casefold() == self.identity.casefold():
            raise ValueError("l'identité externe (outer_identity) ne doit être le compte de personne")
        if not self.ca_file or not self.server_name:
            # Sending a password to a server that is not checked is the very fault that is looked for.
            raise ValueError("un essai de connexion demande ca_file et server_name : le serveur est vérifié d'abord")
        if self.login_method == "PEAP" and self.login_inner == "PAP":
            raise ValueError('PEAP ne transporte pas PAP : login_inner = "MSCHAPV2" ou "GTC", ou bien TTLS')
        if self.login_method == "TLS" and not (self.client_certificate and self.client_key_file):
            raise ValueError("une connexion par TLS demande client_certificate et client_key_file")
        if self.login_method != "TLS" and not self.password_from:
            raise ValueError("une connexion par mot de passe demande password_from")

    @property
    def outer(self) -> str:
        """Identity said in clear: nobody's."""
        return self.outer_identity or f"anonymous@{self.realm}"

    def targets(self) -> tuple[str, ...]:
        """What the mandate must allow before anything starts."""
        return (self.server,)


def _host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return len(text) <= MAX_TEXT and all(map(_LABEL.fullmatch, text.removesuffix(".").split(".")))
    return True
