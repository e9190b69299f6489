"""Profile table `[ad]`: which domain controllers to read, as whom, and how long to wait."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from checks.model import Record

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Fa-f]{64}\Z")]


class AdConfig(Record, frozen=True, kw_only=True):
    """How to reach the directory. Holds a reference to the password, never the password."""

    servers: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """Names or addresses of domain controllers. The first that answers is read; all are probed on the
    network."""
    user: str
    """`user@domain` (simple, ntlm, kerberos) or a distinguished name (simple)."""
    password_from: str = "prompt"  # noqa: S105 - a reference, not a password
    """Secret reference: `env:NAME`, `prompt`, `fd:N`, `keyring:NAME`."""
    auth: Literal["simple", "ntlm", "kerberos"] = "simple"
    """`simple` is only sent inside TLS."""
    security: Literal["ldaps", "starttls", "signed"] = "ldaps"
    """`ldaps`: TLS on `ldaps_port`; `starttls`: TLS on `ldap_port`; `signed`: no TLS, signed and sealed NTLM
    or
    Kerberos."""
    ca_file: str = ""
    """PEM file of the authority that signed the certificate of the controllers; empty means the system
    store."""
    pin_sha256: tuple[Sha256, ...] = ()
    """SHA-256 of accepted controller certificates (DER, hexadecimal), for certificates no authority vouches
    for."""
    unverified_certificate: Literal["ntlm", "refuse"] = "ntlm"
    """What to do, with `simple`, when nothing is declared to check the certificate of a controller against
    (no `ca_file`, no pin) and no authority of this machine signed it. `ntlm`: the password is not sent; the session
    is opened with NTLM, signed and sealed, outside that TLS, and the certificate is reported. `refuse`: the
    controller is not read."""
    base_dn: str = ""
    """Empty: the default naming context announced by the controller."""
    ldap_port: Port = 389
    ldaps_port: Port = 636
    smb_port: Port = 445
    page_size: Annotated[int, msgspec.Meta(ge=10, le=5000)] = 1000
    """Objects per LDAP page; Windows refuses more than its MaxPageSize, 1000 by default."""
    connect_timeout: Seconds = 10.0
    """Seconds to open one connection."""
    read_timeout: Seconds = 60.0
    """Seconds without any byte from the controller before giving up."""
    sysvol: bool = True
    """Read the group policy files of SYSVOL, looking for stored passwords."""
    smb: bool = True
    """Ask each controller which SMB dialects and which signing it accepts."""
    ldap_probes: bool = True
    """Ask each controller whether it requires LDAP signing and which LDAPS certificate it shows."""

    def targets(self) -> tuple[str, ...]:
        """What the mandate must allow before anything starts."""
        return self.servers
