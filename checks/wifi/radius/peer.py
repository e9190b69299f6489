"""The one login by ourselves, where `eapol_test` may not be started or is not installed.

TLS 1.2 by OpenSSL from memory. The password leaves only inside a tunnel whose certificate leads to the declared
authority and carries the declared name. Not here: TTLS/MSCHAPv2, whose challenge comes out of keys that Python's `ssl`
does not give, and tunnels in TLS 1.3, for the same reason.
"""

from __future__ import annotations

import ssl
from typing import NamedTuple

from checks.common.text import clean
from checks.model import Gap, MandateRefusedError, Network, Reason
from checks.wifi.capture.eap import describe_chain
from checks.wifi.radius import codec
from checks.wifi.radius.authority import Authority, read_authority
from checks.wifi.radius.client import Limits, RadiusClient, RadiusError
from checks.wifi.radius.config import METHOD_TYPES, RadiusConfig
from checks.wifi.radius.conversation import Conversation, Step
from checks.wifi.radius.facts import LoginResult
from checks.wifi.radius.inner import METHODS, PeapInner, ttls_pap
from checks.wifi.radius.nas import nas_attributes
from checks.wifi.radius.presented import named

PROGRAM = "ausculte"
PROTOCOL, PURPOSE = "radius", "essayer une fois la connexion du compte de test déclaré"
PACKETS, ROUNDS = 100, 12
SECONDS = 30
MAX_TEXT = 200


class Ended(NamedTuple):
    """How it went."""

    code: int
    """RADIUS code of the last answer; 0 when we stopped first."""
    tunnel: bool = False
    certificate_error: str = ""
    knew: bool | None = None


def login(config: RadiusConfig, secret: str, password: str, network: Network) -> LoginResult | Gap | None:
    """Try the declared login once; None when none is declared. Never raises for what the network does."""
    if not config.identity:
        return None
    if config.login_method == "PEAP" and config.login_inner not in METHODS:
        return _gap(Reason.UNSUPPORTED, f"PEAP/{config.login_inner} ne peut être essayé qu'avec eapol_test.")
    if config.login_method == "TTLS" and config.login_inner != "PAP":
        return _gap(Reason.UNSUPPORTED, f"TTLS/{config.login_inner} ne peut être essayé qu'avec eapol_test.")
    try:
        context = _context(config, password)
    except RadiusError as error:
        return error.gap
    limits = Limits(config.timeout, config.retries, PACKETS, SECONDS)
    try:
        address = network.permit(config.server, config.port, PROTOCOL, PURPOSE)[0]
        with RadiusClient(address, config.port, secret.encode(), limits) as client:
            ended = _Peer(config, password, context, client).run()
            sent = client.packets
            again = client.repeated
    except MandateRefusedError as error:
        return _gap(Reason.REFUSED, f"{config.server} : {error.why} ; la connexion n'a pas été essayée.")
    except OSError as error:
        return _gap(Reason.UNREACHABLE, f"{config.server} ne peut pas être joint ({clean(str(error), MAX_TEXT)}).")
    except RadiusError as error:
        return error.gap
    success = ended.code == codec.ACCEPT and ended.tunnel and ended.knew is not False
    return LoginResult(
        success=success,
        method=config.login_method,
        inner="" if config.login_method == "TLS" else config.login_inner,
        program=PROGRAM,
        tls="TLS 1.2" if ended.tunnel else "",
        server_checked=ended.tunnel and not ended.certificate_error,
        certificate_error=ended.certificate_error,
        server_knew_password=ended.knew,
        requests=sent,
        retransmissions=again,
    )


