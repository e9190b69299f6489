"""One real login with `eapol_test` (wpa_supplicant's own RADIUS client), when it is installed and an account is given.

Neither the password nor the shared secret is written in a file or on a command line: the configuration goes through an
anonymous memory file, and the secret stays in this process, behind `relay`. The station's side checks the certificate
first: a server that is not the declared one gets no password. Exactly one attempt, whatever the outcome.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from checks.common.text import clean
from checks.model import Gap, MandateRefusedError, Network, Reason
from checks.wifi.radius.authority import read_authority
from checks.wifi.radius.config import RadiusConfig
from checks.wifi.radius.facts import LoginResult
from checks.wifi.radius.nas import STATION, nas_attributes
from checks.wifi.radius.relay import Relay

PROGRAM = "eapol_test"
PROTOCOL, PURPOSE = "radius", "essayer une fois la connexion du compte de test déclaré"
SECONDS = 20
"""`eapol_test` gives up by itself after this."""
GRACE = 5
"""Seconds before it is stopped, beyond its own limit."""
_TOKEN = 24
"""Bytes of the secret between it and the relay."""
MAX_TEXT = 200
_TLS = re.compile(r"SSL: Using TLS version TLSv1(?:\.([0-3]))?\s*$", re.MULTILINE)
_BAD_CERTIFICATE = re.compile(r"CTRL-EVENT-EAP-TLS-CERT-ERROR reason=\d+ depth=\d+ .{0,2000}?err='([^']{0,300})'")
_TUNNEL = re.compile(r"^EAP-(?:PEAP|TTLS): TLS done, proceed to Phase 2", re.MULTILINE)
_PROVED = ("EAP-MSCHAPV2: Authentication succeeded", "EAP-TTLS: Phase 2 MSCHAPV2 authentication succeeded")
_IMPOSTOR = "Invalid authenticator response"
"""The server accepted us without knowing the password, and our side noticed."""

Start = Callable[..., "subprocess.Popen[bytes]"]


def login(
    config: RadiusConfig,
    secret: str,
    password: str,
    network: Network,
    *,
    find: Callable[[str], str | None] = shutil.which,
    start: Start = subprocess.Popen,
) -> LoginResult | Gap | None:
    """Try the declared login once; None when none is declared. Never raises for what the network does."""
    if not config.identity:
        return None
    program = find(PROGRAM)
    if program is None or not hasattr(os, "memfd_create"):
        return _gap(
            Reason.UNSUPPORTED, "eapol_test n'est pas installé sur ce poste : la connexion n'a pas été essayée."
        )
    missing = _missing(config)
    if missing is not None:
        return missing
    try:
        addresses = network.permit(config.server, config.port, PROTOCOL, PURPOSE)
        server = _connected(addresses[0], config.port)
    except MandateRefusedError as error:
        return _gap(Reason.REFUSED, f"{config.server} : {error.why} ; la connexion n'a pas été essayée.")
    except OSError as error:
        return _gap(Reason.UNREACHABLE, f"{config.server} ne peut pas être joint ({clean(str(error), MAX_TEXT)}).")
    token = secrets.token_hex(_TOKEN)
    with Relay(server, secret.encode(), token.encode(), nas_attributes(config)) as relay:
        try:
            process = _start(program, configuration(config, password), relay.port, token, start)
        except PermissionError:
            detail = "Ce processus n'a pas le droit de lancer eapol_test : la connexion n'a pas été essayée."
            return _gap(Reason.PERMISSION, detail)
        except OSError as error:
            return _gap(Reason.ERROR, f"eapol_test n'a pas pu être lancé ({type(error).__name__}).")
        said = _wait(process, relay, config.timeout * (1 + config.retries))
    if said is None:
        return _gap(Reason.TIMEOUT, "L'essai de connexion n'a pas abouti dans le délai.")
    return read_result(config, said, process.returncode, relay)


def configuration(config: RadiusConfig, password: str) -> str:
    """A configuration of `eapol_test`. Every text is written in hexadecimal: no character can end a value."""
    lines = [
        "network={",
        f"ssid={_hex(config.ssid or 'ausculte')}",
        "key_mgmt=WPA-EAP",
        f"eap={config.login_method}",
        f"identity={_hex(config.identity)}",
        f"ca_cert={_hex(str(Path(config.ca_file).resolve()))}",
        f"domain_match={_hex(config.server_name)}",
    ]
    if config.login_method == "TLS":
        lines.append(f"client_cert={_hex(str(Path(config.client_certificate).resolve()))}")
        lines.append(f"private_key={_hex(str(Path(config.client_key_file).resolve()))}")
        if password:
            lines.append(f"private_key_passwd={_hex(password)}")
    else:
        lines.append(f"anonymous_identity={_hex(config.outer)}")
        lines.append(f"password={_hex(password)}")
        lines.append(f"phase2={_hex('auth=' + config.login_inner)}")
    return "\n".join([*lines, "}", ""])


def read_result(config: RadiusConfig, said: str, code: int, relay: Relay) -> LoginResult | Gap:
    """What the output of `eapol_test` proves. The text itself holds secrets, and goes no further."""
    if not relay.answers:
        detail = (
            "Le serveur RADIUS n'a pas répondu à l'essai de connexion : adresse, port ou secret partagé incorrects."
        )
        return _gap(Reason.TIMEOUT, detail)
    success = code == 0 and said.rstrip().endswith("SUCCESS")
    refused = _BAD_CERTIFICATE.search(said)
    if not success and not refused and not relay.final:
        return _gap(Reason.TIMEOUT, "L'essai de connexion s'est arrêté au milieu : le serveur ne répondait plus.")
    made = success or _TUNNEL.search(said) is not None
    tls = _TLS.search(said)
    inner = "" if config.login_method == "TLS" else config.login_inner
    proved = True if any(words in said for words in _PROVED) else False if _IMPOSTOR in said else None
    return LoginResult(
        success=success,
        method=config.login_method,
        inner=inner,
        tls=f"TLS 1.{tls[1] or 0}" if tls and (made or refused) else "",
        server_checked=made and not refused,
        certificate_error=clean(refused[1], MAX_TEXT) if refused else "",
        server_knew_password=proved,
        requests=relay.requests,
        retransmissions=relay.retransmissions,
    )


def _start(program: str, text: str, port: int, token: str, start: Start) -> subprocess.Popen[bytes]:
    """Start it with its configuration in a memory file. Raises `OSError`."""
    descriptor = os.memfd_create("eapol_test")
    try:
        os.write(descriptor, text.encode())
        argv = [program, "-n", "-c", f"/proc/self/fd/{descriptor}", "-a", "127.0.0.1", "-p", str(port), "-s", token]
        return start(
            [*argv, "-M", STATION.replace("-", ":"), "-t", str(SECONDS)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(descriptor,),
            env={"LC_ALL": "C"},  # ours may hold the secrets that the profile refers to
            close_fds=True,
        )
    finally:
        os.close(descriptor)


def _wait(process: subprocess.Popen[bytes], relay: Relay, first: float) -> str | None:
    """What it said; None when it was stopped. A server that says nothing for `first` seconds is not waited for."""
    for seconds in (first, SECONDS + GRACE):
        try:
            return process.communicate(timeout=seconds)[0].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            if not relay.answers:
                break
    process.kill()
    said = process.communicate()[0].decode("utf-8", "replace")
    return None if relay.answers else said


def _missing(config: RadiusConfig) -> Gap | None:
    """Files that the login needs and that cannot be read; the authority is read as `probe` does."""
    authority = read_authority(config.ca_file)
    if isinstance(authority, Gap):
        return authority
    if config.login_method == "TLS":
        for name in (config.client_certificate, config.client_key_file):
            if not os.access(name, os.R_OK):
                return _gap(Reason.NOT_CONFIGURED, f"{Path(name).name} : ce fichier ne peut pas être lu.")
    return None


def _connected(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.connect((address, port))
    except OSError:
        made.close()
        raise
    return made


def _hex(text: str) -> str:
    return text.encode().hex()


def _gap(reason: Reason, detail: str) -> Gap:
    return Gap(reason=reason, detail=detail)
