"""What the sign-in log shows of attacks, within the days that were read: counts, accounts, countries; no address.

Codes of refusal, from Microsoft's list of Entra authentication errors: 50126 wrong name or password, 50053 locked after
too many tries or malicious address, 50055 expired password, 50056 no password.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from checks.common.french import choose, count, listed
from checks.m365.controls.seen import Seen, Unclear, judged
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import Affected, Context, Evidence, Gap, Judgement, Reason, Record, Severity

COUNTRIES = "m365_countries"
FRANCE = frozenset({"FR", "GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF", "NC", "PF", "WF", "TF", "MC"})
"""France, its territories and Monaco: what is expected unless the profile says otherwise."""
WRONG_PASSWORD = frozenset({50126, 50053, 50055, 50056})
TRIES = 30
"""Wrong passwords of one account, in the days read, that are no longer a person who forgot: our choice."""
LOCATED = 0.95
"""Share of successes whose country is known, below which nothing is concluded from countries."""
SPEED_KMH, FAR_KM = 1_000, 500
"""Faster than an airliner over a distance that no error of location explains."""
EARTH_KM = 6371
_OLD = frozenset({"browser", "mobile apps and desktop clients", ""})


class SignIn(Record, frozen=True, kw_only=True):
    """One line of the log."""

    user: str
    at: datetime
    code: int
    country: str
    place: tuple[float, float] | None
    client: str


def _read(seen: Seen) -> list[SignIn]:
    """The lines that have a time, an account and a result. Raises `Unclear` when there are none at all."""
    found = []
    for row in seen.rows("sign_ins", "createdDateTime", "userId", "status"):
        at = values.moment(row, "createdDateTime")
        code = values.number(values.mapping(row, "status"), "errorCode")
        if at is None or code is None:
            seen.doubt(seen.unreadable("sign_ins", "createdDateTime, status"))
            continue
        location = values.mapping(row, "location")
        found.append(
            SignIn(
                user=values.word(row, "userId"),
                at=at,
                code=code,
                country=values.text(location, "countryOrRegion").upper(),
                place=_place(values.mapping(location, "geoCoordinates")),
                client=values.word(row, "clientAppUsed"),
            )
        )
    if not found:
        raise Unclear(Gap(reason=Reason.UNSUPPORTED, detail="Le journal lu ne contient aucune connexion."))
    return found


def _place(row: Row) -> tuple[float, float] | None:
    pair = row.get("latitude"), row.get("longitude")
    if all(isinstance(one, (int, float)) and math.isfinite(one) for one in pair):
        return float(pair[0]), float(pair[1])  # type: ignore[arg-type]
    return None


def _summary(seen: Seen, lines: list[SignIn]) -> Evidence:
    """The counts that every control of this page shows."""
    successes = [line for line in lines if not line.code]
    wrong = sum(line.code in WRONG_PASSWORD for line in lines)
    old = sum(line.client not in _OLD for line in successes)
    countries = Counter(line.country or "?" for line in successes)
    first, last = min(line.at for line in lines), max(line.at for line in lines)
    places = listed(f"{name} {size}" for name, size in countries.most_common(8)) or "aucun"
    return seen.proof(
        "sign_ins",
        f"du {first:%d/%m/%Y} au {last:%d/%m/%Y} ; réussies : {len(successes)}, refusées :"
        f" {len(lines) - len(successes)}, dont mot de passe faux : {wrong} ; protocole ancien : {old} ; pays :"
        f" {places}",
    )


def _names(seen: Seen) -> Mapping[str, str]:
    found = seen.maybe("users", "id", "userPrincipalName")
    return (
        {}
        if isinstance(found, Gap)
        else {values.word(row, "id"): values.text(row, "userPrincipalName") for row in found}
    )


def _people(users: Iterable[tuple[str, str]], kind: str, names: Mapping[str, str]) -> list[Affected]:
    return [Affected(id=user, label=names.get(user) or user, kind=kind, detail=detail) for user, detail in users]


@judged
def countries(seen: Seen, context: Context) -> Judgement:
    """Conforms when successful sign-ins come from the expected countries, 95 % of them from a known one."""
    lines = _read(seen)
    expected = {text.upper() for text in values.texts(context.answers, COUNTRIES)} or FRANCE
    successes = [line for line in lines if not line.code]
    evidence = _summary(seen, lines)
    abroad: dict[str, Counter[str]] = defaultdict(Counter)
    for line in successes:
        if line.country and line.country not in expected:
            abroad[line.user][line.country] += 1
    if abroad:
        told = (
            (user, f"Depuis {listed(f'{name} ({size})' for name, size in found.most_common())}.")
            for user, found in abroad.items()
        )
        signed = choose(len(abroad), "s'est connecté", "se sont connectés")
        message = f"{count(len(abroad), 'compte')} {signed} depuis un pays inattendu : voyage, ou compte volé."
        return seen.failed(message, evidence, affected=_people(told, "abroad", _names(seen)))
    known = sum(bool(line.country) for line in successes)
    if not successes or known < LOCATED * len(successes):
        detail = f"Le pays n'est connu que pour {known} des {len(successes)} connexions réussies : rien n'est conclu."
        return seen.unclear(Reason.UNSUPPORTED, detail)
    return seen.passed("Toutes les connexions réussies viennent des pays attendus.", evidence)


@judged
def guessed_passwords(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no account has 30 wrong passwords in the days read; worse when one of them then succeeded."""
    lines = _read(seen)
    wrong: dict[str, list[SignIn]] = defaultdict(list)
    for line in lines:
        if line.code in WRONG_PASSWORD:
            wrong[line.user].append(line)
    tried = {user: found for user, found in wrong.items() if len(found) >= TRIES}
    evidence = _summary(seen, lines)
    if not tried:
        return seen.passed("Aucun compte n'est la cible d'essais répétés de mots de passe.", evidence)
    since = {user: min(line.at for line in found) for user, found in tried.items()}
    entered = {line.user for line in lines if not line.code and line.user in since and line.at > since[line.user]}
    told = (
        (
            user,
            count(len(found), "mot de passe faux", "mots de passe faux")
            + (", puis une connexion réussie." if user in entered else "."),
        )
        for user, found in tried.items()
    )
    message = (
        f"{count(len(tried), 'compte')} {choose(len(tried), 'subit', 'subissent')} des essais répétés de mots de passe."
    )
    severity = Severity.HIGH if entered else None
    return seen.failed(message, evidence, affected=_people(told, "guessed", _names(seen)), severity=severity)


