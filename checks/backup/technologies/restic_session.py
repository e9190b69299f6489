"""How a restic repository is opened: the mandate is asked, the server answers, secrets stay in the environment."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Point
from checks.backup.technologies.base import Tools
from checks.backup.technologies.command import SHORT, Answer, Program, find, program
from checks.backup.technologies.locations import Place, is_folder, reach, restic_place, ssh_options, with_credentials
from checks.model import CollectError, Reason

PRODUCT = "restic"
_WRONG_KEY = 12
_NO_REPOSITORY = 10
DAMAGE = (
    "repository contains errors",
    "LoadIndex returned errors",
    "ciphertext verification failed",
    "invalid data returned",
    "is damaged",
    "does not match",
    "not found in repository",
)
_REFUSED = (
    "wrong password",
    "no key found",
    "Access Denied",
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "401 Unauthorized",
    "403 Forbidden",
    "Permission denied (",
    "Host key verification failed",
)
_ABSENT = ("Is there a repository at the following location", "repository does not exist", "NoSuchBucket")


class Session(NamedTuple):
    """An open repository."""

    program: Program
    place: Place
    options: tuple[str, ...]

    def ask(self, *arguments: str, purpose: str, seconds: float = SHORT) -> Answer:
        """Run one command of restic that only reads."""
        return self.program.run([*self.options, *arguments], f"restic, {purpose}", seconds=seconds)


@contextlib.contextmanager
def opened(config: RepositoryConfig, tools: Tools, within: Path | None = None) -> Iterator[Session]:
    """A session: the network is permitted and answers, secrets are in the environment of the child."""
    find(PRODUCT)
    place = restic_place(config.location)
    if not config.password_from:
        detail = "Le dépôt restic s'ouvre avec un mot de passe : « password_from » manque dans le profil."
        raise CollectError(Reason.NOT_CONFIGURED, detail)
    location = config.location
    secrets = {"RESTIC_PASSWORD": tools.secret(config.password_from)}
    settings = {"GOMAXPROCS": "2"}  # gentle: the machine that runs the audit may be the backup server
    options: tuple[str, ...] = ("--no-lock",)
    if place.kind == "local":
        if not is_folder(place.path):
            raise CollectError(Reason.UNREACHABLE, f"Le dossier {place.address} n'existe pas ou ne se lit pas.")
        options += ("--no-cache",)
    else:
        addresses = reach(place, tools, "lecture d'un dépôt restic")
        if place.kind == "s3":
            # One host for every request. For Amazon's own, restic's library may still go to that of the bucket.
            options += ("-o", "s3.bucket-lookup=path")
            if place.host.endswith(".amazonaws.com"):
                bucket = place.path.strip("/").split("/")[0]
                reach(place._replace(host=f"{bucket}.{place.host}"), tools, "lecture d'un dépôt restic")
        if place.kind == "sftp":
            settings |= _agent()
            options += ("-o", f"sftp.command={_sftp(config, place, addresses)}")
        if config.ca_file:
            options += ("--cacert", config.ca_file)
    if place.kind == "s3":
        if not (config.access_id and config.storage_secret_from):
            # Without keys restic would look for some in the cloud's metadata service, which nobody permitted.
            raise CollectError(Reason.NOT_CONFIGURED, "Un dépôt S3 demande « access_id » et « storage_secret_from ».")
        settings["AWS_ACCESS_KEY_ID"] = config.access_id
        secrets["AWS_SECRET_ACCESS_KEY"] = tools.secret(config.storage_secret_from)
    if place.kind == "rest" and config.user and config.storage_secret_from:
        password = tools.secret(config.storage_secret_from)
        location = "rest:" + with_credentials(location.removeprefix("rest:"), config.user, password)
        secrets["RESTIC_REST_PASSWORD"] = password
    # The location goes by the environment too: it may hold the credentials of a REST server.
    settings["RESTIC_REPOSITORY"] = location
    private = {} if place.kind == "local" else {"RESTIC_CACHE_DIR": "restic"}
    with program(PRODUCT, tools, settings=settings, secrets=secrets, private=private, within=within) as found:
        yield Session(found, place, options)


def _agent() -> dict[str, str]:
    socket = os.environ.get("SSH_AUTH_SOCK", "")
    return {"SSH_AUTH_SOCK": socket} if socket else {}


def _sftp(config: RepositoryConfig, place: Place, addresses: tuple[str, ...]) -> str:
    user = place.user or config.user
    login = ("-l", user) if user else ()
    return shlex.join([find("ssh"), *ssh_options(place, addresses), *login, place.host, "-s", "sftp"])


def identity(point: Point) -> str:
    """Identifier of a snapshot, safe as an argument."""
    if not point.id.isalnum():
        raise CollectError(Reason.MALFORMED, "L'identifiant de ce point n'est pas celui d'un instantané restic.")
    return point.id


def reason(answer: Answer) -> Reason:
    """Why a command failed, from its exit code or its words."""
    if answer.code == _WRONG_KEY or any(sign in answer.err for sign in _REFUSED):
        return Reason.REFUSED
    if answer.code == _NO_REPOSITORY or any(sign in answer.err for sign in _ABSENT):
        return Reason.UNREACHABLE
    if "permission denied" in answer.err:
        return Reason.PERMISSION
    return Reason.ERROR


def damaged(answer: Answer) -> bool:
    """Whether restic says that the repository itself is damaged."""
    return any(sign in answer.err for sign in DAMAGE)
