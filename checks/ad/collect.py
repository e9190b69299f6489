"""Collection of the Active Directory domain: from a profile table to facts.

One controller is read over LDAP and SMB; every configured controller is asked what it accepts on the network. A
part that cannot be read becomes a gap of the facts; only an impossible connection raises.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from checks.ad.config import AdConfig
from checks.ad.facts import AdFacts, Collection, DcNetwork, Sysvol
from checks.ad.parsers import values
from checks.ad.readers.assembly import ForestReading, assemble, read_domain_parts, read_forest_parts
from checks.ad.readers.domain import Root, read_root
from checks.ad.readers.gaps import READ_ERRORS, gap_of
from checks.ad.readers.network import probe
from checks.ad.readers.sysvol import read_sysvol
from checks.ad.transport.ntlm import NtlmAccount
from checks.ad.transport.session import Session, ntlm_account, open_session
from checks.model import CollectError, CollectRequest, FactsFile, Gap, Network, Progress, Reason

MAX_FACTS_FILE = 512 * 1024 * 1024
"""Bytes of a recorded facts file that is still read."""


def collect(request: CollectRequest[AdConfig], network: Network, progress: Progress) -> AdFacts:
    """Read one domain.

    Raises `CollectError` when no controller can be reached or trusted, when the one bind is refused, or when the
    controller does not say which domain it holds; `MandateRefusedError` when none may be asked.
    """
    config = request.config
    password = request.secret(config.password_from)
    progress("Connexion au contrôleur de domaine")
    session = open_session(config, password, network)
    try:
        with _no_cycle_search(), ThreadPoolExecutor(2, "ad") as executor:
            root = _root(request, session)
            account = ntlm_account(config.user, password)
            # Three streams that wait for different processes of the controllers; this thread has the longest one.
            forest = executor.submit(_forest, config, password, session.server, root, network)
            early = account and executor.submit(_others, config, account, session.server, root, network)
            read = read_domain_parts(session.directory, root, progress)
            progress("Lecture de la configuration de la forêt, de SYSVOL, et questions réseau")
            parts = forest.result() or read_forest_parts(session.directory, root)
            facts = assemble(root, read, parts, Collection(server=session.server, user=config.user))
            others = (
                early.result()
                if early
                else _others(config, _named(config.user, password, facts), session.server, root, network)
            )
    finally:
        session.directory.close()
    return msgspec.structs.replace(facts, sysvol=others.sysvol, network=others.network)


def _forest(config: AdConfig, password: str, server: str, root: Root, network: Network) -> ForestReading | None:
    """The forest on a connection of its own, to the same controller; None when it does not take a second one."""
    same = msgspec.structs.replace(config, servers=(server,))
    try:
        session = open_session(same, password, network)
    except (CollectError, OSError):
        return None
    try:
        return read_forest_parts(session.directory, root)
    finally:
        session.directory.close()


class _Others(NamedTuple):
    """What is not read over LDAP."""

    sysvol: Sysvol | Gap
    network: tuple[DcNetwork, ...]


def _others(config: AdConfig, account: NtlmAccount | Gap, server: str, root: Root, network: Network) -> _Others:
    domain = values.dns_name_of(root.domain_dn)
    return _Others(
        sysvol=read_sysvol(server, domain, config, account, network),
        network=tuple(probe(host, config, account, network) for host in config.servers),
    )


def _root(request: CollectRequest[AdConfig], session: Session) -> Root:
    try:
        return read_root(session.directory, request.clock, request.config.base_dn)
    except READ_ERRORS as error:
        gap = gap_of(error, "l'identité du domaine (rootDSE)")
        raise CollectError(gap.reason, gap.detail) from error


@contextmanager
def _no_cycle_search() -> Iterator[None]:
    """Pause the cycle collector: the objects built while reading hold no cycle, and are many."""
    active = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if active:
            gc.enable()


def _named(user: str, password: str, facts: AdFacts) -> NtlmAccount | Gap:
    """The account behind a distinguished name, in the form SMB wants, once the directory has been read."""
    if not isinstance(facts.accounts, Gap):
        name = next((a.name for a in facts.accounts if a.dn.casefold() == user.casefold()), "")
        if name:
            return NtlmAccount(name, facts.domain.dns_name, password)
    return Gap(
        reason=Reason.UNSUPPORTED,
        detail="Le compte de lecture n'a pas la forme compte@domaine : il ne peut pas ouvrir de session SMB.",
    )


def read_input(inputs: Sequence[str], _options: Mapping[str, str]) -> AdFacts | None:
    """Facts recorded earlier: one JSON file, with or without its envelope. None when that is not what was given."""
    if len(inputs) != 1:
        return None
    path = Path(inputs[0])
    if not path.is_file() or path.stat().st_size > MAX_FACTS_FILE:
        return None
    raw = path.read_bytes()
    try:
        return msgspec.json.decode(raw, type=AdFacts)
    except msgspec.DecodeError:
        pass
    try:
        envelope = msgspec.json.decode(raw, type=FactsFile)
        return msgspec.json.decode(envelope.data, type=AdFacts) if envelope.gap is None else None
    except msgspec.DecodeError:
        return None


def online_input(inputs: Sequence[str], options: Mapping[str, str]) -> AdConfig:
    """Config of an online check: `ldaps://HOST[:port]` once per controller, and the options of the command.

    `ldap://HOST[:port]` asks for signed NTLM, for controllers without a certificate. Options: `user`,
    `password_from`, `ca_file`, `pin_sha256` (comma-separated). Raises `ValueError` in French.
    """
    servers: list[str] = []
    ports: set[int] = set()
    schemes: set[str] = set()
    for text in inputs:
        parts = urlsplit(text)
        if parts.scheme not in {"ldaps", "ldap"} or not parts.hostname or parts.path not in {"", "/"}:
            raise ValueError(f"« {text} » n'est pas une adresse ldaps://SERVEUR ou ldap://SERVEUR.")
        servers.append(parts.hostname)
        schemes.add(parts.scheme)
        ports.add(parts.port or (636 if parts.scheme == "ldaps" else 389))
    if len(ports) != 1 or len(schemes) != 1:
        raise ValueError("Donnez au moins une adresse, toutes avec le même protocole et le même port.")
    user = options.get("user", "")
    if not user:
        raise ValueError("Donnez le compte de lecture avec --user (compte@domaine).")
    secured = schemes == {"ldaps"}
    return msgspec.convert(
        {
            "servers": servers,
            "user": user,
            "password_from": options.get("password_from") or "prompt",
            "auth": "simple" if secured else "ntlm",
            "security": "ldaps" if secured else "signed",
            "ca_file": options.get("ca_file", ""),
            "pin_sha256": [pin for pin in options.get("pin_sha256", "").split(",") if pin],
            "ldaps_port" if secured else "ldap_port": ports.pop(),
        },
        AdConfig,
    )