@judged
def impossible_travels(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when nobody succeeded from two places too far apart for the time between them."""
    lines = _read(seen)
    evidence = _summary(seen, lines)
    placed: dict[str, list[SignIn]] = defaultdict(list)
    for line in lines:
        if not line.code and line.place:
            placed[line.user].append(line)
    successes = sum(not line.code for line in lines)
    jumps = {user: jump for user, found in placed.items() if (jump := _jump(sorted(found, key=lambda line: line.at)))}
    if jumps:
        message = (
            f"{count(len(jumps), 'compte')} {choose(len(jumps), 'a été utilisé', 'ont été utilisés')} à deux endroits"
            " trop éloignés : mot de passe ou session volés, ou VPN."
        )
        return seen.failed(message, evidence, affected=_people(jumps.items(), "travel", _names(seen)))
    known = sum(len(found) for found in placed.values())
    if not successes or known < LOCATED * successes:
        detail = f"Le lieu n'est connu que pour {known} des {successes} connexions réussies : rien n'est conclu."
        return seen.unclear(Reason.UNSUPPORTED, detail)
    return seen.passed("Personne ne s'est connecté de deux endroits impossibles à relier.", evidence)


def _jump(lines: list[SignIn]) -> str:
    """The first move that no plane makes, in words."""
    for before, after in itertools.pairwise(lines):
        if before.place is None or after.place is None or before.country == after.country:
            continue
        km = distance(before.place, after.place)
        hours = (after.at - before.at) / timedelta(hours=1)
        if km > FAR_KM and km > SPEED_KMH * hours:
            minutes = round(hours * 60)
            return f"{before.country or '?'} puis {after.country or '?'} en {count(minutes, 'minute')} ({km:.0f} km)."
    return ""


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Kilometres between two points of the Earth given by latitude and longitude (haversine formula)."""
    (lat1, lon1), (lat2, lon2) = ((math.radians(a), math.radians(b)) for a, b in (one, other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(max(0.0, half))))
