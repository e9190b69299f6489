"""Opens one authenticated session with one controller: reach it, trust it, bind once.

Order matters. Nothing secret leaves before the certificate is validated or pinned (or before the session is sealed),
and the password is presented once: a controller that refuses it ends the collection, because every further attempt,
on any controller, counts towards the lockout of the account.
"""

from __future__ import annotations

import math
import re
import socket
import ssl
import warnings
from typing import Any, NamedTuple, NoReturn

from checks.ad.config import AdConfig
from checks.ad.transport import tls
from checks.ad.transport.ber import MalformedMessage
from checks.ad.transport.channel import SocketChannel
from checks.ad.transport.directory import (
    BUSY,
    INVALID_CREDENTIALS,
    REFERRAL,
    STRONGER_AUTH_REQUIRED,
    SUCCESS,
    UNAVAILABLE,
    Directory,
)
from checks.ad.transport.ntlm import NtlmAccount, SealedChannel, bind_ntlm, signed_and_sealed
from checks.common.text import clean
from checks.model import CollectError, Network, Reason

with warnings.catch_warnings():
    # ldap3 2.9.1 uses names that pyasn1 0.6 calls deprecated; its users can do nothing about it.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3
    from ldap3.core.exceptions import LDAPException

PURPOSE = "Lecture de l'annuaire"

_DATA = re.compile(r"\bdata ([0-9a-f]{1,8})\b", re.IGNORECASE)
_REFUSALS = {
    "525": "le compte n'existe pas dans ce domaine",
    "52e": "le nom ou le mot de passe est faux",
    "52f": "le compte est soumis à une restriction (membre de « Protected Users », mot de passe vide…)",
    "530": "le compte n'a pas le droit d'ouvrir de session à cette heure",
    "531": "le compte n'a pas le droit d'ouvrir de session depuis ce poste",
    "532": "le mot de passe a expiré",
    "533": "le compte est désactivé",
    "568": "le compte appartient à trop de groupes",
    "701": "le compte a expiré",
    "773": "le mot de passe doit être changé avant la première connexion",
    "775": "le compte est verrouillé",
    "80090346": "le contrôleur exige la liaison au canal TLS (channel binding)",
}
"""Windows error (hexadecimal) that AD puts in the diagnostic message of result 49."""


class Session(NamedTuple):
    """A bound connection and what was learnt while opening it."""

    directory: Directory
    server: str
    """Controller as configured."""
    certificate: str
    """SHA-256 of the certificate of this connection; empty without TLS."""