class _Peer:
    """One attempt."""

    def __init__(self, config: RadiusConfig, password: str, context: ssl.SSLContext, client: RadiusClient) -> None:
        self._config = config
        self._password = password
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing)
        identity = config.identity if config.login_method == "TLS" else config.outer
        self._conversation = Conversation(client, identity, nas_attributes(config))
        self._step = Step(0)

    def run(self) -> Ended:
        """The whole conversation, to its end or to what must not be answered."""
        wanted = METHOD_TYPES[self._config.login_method]
        self._step = self._conversation.begin()
        if self._step.asks and self._step.kind != wanted:
            self._step = self._conversation.refuse(self._step, wanted)
        if self._step.kind != wanted:
            return Ended(self._step.code)
        try:
            if not self._handshake():
                return Ended(self._step.code)
        except ssl.SSLCertVerificationError as error:
            return Ended(0, certificate_error=clean(error.verify_message, MAX_TEXT))
        except ssl.SSLError as error:
            detail = f"Le tunnel de l'essai de connexion n'a pas été établi en TLS 1.2 ({error.reason or 'erreur'})."
            raise RadiusError(Reason.UNSUPPORTED, detail) from error
        if not self._right_name():
            return Ended(0, tunnel=True, certificate_error="Domain mismatch")
        try:
            return self._inside()
        except ssl.SSLError as error:
            detail = f"Le serveur a rompu le tunnel ({error.reason or 'erreur'})."
            raise RadiusError(Reason.MALFORMED, detail) from error

    def _handshake(self) -> bool:
        """True when the tunnel is made; False when the server ended before. Raises `ssl.SSLError`."""
        for _ in range(ROUNDS):
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                if not self._send():
                    return False
            else:
                return True
        return False

    def _send(self) -> bool:
        """Send what TLS has to say, nothing included; False when the server has no more TLS to say."""
        self._step, data = self._conversation.send_tls(self._step, self._outgoing.read())
        self._incoming.write(data)
        return bool(data)

    def _right_name(self) -> bool:
        found = describe_chain((self._tls.getpeercert(binary_form=True) or b"",))
        return not isinstance(found, Gap) and named(found, self._config.server_name)

    def _inside(self) -> Ended:
        if self._config.login_method == "PEAP":
            return self._peap()
        if self._config.login_method == "TTLS":
            self._tls.write(ttls_pap(self._config.identity, self._password))
        self._send()
        return Ended(self._step.code if not self._step.asks else 0, tunnel=True)

    def _peap(self) -> Ended:
        inner = PeapInner(self._config.identity, self._password, self._config.login_inner)
        for _ in range(ROUNDS):
            heard = self._hear()
            if heard:
                said = inner.answer(heard)
                if not said.answer:
                    return Ended(0, tunnel=True, knew=inner.server_knew_password)
                self._tls.write(said.answer)
            self._send()
            if not self._step.asks:
                break
        code = self._step.code if not self._step.asks else 0
        knew = inner.server_knew_password
        if code == codec.ACCEPT and self._config.login_inner == "MSCHAPV2":
            knew = bool(knew)  # let in without the proof that MSCHAPv2 owes us
        return Ended(code, tunnel=True, knew=knew)

    def _hear(self) -> bytes:
        try:
            return self._tls.read(codec.MAX_PACKET)
        except ssl.SSLWantReadError:
            return b""


def _context(config: RadiusConfig, password: str) -> ssl.SSLContext:
    """TLS 1.2, the declared authority and nothing else. Raises `RadiusError` when a file cannot be used."""
    authority = read_authority(config.ca_file)
    if not isinstance(authority, Authority):
        raise RadiusError(Reason.NOT_CONFIGURED, authority.detail if authority else "L'autorité n'est pas déclarée.")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False  # compared by hand: an SNI would not be what stations send
    made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        made.load_verify_locations(cadata=authority.pem)
    except ssl.SSLError as error:
        detail = "OpenSSL ne peut pas se servir de l'autorité déclarée (ca_file)."
        raise RadiusError(Reason.NOT_CONFIGURED, detail) from error
    if config.login_method == "TLS":
        try:
            made.load_cert_chain(config.client_certificate, config.client_key_file, lambda: password)
        except (OSError, ValueError) as error:
            detail = f"Le certificat ou la clé de la station ne peut pas être lu ({type(error).__name__})."
            raise RadiusError(Reason.NOT_CONFIGURED, detail) from error
    return made


def _gap(reason: Reason, detail: str) -> Gap:
    return Gap(reason=reason, detail=detail)
