"""What each controller accepts on the network: SMB dialects and signing, LDAP signing, LDAPS certificate.

Each question is asked once, on its own connection, within its own time limit; what cannot be asked is a gap.
"""

from __future__ import annotations

import contextlib
import ssl

from checks.ad.config import AdConfig
from checks.ad.facts import DcNetwork, LdapsFacts, SmbFacts
from checks.ad.transport import smb_negotiate, tls
from checks.ad.transport.ber import MalformedMessage
from checks.ad.transport.directory import (
    INVALID_CREDENTIALS,
    STRONGER_AUTH_REQUIRED,
    SUCCESS,
    Directory,
)
from checks.ad.transport.ntlm import NtlmAccount, bind_ntlm
from checks.ad.transport.smb_negotiate import MalformedAnswer
from checks.common.text import clean
from checks.model import Gap, MandateRefusedError, Network, Reason

PROBE_TIMEOUT = 10.0
"""Seconds for one answer; a controller that is alive answers a first message at once."""

_NOT_ASKED = "Question non posée : le réglage {} de [ad] la désactive."


def probe(host: str, config: AdConfig, account: NtlmAccount | Gap, network: Network) -> DcNetwork:
    """Ask one controller everything. Never raises: what failed is a gap.

    `account` is the reading account in NTLM form, known to be accepted, or why it cannot be used here.
    """
    ldap_off = Gap(reason=Reason.NOT_CONFIGURED, detail=_NOT_ASKED.format("ldap_probes"))
    smb_off = Gap(reason=Reason.NOT_CONFIGURED, detail=_NOT_ASKED.format("smb"))
    return DcNetwork(
        host=host,
        smb=probe_smb(host, config, network) if config.smb else smb_off,
        ldap_signing_required=probe_signing(host, config, account, network) if config.ldap_probes else ldap_off,
        ldaps=probe_ldaps(host, config, network) if config.ldap_probes else ldap_off,
    )


def _timeout(config: AdConfig) -> float:
    return min(config.read_timeout, PROBE_TIMEOUT)


def _network_gap(error: Exception, what: str) -> Gap:
    if isinstance(error, MandateRefusedError):
        return Gap(reason=Reason.REFUSED, detail=f"{what} : hors du mandat ({clean(error.why, 200)}).")
    if isinstance(error, TimeoutError):
        return Gap(reason=Reason.TIMEOUT, detail=f"{what} : le contrôleur n'a pas répondu à temps.")
    if isinstance(error, (MalformedAnswer, MalformedMessage)):
        return Gap(reason=Reason.MALFORMED, detail=f"{what} : la réponse ne suit pas le protocole.")
    return Gap(reason=Reason.UNREACHABLE, detail=f"{what} : le contrôleur est injoignable sur ce port.")


def probe_smb(host: str, config: AdConfig, network: Network) -> SmbFacts | Gap:
    """Two negotiations, SMB1 alone then SMB2/3; a gap when the port cannot be reached at all."""
    what = f"Négociation SMB avec {clean(host, 120)}"
    try:
        smb1: bool | Gap = smb_negotiate.smb1_accepted(_negotiate(host, config, network, smb_negotiate.smb1_request()))
    except MalformedAnswer as error:
        smb1 = _network_gap(error, what)
    except TimeoutError as error:
        smb1 = _network_gap(error, what)
    except OSError as error:
        return _network_gap(error, what)
    try:
        answer = _negotiate(host, config, network, smb_negotiate.smb2_request())
        chosen = smb_negotiate.smb2_chosen(answer)
    except (MalformedAnswer, OSError) as error:
        gap = _network_gap(error, what)
        return gap if isinstance(smb1, Gap) else SmbFacts(smb1=smb1, dialect=gap, signing_required=gap)
    return SmbFacts(smb1=smb1, dialect=chosen.dialect, signing_required=chosen.signing_required)


def _negotiate(host: str, config: AdConfig, network: Network, request: bytes) -> bytes:
    connection = network.connect(host, config.smb_port, "smb", "Négociation SMB sans session", config.connect_timeout)
    with connection:
        connection.settimeout(_timeout(config))
        connection.sendall(request)
        return smb_negotiate.read_answer(connection)


def probe_ldaps(host: str, config: AdConfig, network: Network) -> LdapsFacts | Gap:
    """The certificate shown on the LDAPS port, validated; a second connection only when validation fails."""
    what = f"Négociation TLS avec {clean(host, 120)}"
    pins = frozenset(pin.lower() for pin in config.pin_sha256)
    try:
        return _handshake(host, config, network, tls.validating_context(tls.TlsPolicy(config.ca_file)), pins, "")
    except ssl.SSLCertVerificationError as error:
        failure = tls.explain(error)
    except (ssl.SSLError, ConnectionError) as error:
        # The port is closed, or open and not speaking TLS: in both cases LDAPS is not offered.
        return LdapsFacts(offered=False, error=tls.explain(error))
    except OSError as error:
        return _network_gap(error, what)
    try:
        return _handshake(host, config, network, tls.observing_context(), pins, failure)
    except OSError as error:
        return _network_gap(error, what)


def _handshake(
    host: str,
    config: AdConfig,
    network: Network,
    context: ssl.SSLContext,
    pins: frozenset[str],
    failure: str,
) -> LdapsFacts:
    connection = network.connect(host, config.ldaps_port, "ldaps", "Lecture du certificat", config.connect_timeout)
    connection.settimeout(_timeout(config))
    with contextlib.closing(connection), context.wrap_socket(connection, server_hostname=host) as wrapped:
        return tls.describe(wrapped, pins=pins, failure=failure)


def probe_signing(host: str, config: AdConfig, account: NtlmAccount | Gap, network: Network) -> bool | Gap:
    """Whether the controller refuses an NTLM bind whose session would be neither signed nor encrypted.

    A controller tells this only to an account it accepts, so the reading account binds once without TLS. Its
    password does not travel (NTLM sends a proof of it). Nothing is read in that session.
    """
    if isinstance(account, Gap):
        return account
    what = f"Signature LDAP de {clean(host, 120)}"
    try:
        channel = network.connect(
            host, config.ldap_port, "ldap", "Question sur la signature LDAP", config.connect_timeout
        )
        channel.settimeout(_timeout(config))
        directory = Directory(channel, query_limit=3 * _timeout(config))
        try:
            code = bind_ntlm(directory, account, protect=False).done.code
        finally:
            directory.close()
    except (OSError, MalformedMessage) as error:
        return _network_gap(error, what)
    if code in {SUCCESS, STRONGER_AUTH_REQUIRED}:
        return code == STRONGER_AUTH_REQUIRED
    why = "NTLM est refusé pour ce compte" if code == INVALID_CREDENTIALS else f"code LDAP {code}"
    return Gap(reason=Reason.REFUSED, detail=f"{what} : la question n'a pas eu de réponse exploitable ({why}).")