class _NextServer(Exception):  # noqa: N818 - control flow: this server is out, no secret was sent
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _UnverifiedError(_NextServer):
    """The certificate is neither signed by a known authority nor pinned: no password goes into that TLS."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.REFUSED, detail)


def open_session(config: AdConfig, password: str, network: Network) -> Session:
    """Bind to the first server that can be reached and trusted.

    Raises `CollectError`: nothing is reachable or trusted, or the one bind that was tried is refused.
    """
    if not password:
        raise CollectError(
            Reason.NOT_CONFIGURED,
            "Le mot de passe du compte de lecture est vide : la connexion serait anonyme, elle n'a pas été tentée.",
        )
    _check_supported(config)
    failures: list[_NextServer] = []
    for server in config.servers:
        try:
            return _open(server, config, password, network)
        except _NextServer as failure:
            failures.append(failure)
    worst = next((f for f in failures if f.reason is Reason.REFUSED), failures[0])
    details = " ; ".join(dict.fromkeys(failure.detail for failure in failures))
    raise CollectError(worst.reason, f"Aucun contrôleur de domaine n'a pu être lu : {details}.")


def _check_supported(config: AdConfig) -> None:
    if config.auth == "kerberos":
        raise CollectError(
            Reason.UNSUPPORTED,
            "L'authentification Kerberos n'est pas prise en charge par cette version : choisissez « simple » "
            "(dans TLS) ou « ntlm ».",
        )
    if config.auth == "simple" and config.security == "signed":
        raise CollectError(
            Reason.NOT_CONFIGURED,
            "L'authentification simple enverrait le mot de passe en clair sans TLS : choisissez « ldaps », "
            "« starttls », ou l'authentification « ntlm ».",
        )
    if config.auth == "ntlm" and config.security != "signed":
        raise CollectError(
            Reason.UNSUPPORTED,
            "L'authentification NTLM dans TLS n'est pas prise en charge : choisissez « simple » dans TLS, ou "
            '« ntlm » avec security = "signed".',
        )


def _open(server: str, config: AdConfig, password: str, network: Network) -> Session:
    secured = config.security == "ldaps"
    port = config.ldaps_port if secured else config.ldap_port
    protocol = "ldaps" if secured else "ldap"
    try:
        addresses = network.permit(server, port, protocol, PURPOSE)
    except PermissionError:
        raise
    except OSError as error:
        raise _NextServer(Reason.UNREACHABLE, f"{server} : nom introuvable ({_os_reason(error)})") from error
    last: _NextServer | None = None
    for address in addresses:
        try:
            return _open_address(server, address, port, config, password)
        except _UnverifiedError as failure:
            # A declared authority or pin that does not match is a warning sign, not a lack of information.
            expected = bool(config.ca_file or config.pin_sha256)
            if expected or config.unverified_certificate == "refuse" or ntlm_account(config.user, password) is None:
                last = failure
                break
            # NTLM proves the password without sending it, then signs and seals everything.
            network.permit(server, config.ldap_port, "ldap", PURPOSE)
            return _ntlm_session(server, address, config.ldap_port, config, password)
        except _NextServer as failure:
            last = failure
            if failure.reason is Reason.REFUSED:
                break
    raise last or _NextServer(Reason.UNREACHABLE, f"{server} : aucune adresse")


def _open_address(server: str, address: str, port: int, config: AdConfig, password: str) -> Session:
    if config.security == "signed":
        return _ntlm_session(server, address, port, config, password)
    policy = tls.TlsPolicy(config.ca_file, frozenset(pin.lower() for pin in config.pin_sha256))
    connection, digest = _trusted_connection(server, address, port, config, password, policy)
    try:
        bound = connection.bind()
    except (LDAPException, OSError) as error:
        connection.strategy.close()
        # The password may have been counted: it is not presented to another controller.
        raise CollectError(
            Reason.TIMEOUT if "timed out" in str(error) else Reason.UNREACHABLE,
            f"{server} : la connexion a été coupée pendant l'authentification, qui n'est pas retentée",
        ) from error
    if not bound:
        code, message = _result_of(connection)
        connection.strategy.close()
        _refuse(server, code, message)
    channel = SocketChannel(connection.socket, config.read_timeout)
    return Session(Directory(channel, config.page_size, query_limit=_query_limit(config)), server, digest)


def _trusted_connection(
    server: str, address: str, port: int, config: AdConfig, password: str, policy: tls.TlsPolicy
) -> tuple[Any, str]:
    """An open, unbound ldap3 connection inside trusted TLS, and the digest of its certificate."""
    try:
        context = tls.validating_context(policy)
    except OSError as error:
        raise CollectError(
            Reason.NOT_CONFIGURED,
            f"Le fichier d'autorité {config.ca_file} ne peut pas être lu comme des certificats PEM.",
        ) from error
    wrapper = _Tls(context, server)
    try:
        connection = _connect(address, port, config, password, wrapper)
        return connection, tls.fingerprint(connection.socket)
    except (LDAPException, OSError) as error:
        failure = wrapper.failure
        if not isinstance(failure, ssl.SSLCertVerificationError):
            raise _next_server(server, port, failure or error) from error
    # The certificate does not validate. Look at it on a second connection: pinned, or out.
    wrapper = _Tls(tls.observing_context(), server)
    try:
        connection = _connect(address, port, config, password, wrapper)
    except (LDAPException, OSError) as error:
        raise _next_server(server, port, wrapper.failure or error) from error
    digest = tls.fingerprint(connection.socket)
    if digest and digest in policy.pins:
        return connection, digest
    connection.strategy.close()
    raise _UnverifiedError(
        f"{server} : {tls.explain(failure)}, aucun mot de passe n'a été envoyé (indiquez l'autorité avec ca_file, "
        f"ou vérifiez auprès du prestataire puis déclarez l'empreinte pin_sha256 {digest})",
    )


class _Tls(ldap3.Tls):  # type: ignore[misc] # ldap3 has no types
    """Hands ldap3 a TLS socket made by our own context, and remembers why a handshake failed."""

    def __init__(self, context: ssl.SSLContext, server: str) -> None:
        super().__init__()
        self._context = context
        self._server = server
        self.failure: Exception | None = None

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ARG002 - its contract
        """Called by ldap3 once TCP is connected, and after the StartTLS answer."""
        try:
            connection.socket = self._context.wrap_socket(
                connection.socket, server_hostname=self._server, do_handshake_on_connect=True
            )
        except (OSError, ValueError) as error:
            self.failure = error
            raise


def _connect(address: str, port: int, config: AdConfig, password: str, wrapper: ldap3.Tls | None) -> Any:
    """An open, unbound ldap3 connection. Raises `LDAPException` and `OSError`."""
    server = ldap3.Server(
        address,
        port=port,
        use_ssl=config.security == "ldaps",
        tls=wrapper,
        get_info=ldap3.NONE,
        connect_timeout=config.connect_timeout,
    )
    connection = ldap3.Connection(
        server,
        user=config.user,
        password=password,
        authentication=ldap3.SIMPLE,
        client_strategy=ldap3.SYNC,
        receive_timeout=math.ceil(config.read_timeout),
        auto_referrals=False,
        check_names=False,
        raise_exceptions=False,
    )
    try:
        connection.open(read_server_info=False)
        if config.security == "starttls":
            connection.start_tls(read_server_info=False)
    except BaseException:
        # ldap3 leaves the socket open when TLS fails on it.
        if connection.socket is not None:
            connection.socket.close()
        raise
    return connection


def _result_of(connection: Any) -> tuple[int, str]:
    result = connection.result if isinstance(connection.result, dict) else {}
    code, message = result.get("result"), result.get("message")
    return (code if isinstance(code, int) else -1), (message if isinstance(message, str) else "")


def _ntlm_session(server: str, address: str, port: int, config: AdConfig, password: str) -> Session:
    account = ntlm_account(config.user, password)
    if account is None:
        raise CollectError(Reason.NOT_CONFIGURED, "Pour NTLM, le compte s'écrit compte@domaine ou DOMAINE\\compte.")
    try:
        connection = socket.create_connection((address, port), config.connect_timeout)
    except OSError as error:
        raise _next_server(server, port, error) from error
    channel = SocketChannel(connection, config.read_timeout)
    directory = Directory(channel, config.page_size, query_limit=_query_limit(config))
    try:
        result = bind_ntlm(directory, account, protect=True)
    except (OSError, MalformedMessage) as error:
        directory.close()
        raise CollectError(
            Reason.TIMEOUT if isinstance(error, TimeoutError) else Reason.UNREACHABLE,
            f"{server} : la connexion a été coupée pendant l'authentification NTLM, qui n'est pas retentée",
        ) from error
    if result.done.code != SUCCESS:
        directory.close()
        _refuse(server, result.done.code, result.done.message)
    if not signed_and_sealed(result):
        directory.close()
        raise CollectError(Reason.UNSUPPORTED, f"{server} n'accepte pas de chiffrer la session NTLM : rien n'a été lu.")
    directory.replace_channel(SealedChannel(channel, result))
    return Session(directory, server, "")


def ntlm_account(user: str, password: str) -> NtlmAccount | None:
    """The account in the form NTLM wants; None for a distinguished name or a bare name."""
    if "\\" in user:
        domain, _, name = user.partition("\\")
    elif "@" in user:
        name, _, domain = user.rpartition("@")
    else:
        return None
    return NtlmAccount(name, domain, password) if name and domain else None


def _refuse(server: str, code: int, message: str) -> NoReturn:
    """Turn the result of the one bind into a `CollectError`. Never returns."""
    said = clean(message, 200)
    if code == INVALID_CREDENTIALS:
        found = _DATA.search(message)
        why = _REFUSALS.get(found[1].lower().lstrip("0")) if found else None
        raise CollectError(
            Reason.REFUSED,
            f"{server} a refusé le compte de lecture : {why or 'le nom ou le mot de passe est faux'}. "
            "Une seule tentative a été faite.",
        )
    if code == STRONGER_AUTH_REQUIRED:
        raise CollectError(
            Reason.REFUSED,
            f"{server} exige une connexion signée ou chiffrée que ce réglage n'offre pas : choisissez « ldaps », "
            'ou « ntlm » avec security = "signed".',
        )
    if code in {BUSY, UNAVAILABLE}:
        raise CollectError(Reason.UNREACHABLE, f"{server} répond qu'il est occupé ou indisponible ({said}).")
    if code == REFERRAL:
        raise CollectError(
            Reason.UNSUPPORTED,
            f"{server} renvoie vers un autre serveur au lieu d'authentifier le compte ; le renvoi n'est pas suivi.",
        )
    raise CollectError(Reason.REFUSED, f"{server} a refusé l'authentification (code LDAP {code} : {said}).")


def _next_server(server: str, port: int, error: Exception) -> _NextServer:
    if isinstance(error, ssl.SSLError) or (isinstance(error, OSError) and _is_tls(error)):
        return _NextServer(Reason.UNREACHABLE, f"{server}:{port} : {tls.explain(error)}")
    if isinstance(error, PermissionError):
        raise error
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return _NextServer(Reason.TIMEOUT, f"{server}:{port} n'a pas répondu à temps")
    return _NextServer(Reason.UNREACHABLE, f"{server}:{port} est injoignable ({_os_reason(error)})")


def _is_tls(error: OSError) -> bool:
    return isinstance(error, ssl.SSLError)


def _os_reason(error: Exception) -> str:
    text = str(error).casefold()
    known = {
        "refused": "connexion refusée",
        "no route": "aucune route",
        "unreachable": "réseau inaccessible",
        "reset": "connexion coupée",
        "name or service": "nom inconnu",
        "not known": "nom inconnu",
    }
    return next((french for word, french in known.items() if word in text), clean(type(error).__name__, 60))


def _query_limit(config: AdConfig) -> float:
    """Seconds for one whole search: thirty silences of the longest allowed length."""
    return 30 * config.read_timeout
