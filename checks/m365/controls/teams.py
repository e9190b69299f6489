"""Teams: who may write from outside, meetings, channels, applications, owners.

Meeting policies other than the one called Global may be wider on purpose for some people; where the SCuBA baseline
allows that, only Global is judged. Since Teams moved applications to settings of the whole organisation, which an
application cannot read, the permission policies judged here may not be the whole story: the verdict says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from checks.common.french import choose, count, listed
from checks.m365.controls.seen import Seen, Unclear, item, judged, name_of
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import Affected, Context, Gap, Judgement, Severity

STORES = {
    "AllowDropBox": "Dropbox",
    "AllowGoogleDrive": "Google Drive",
    "AllowBox": "Box",
    "AllowShareFile": "ShareFile",
    "AllowEgnyte": "Egnyte",
}
INTERNAL = frozenset({"everyoneincompany", "everyoneinsameandfederatedcompany", "everyoneincompanyexcludingguests"})
OWNERS = 2


def _policies(seen: Seen, name: str, *properties: str) -> list[Row]:
    rows = list(seen.rows(name, *properties))
    if not rows:
        raise Unclear(seen.unreadable(name, "Identity"))
    return rows


def _global(seen: Seen, name: str, *properties: str) -> Row:
    """The policy of who has no other. Raises `Unclear` when the service did not give it."""
    rows = _policies(seen, name, *properties)
    for row in rows:
        if values.word(row, "Identity") in ("global", ""):
            return row
    raise Unclear(seen.unreadable(name, "Identity"))


def allowed_domains(value: object) -> tuple[str, ...] | None:
    """The domains federation is limited to; None when it is open to all.

    The shapes seen in exports: nothing, a word, `{"AllowAllKnownDomains": …}`, `{"AllowedDomain": […]}`,
    `[{"AllowedDomain": ["Domain=x"]}]`, `{"AllowList": [{"Domain": "x"}]}`.
    """
    found: list[str] = []
    waiting = [value]
    while waiting and len(found) < values.MAX_ITEMS:
        one = waiting.pop()
        if isinstance(one, str):
            text = one.strip()
            if "allowallknowndomains" in text.lower():
                return None
            found += [part.rpartition("=")[2].strip().lower() for part in text.split(",") if "." in part]
        elif isinstance(one, Mapping):
            if any("allowallknowndomains" in str(key).lower() for key in one):
                return None
            waiting += list(one.values())
        elif isinstance(one, (list, tuple)):
            waiting += list(one)
    return tuple(dict.fromkeys(found)) or None


@judged
def federation(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when people of other organisations may write only from named domains, or not at all."""
    if not seen.flag("teams_federation", "AllowFederatedUsers"):
        return seen.passed(
            "Les autres organisations ne peuvent pas écrire dans Teams.",
            seen.proof("teams_federation", "AllowFederatedUsers = False"),
        )
    row = seen.setting("teams_federation", "AllowedDomains")
    domains = allowed_domains(row["AllowedDomains"])
    if domains:
        evidence = seen.proof("teams_federation", f"domaines autorisés : {listed(domains)}")
        return seen.passed(
            f"Teams ne s'ouvre qu'à {count(len(domains), 'domaine choisi', 'domaines choisis')}.", evidence
        )
    evidence = seen.proof("teams_federation", "AllowFederatedUsers = True, tous les domaines")
    return seen.failed(
        "N'importe quelle organisation peut écrire à vos équipes dans Teams : hameçonnage par messagerie.", evidence
    )


