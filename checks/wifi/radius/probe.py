"""Question one authentication server without any password: methods, TLS versions, certificate, signatures.

No conversation is ever finished: the last thing sent is a refusal of a method or the beginning of a TLS handshake. One
conversation for each question, with a pause in between; the budget of packets and seconds bounds them all.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from checks.common.text import clean
from checks.model import Gap, MandateRefusedError, Network, Progress, Reason
from checks.wifi.capture.eap import describe_chain, method_name
from checks.wifi.radius import codec, facts, tlspeer
from checks.wifi.radius.authority import Authority, read_authority
from checks.wifi.radius.client import Answer, BudgetError, Limits, RadiusClient, RadiusError
from checks.wifi.radius.codec import Attribute
from checks.wifi.radius.config import METHOD_TYPES, TLS_METHODS, RadiusConfig
from checks.wifi.radius.conversation import Conversation, Step
from checks.wifi.radius.facts import Offer, PlainAnswer, RadiusFacts, ServerCertificate, SharedSecret, Signatures
from checks.wifi.radius.nas import nas_attributes
from checks.wifi.radius.presented import chain_end, named, says_public

PROTOCOL = "radius"
PURPOSE = "questionner le serveur d'authentification du Wi-Fi, sans mot de passe"
MAX_TEXT = 256
_NAMES = {number: name for name, number in METHOD_TYPES.items()}


class Prober:
    """One test of one server."""

    def __init__(self, config: RadiusConfig, client: RadiusClient, sleep: Callable[[float], None]) -> None:
        self._config = config
        self._client = client
        self._sleep = sleep
        self._first = 0
        """EAP type that the server proposes of itself."""
        self.signatures = Signatures()
        self.conversations = 0

    # --- methods -------------------------------------------------------------------------------------------------

    def offers(self) -> tuple[tuple[Offer, ...] | Gap, str]:
        """What the server does for each method, and what it proposes first."""
        try:
            first = self._talk(lambda one: one.begin())
        except RadiusError as error:
            return error.gap, ""
        if not first.asks:
            return _turned_away(first), ""
        self._first = first.kind
        proposed = name_of(first.kind)
        found = [Offer(method=proposed, answer=facts.OFFERED, first=True)]
        spent: Gap | None = None
        for name in self._config.methods:
            if METHOD_TYPES[name] != first.kind:
                offer, spent = self._offer(name, spent)
                found.append(offer)
        return tuple(found), proposed

    def _offer(self, name: str, spent: Gap | None) -> tuple[Offer, Gap | None]:
        if spent is not None:
            return Offer(method=name, answer=facts.UNKNOWN, detail=spent.detail), spent
        try:
            return read_offer(name, self._ask_for(METHOD_TYPES[name])[1]), None
        except BudgetError as error:
            return Offer(method=name, answer=facts.UNKNOWN, detail=error.gap.detail), error.gap
        except RadiusError as error:
            return Offer(method=name, answer=facts.UNKNOWN, detail=error.gap.detail), None

    def _ask_for(self, kind: int) -> tuple[Conversation, Step]:
        """A conversation that stands at the start of a method, or where the server refused it."""
        self._sleep(self._config.pause)
        self.conversations += 1
        one = self._conversation()
        try:
            step = one.begin()
            if step.asks and step.kind != kind:
                step = one.refuse(step, kind)
        finally:
            self._count(one)
        return one, step

    def _talk(self, what: Callable[[Conversation], Step]) -> Step:
        self.conversations += 1
        one = self._conversation()
        try:
            return what(one)
        finally:
            self._count(one)

    def _conversation(self) -> Conversation:
        return Conversation(self._client, self._config.outer, nas_attributes(self._config))

    def _count(self, one: Conversation) -> None:
        """Signatures of the answers of a conversation, up to now; each is counted once."""
        answers, one.answers = one.answers, []
        before = self.signatures
        self.signatures = Signatures(
            answers=before.answers + len(answers),
            signed=before.signed + sum(bool(answer.proof.message_authenticator) for answer in answers),
            signed_first=before.signed_first + sum(answer.proof.first for answer in answers),
        )

    # --- TLS -----------------------------------------------------------------------------------------------------

    def tls(self, method: str, authority: Authority | Gap | None) -> tuple[tuple[str, ...] | Gap, _Certified]:
        """Versions accepted in the tunnel of a method, and the certificate of the server."""
        opened: list[Conversation] = []

        def start() -> tuple[Conversation, Step]:
            one, step = self._ask_for(METHOD_TYPES[method])
            opened.append(one)
            if step.kind != METHOD_TYPES[method]:
                detail = f"Le serveur n'a plus proposé {method} d'une conversation à l'autre."
                raise RadiusError(Reason.UNSUPPORTED, detail)
            return one, step

        try:
            versions = tlspeer.accepted_versions(start)
            return versions.accepted, self._certificate(method, start, versions.seen, authority)
        finally:
            for one in opened:
                self._count(one)

    def _certificate(
        self, method: str, start: tlspeer.Start, seen: tlspeer.Seen, authority: Authority | Gap | None
    ) -> _Certified:
        chain, version = seen.chain, seen.version
        try:
            if not chain:
                shown = tlspeer.check(start, tlspeer.context(None))
                chain, version = shown.chain, shown.version
        except RadiusError as error:
            return error.gap
        if not chain:
            detail = "Le serveur d'authentification n'a montré aucun certificat."
            return Gap(reason=Reason.UNSUPPORTED, detail=detail)
        read = describe_chain(chain)
        if isinstance(read, Gap):
            return read
        trusted, error_text = self._trust(start, authority)
        expected = self._config.server_name
        return ServerCertificate(
            method=method,
            tls=str(version or ""),
            certificate=read,
            chain_not_after=chain_end(chain),
            expected_name=expected,
            name_matches=named(read, expected) if expected else None,
            trusted=trusted,
            trust_error=error_text,
            authority=authority.subject if isinstance(authority, Authority) else "",
            public=None if read.self_issued else self._public(start, chain[0]),
        )

    def _trust(self, start: tlspeer.Start, authority: Authority | Gap | None) -> tuple[bool | Gap | None, str]:
        if not isinstance(authority, Authority):
            return authority, ""
        try:
            checked = tlspeer.check(start, tlspeer.context(authority.pem))
        except RadiusError as error:
            return error.gap, ""
        except ssl.SSLError:
            detail = "OpenSSL ne peut pas se servir de l'autorité déclarée (ca_file)."
            return Gap(reason=Reason.NOT_CONFIGURED, detail=detail), ""
        return checked.trusted, clean(checked.error, MAX_TEXT)

    def _public(self, start: tlspeer.Start, der: bytes) -> bool | Gap:
        """An authority of the system store counts only if it says so: that of the establishment may be there too."""
        if not says_public(der):
            return False
        using = tlspeer.context(None, system=True)
        if not using.get_ca_certs() and not ssl.get_default_verify_paths().capath:
            detail = "Ce poste n'a pas de magasin d'autorités : on ne sait pas si le certificat est public."
            return Gap(reason=Reason.UNSUPPORTED, detail=detail)
        try:
            return tlspeer.check(start, using).trusted
        except RadiusError as error:
            return error.gap

    # --- signatures ----------------------------------------------------------------------------------------------

    def plain(self) -> PlainAnswer | Gap:
        """One request without EAP, password or signature: does the server answer it, and does it sign its answer?

        Silence alone proves nothing: some servers ignore whatever has no EAP. The same request is then sent signed.
        """
        answer = self._plainly(sign=False)
        if isinstance(answer, Gap):
            return answer
        if answer is None:
            signed = self._plainly(sign=True)
            return signed if isinstance(signed, Gap) else PlainAnswer(code="", answered_signed=signed is not None)
        code = codec.CODES.get(answer.packet.code, str(answer.packet.code))
        return PlainAnswer(code=code, signed=bool(answer.proof.message_authenticator), signed_first=answer.proof.first)

    def _plainly(self, *, sign: bool) -> Answer | Gap | None:
        """The answer to a request without EAP; None when there is none."""
        self._sleep(self._config.pause)
        attributes = (Attribute(codec.USER_NAME, self._config.outer.encode()), *nas_attributes(self._config))
        try:
            return self._client.ask(attributes, sign=sign)
        except BudgetError as error:
            return error.gap
        except RadiusError as error:
            return None if error.gap.reason is Reason.TIMEOUT else error.gap


_Certified = ServerCertificate | Gap


class Place(NamedTuple):
    """Where the server is, once permitted."""

    address: str
    port: int


def probe(
    config: RadiusConfig,
    secret: str,
    network: Network,
    progress: Progress,
    sleep: Callable[[float], None] = time.sleep,
) -> RadiusFacts:
    """Everything that can be learnt without a password. Never raises for what the network does."""
    started = time.monotonic()
    blank = RadiusFacts(
        server=config.server,
        port=config.port,
        ssid=config.ssid,
        server_name=config.server_name,
        offers=(),
        secret=measure(secret, config),
    )
    try:
        place = permit(config, network)
    except OSError as error:
        return msgspec.structs.replace(blank, offers=_no_way(config, error))
    limits = Limits(config.timeout, config.retries, config.max_packets, config.max_seconds)
    client = RadiusClient(place.address, place.port, secret.encode(), limits)
    try:
        with client:
            found = _all(blank, config, client, progress, sleep)
    except OSError as error:
        found = msgspec.structs.replace(blank, offers=_no_way(config, error))
    return msgspec.structs.replace(
        found,
        packets=client.packets,
        false_answers=client.false_answers,
        seconds=round(time.monotonic() - started, 3),
    )


def _all(
    blank: RadiusFacts, config: RadiusConfig, client: RadiusClient, progress: Progress, sleep: Callable[[float], None]
) -> RadiusFacts:
    prober = Prober(config, client, sleep)
    progress("Méthodes d'authentification du serveur RADIUS")
    offers, proposed = prober.offers()
    versions: tuple[str, ...] | Gap | None = None
    certificate: ServerCertificate | Gap | None = None
    plain: PlainAnswer | Gap | None = None
    method = ""
    if isinstance(offers, Gap):
        versions = certificate = plain = offers
    else:
        offered = {one.method for one in offers if one.answer == facts.OFFERED}
        method = next((name for name in TLS_METHODS if name in offered), "")
        if method:
            progress("Versions de TLS et certificat du serveur RADIUS")
            versions, certificate = prober.tls(method, read_authority(config.ca_file))
        progress("Signature des réponses du serveur RADIUS")
        plain = prober.plain()
    return msgspec.structs.replace(
        blank,
        proposed=proposed,
        offers=offers,
        tls_method=method,
        versions=versions,
        certificate=certificate,
        signatures=prober.signatures,
        plain=plain,
        conversations=prober.conversations,
    )


def permit(config: RadiusConfig, network: Network) -> Place:
    """Ask for the right to send; the first address permitted is used. Raises `OSError`."""
    addresses = network.permit(config.server, config.port, PROTOCOL, PURPOSE)
    if not addresses:
        raise OSError(f"{config.server} : aucune adresse")
    return Place(addresses[0], config.port)


def measure(secret: str, config: RadiusConfig) -> SharedSecret:
    """Length and strength of the shared secret."""
    from checks.wifi.exports.passwords import password_bits

    return SharedSecret(length=len(secret), bits=password_bits(secret, (config.ssid, config.realm, config.server)))


def name_of(kind: int) -> str:
    """Name of a method as this module asks for it, else as captures call it."""
    return _NAMES.get(kind) or method_name(kind, b"")


def read_offer(name: str, step: Step) -> Offer:
    """What a step says of the method that was asked for."""
    if step.kind == METHOD_TYPES[name]:
        return Offer(method=name, answer=facts.OFFERED)
    if step.asks:
        return Offer(method=name, answer=facts.OTHER, detail=f"le serveur a insisté sur {name_of(step.kind)}")
    if step.code == codec.REJECT:
        return Offer(method=name, answer=facts.REFUSED)
    if step.code == codec.ACCEPT:
        return Offer(method=name, answer=facts.ACCEPTED)
    return Offer(method=name, answer=facts.UNKNOWN, detail=f"réponse RADIUS de code {step.code}")


def _turned_away(step: Step) -> tuple[Offer, ...] | Gap:
    """The server ended the conversation at the identity."""
    if step.code == codec.ACCEPT:
        return (Offer(method="", answer=facts.ACCEPTED, first=True),)
    detail = (
        "Le serveur RADIUS refuse dès l'identité, avant toute méthode : déclarer dans outer_identity une identité "
        "qu'il laisse commencer."
    )
    return Gap(reason=Reason.REFUSED, detail=detail)


def _no_way(config: RadiusConfig, error: OSError) -> Gap:
    if isinstance(error, MandateRefusedError):
        return Gap(
            reason=Reason.REFUSED, detail=f"{config.server} : {error.why} ; le serveur RADIUS n'a pas été joint."
        )
    detail = f"{config.server} : le serveur RADIUS ne peut pas être joint ({clean(str(error), MAX_TEXT)})."
    return Gap(reason=Reason.UNREACHABLE, detail=detail)