@judged
def unmanaged_people(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when personal Teams accounts are refused; a lighter fault when only your people may start."""
    if not seen.flag("teams_federation", "AllowTeamsConsumer"):
        return seen.passed(
            "Les comptes Teams personnels sont refusés.", seen.proof("teams_federation", "AllowTeamsConsumer = False")
        )
    inbound = seen.flag("teams_federation", "AllowTeamsConsumerInbound")
    evidence = seen.proof("teams_federation", f"AllowTeamsConsumer = True, AllowTeamsConsumerInbound = {inbound}")
    if inbound:
        return seen.failed("N'importe qui, avec un compte personnel, peut écrire à vos équipes dans Teams.", evidence)
    return seen.failed("Vos équipes peuvent écrire à des comptes Teams personnels.", evidence, severity=Severity.LOW)


@judged
def anonymous_people(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when anonymous people start no meeting, and they and callers wait to be admitted."""
    policies = _policies(seen, "teams_meeting", "AllowAnonymousUsersToStartMeeting")
    starting = seen.where("teams_meeting", "AllowAnonymousUsersToStartMeeting", wanted=True)
    row = _global(seen, "teams_meeting", "AutoAdmittedUsers", "AllowPSTNUsersToBypassLobby")
    evidence = seen.shown("teams_meeting", row, "AutoAdmittedUsers", "AllowPSTNUsersToBypassLobby")
    bad = [item(one, "anonymous", "Un anonyme peut démarrer la réunion.") for one in starting]
    admitted = values.word(row, "AutoAdmittedUsers")
    if not admitted:
        raise Unclear(seen.unreadable("teams_meeting", "AutoAdmittedUsers"))
    if admitted == "everyone":
        bad.append(Affected(id="lobby", label=name_of(row), kind="lobby", detail="Tout le monde entre sans attendre."))
    elif values.flag(row, "AllowPSTNUsersToBypassLobby"):
        bad.append(
            Affected(
                id="lobby", label=name_of(row), kind="lobby", detail="Qui appelle par téléphone entre sans attendre."
            )
        )
    if bad:
        return seen.failed(
            "Des inconnus peuvent entrer dans une réunion sans que quelqu'un les y admette.", evidence, affected=bad
        )
    message = (
        "Les inconnus attendent d'être admis"
        f" ({count(len(policies), 'politique de réunion', 'politiques de réunion')})."
    )
    return seen.passed(message, evidence)


@judged
def channel_mail(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when a channel has no mail address, which would let anybody write to a team."""
    on = seen.flag("teams_client", "AllowEmailIntoChannel")
    evidence = seen.proof("teams_client", f"AllowEmailIntoChannel = {on}")
    if on:
        return seen.failed("Chaque canal peut recevoir des courriels, qui échappent à vos filtres.", evidence)
    return seen.passed("Les canaux ne reçoivent pas de courriels.", evidence)


@judged
def other_stores(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no other vendor's file store is offered in Teams."""
    row = seen.setting("teams_client", *STORES)
    open_ = []
    for prop, name in STORES.items():
        value = values.flag(row, prop)
        if value is None:
            seen.doubt(seen.unreadable("teams_client", prop))
        elif value:
            open_.append(name)
    evidence = seen.shown("teams_client", row, *STORES)
    if open_:
        return seen.failed(
            f"Des fichiers peuvent partir de Teams vers {listed(open_)}, hors de tout contrat.", evidence
        )
    return seen.passed("Teams ne propose aucun stockage d'un autre fournisseur.", evidence)


@judged
def third_party_apps(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when applications of other vendors and home-made ones are allowed by name, never all at once."""
    return _applications(
        seen, {"GlobalCatalogAppsType": "d'autres éditeurs", "PrivateCatalogAppsType": "personnalisées"}
    )


@judged
def microsoft_apps(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when Microsoft's own applications are allowed by name (MS.TEAMS.5.1)."""
    return _applications(seen, {"DefaultCatalogAppsType": "de Microsoft"})


def _applications(seen: Seen, wanted: dict[str, str]) -> Judgement:
    """`BlockedAppList` allows everything but a list; `AllowedAppList` only a list, which may be empty."""
    bad = []
    for row in _policies(seen, "teams_apps", *wanted):
        for prop, words in wanted.items():
            word = values.word(row, prop)
            if word == "blockedapplist":
                bad.append(
                    Affected(
                        id=f"{name_of(row)}/{prop}",
                        label=name_of(row),
                        kind="apps",
                        detail=f"Applications {words} : toutes permises.",
                    )
                )
            elif word != "allowedapplist":
                seen.doubt(seen.unreadable("teams_apps", prop))
    row = _policies(seen, "teams_apps", *wanted)[0]
    evidence = seen.shown("teams_apps", row, *wanted)
    kinds = " et ".join(wanted.values())
    if bad:
        message = (
            f"Chacun peut ajouter à Teams des applications {kinds}, qui lisent les échanges (sauf réglage"
            " d'organisation, non lisible ici)."
        )
        return seen.failed(message, evidence, affected=bad)
    return seen.passed(f"Les applications Teams {kinds} sont autorisées une par une.", evidence)


@judged
def owners(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when each team has two owners, so that somebody answers for its guests."""
    groups = seen.rows("groups", "id", "resourceProvisioningOptions")
    teams = {
        values.text(row, "id"): row
        for row in groups
        if "team" in {text.lower() for text in values.texts(row, "resourceProvisioningOptions")}
    }
    if not teams:
        return seen.not_applicable(
            "Il n'y a aucune équipe Teams.", seen.proof("groups", f"{count(len(groups), 'groupe')} lus")
        )
    held = {
        values.text(row, "id"): len(values.rows(row, "owners")) for row in seen.rows("group_owners", "id", "owners")
    }
    guests = _guests(seen)
    bad = []
    for identity, row in teams.items():
        if identity not in held:
            seen.doubt(seen.unreadable("group_owners", "owners"))
            continue
        size = held[identity]
        if size < OWNERS:
            with_guests = f", {count(guests[identity], 'invité')}" if guests.get(identity) else ""
            words = "Aucun propriétaire" if not size else "Un seul propriétaire"
            bad.append((size, item(row, "owners", f"{words}{with_guests}.")))
    open_ = sum(1 for identity in teams if guests.get(identity))
    evidence = seen.proof(
        "group_owners",
        f"{count(len(teams), 'équipe')}, dont {len(bad)} avec moins de deux propriétaires et {open_} avec des invités",
    )
    if bad:
        severity = None if any(not size for size, _ in bad) else Severity.LOW
        message = (
            f"{count(len(bad), 'équipe')} {choose(len(bad), 'a', 'ont')} moins de deux propriétaires : personne n'y"
            " surveille plus les membres."
        )
        return seen.failed(message, evidence, affected=(one for _, one in bad), severity=severity)
    return seen.passed("Chaque équipe a au moins deux propriétaires.", evidence)


def _guests(seen: Seen) -> dict[str, int]:
    """Guests of each group, when they were read; they only add to the words."""
    found = seen.facts.readings.get("group_guests")
    if found is None or isinstance(found, Gap):
        return {}
    return {values.text(row, "id"): len(values.texts(row, "guests")) for row in found.rows}


# --- SCuBA policies beyond the 110


@judged
def desktop_control(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when people from outside cannot take control of a shared screen (MS.TEAMS.1.1)."""
    bad = seen.where("teams_meeting", "AllowExternalParticipantGiveRequestControl", wanted=True)
    return _meetings(
        seen, bad, "AllowExternalParticipantGiveRequestControl",
        "Une personne extérieure ne peut pas prendre la main sur un écran partagé.",
        "Une personne extérieure peut prendre la main sur un écran partagé : fausse assistance informatique.",
    )  # fmt: skip


@judged
def internal_people(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when people of the house enter meetings without waiting (MS.TEAMS.1.4)."""
    row = _global(seen, "teams_meeting", "AutoAdmittedUsers")
    evidence = seen.shown("teams_meeting", row, "AutoAdmittedUsers")
    if values.word(row, "AutoAdmittedUsers") in INTERNAL:
        return seen.passed("Le personnel entre directement dans les réunions, les autres attendent.", evidence)
    return seen.failed("Le réglage de la salle d'attente ne distingue pas le personnel des autres.", evidence)


@judged
def callers(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no meeting policy lets callers in without waiting (MS.TEAMS.1.5)."""
    bad = seen.where("teams_meeting", "AllowPSTNUsersToBypassLobby", wanted=True)
    return _meetings(
        seen, bad, "AllowPSTNUsersToBypassLobby",
        "Qui appelle par téléphone attend d'être admis.",
        "Qui appelle par téléphone entre dans les réunions sans attendre.",
    )  # fmt: skip


def _meetings(seen: Seen, bad: list[Row], prop: str, good_message: str, bad_message: str) -> Judgement:
    policies = _policies(seen, "teams_meeting", prop)
    evidence = seen.proof(
        "teams_meeting",
        f"{prop} = True : {listed(map(name_of, bad)) or 'aucune'} ({count(len(policies), 'politique')})",
    )
    if bad:
        return seen.failed(bad_message, evidence, affected=(item(row, "meeting", f"{prop} = True.") for row in bad))
    return seen.passed(good_message, evidence)


@judged
def recording(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the general policy does not let people record meetings (MS.TEAMS.1.6)."""
    row = _global(seen, "teams_meeting", "AllowCloudRecording")
    evidence = seen.shown("teams_meeting", row, "AllowCloudRecording")
    value = values.flag(row, "AllowCloudRecording")
    if value is None:
        raise Unclear(seen.unreadable("teams_meeting", "AllowCloudRecording"))
    if value:
        return seen.failed("Chacun peut enregistrer une réunion, même quand on y parle d'un usager.", evidence)
    return seen.passed("L'enregistrement des réunions est réservé à ceux qui en ont besoin.", evidence)


@judged
def event_recording(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when live events are not always recorded (MS.TEAMS.1.7)."""
    row = _global(seen, "teams_broadcast", "BroadcastRecordingMode")
    mode = values.word(row, "BroadcastRecordingMode")
    evidence = seen.shown("teams_broadcast", row, "BroadcastRecordingMode")
    if mode == "alwaysenabled":
        return seen.failed("Les événements en direct sont toujours enregistrés.", evidence)
    if mode in ("useroverride", "alwaysdisabled"):
        return seen.passed("Les événements en direct ne sont pas enregistrés d'office.", evidence)
    raise Unclear(seen.unreadable("teams_broadcast", "BroadcastRecordingMode"))
