"""Conditional Access: not the presence of a rule, but which account, application and condition escapes all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from checks.common.french import choose, count, listed
from checks.m365.access.axes import ANY_APP, EAS, LEGACY, REGISTRATION, Target, Wanted
from checks.m365.access.coverage import coverage
from checks.m365.access.goals import Goal
from checks.m365.access.people import Person
from checks.m365.access.rescue import rescue, synchronisation
from checks.m365.access.search import State
from checks.m365.access.tenant import Access, Answer, access, activated, ask, ask_ways, outside, unread, worst
from checks.m365.facts import M365Facts, Rows
from checks.m365.judging import MAX_AFFECTED, proof, stopped, subject, unreadable
from checks.m365.reading import lacks, licence_gap, one, reading
from checks.m365.resources import P1, P2
from checks.m365.views.policies import Policy
from checks.m365.views.roles import holdings, privileged
from checks.m365.views.values import flag
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Matrix,
    Reason,
    Severity,
    Verdict,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

OLD = Wanted(clients=(EAS, LEGACY), devices=("",))
"""Legacy clients say nothing of their device, which then counts as not managed."""
HIGH = ("high",)
NO_P1 = "sans licence Entra ID P1, aucune règle d'accès conditionnel ne peut exister"


def baseline(facts: M365Facts, context: Context) -> Judgement:
    """Security Defaults are on, or policies demand a second factor from all people and refuse legacy clients."""
    del context
    about = subject(facts)
    defaults = reading(facts, "security_defaults")
    state = flag(one(defaults), "isEnabled") if isinstance(defaults, Rows) else None
    if isinstance(defaults, Rows) and state:
        return passed(about, "Les paramètres de sécurité par défaut sont actifs.", proof(defaults, "isEnabled = true"))
    found = access(facts)
    if isinstance(found, Gap):
        if state is False and isinstance(defaults, Rows) and _unlicensed(facts, found):
            bad = f"Les paramètres de sécurité par défaut sont désactivés et, {NO_P1}."
            return failed(about, bad, proof(defaults, "isEnabled = false"))
        return not_assessed(about, defaults if isinstance(defaults, Gap) else found)
    who = _everyone(facts, found)
    modern = ask_ways(found, Goal.MFA_OR_MANAGED, who)
    legacy = ask_ways(found, Goal.MFA, who, wanted=OLD)
    if isinstance(modern, Gap):
        return not_assessed(about, modern)
    if isinstance(legacy, Gap):
        return not_assessed(about, legacy)
    answers = (*modern, *legacy)
    told = worst(answers)
    opened = [answer for answer in told.values() if answer.found.state is State.OPEN]
    if opened and isinstance(defaults, Rows):
        bad = (
            "Les paramètres de sécurité par défaut sont désactivés et l'accès conditionnel ne les remplace pas : "
            f"{count(len(opened), 'compte')} sur {len(told)} {choose(len(opened), 'échappe', 'échappent')} "
            f"au second facteur ou au blocage des protocoles anciens{rescue(facts, found).words}."
        )
        return failed(about, bad, _proof(found), affected=_affected(opened, "escapes"))
    if opened and isinstance(defaults, Gap):
        return not_assessed(about, defaults)
    if not answers:
        return not_assessed(about, unreadable("les comptes"))
    if doubt := _doubt(facts, found, answers):
        return not_assessed(about, doubt)
    return passed(about, "L'accès conditionnel remplace les paramètres de sécurité par défaut.", _proof(found))


def mfa_everyone(facts: M365Facts, context: Context) -> Judgement:
    """Every sign-in of every account to every application needs a second factor.

    Critical when an account escapes from anywhere; high when only through named applications; medium when only from
    a trusted place or a managed device.
    """
    del context
    about = subject(facts)
    found = _ready(facts, "le second facteur")
    if isinstance(found, Judgement):
        return found
    who = _everyone(facts, found)
    answers = ask_ways(found, Goal.MFA, who, found.apps)
    if isinstance(answers, Gap):
        return not_assessed(about, answers)
    return _verdict(
        facts,
        found,
        answers,
        good="Toute connexion exige un second facteur ou est bloquée",
        bad="peuvent se connecter sans second facteur",
        severity=lambda: _gravity(found, who),
        exhibit=coverage(facts, found),
    )


def _gravity(found: Access, who: Sequence[Person]) -> Severity:
    away = Wanted(places=outside(found), devices=("",))
    any_app = ask_ways(found, Goal.MFA, who, (ANY_APP,), away)
    every_app = ask_ways(found, Goal.MFA, who, found.apps, away)
    for answers, severity in ((any_app, Severity.CRITICAL), (every_app, Severity.HIGH)):
        if isinstance(answers, Gap) or any(answer.found.state is State.OPEN for answer in answers):
            return severity
    return Severity.MEDIUM


def mfa_admins(facts: M365Facts, context: Context) -> Judgement:
    """Every sign-in of an administrator, once the roles are activated, needs a second factor."""
    del context
    return _admins(
        facts,
        Goal.MFA,
        "le second facteur des administrateurs",
        good="Toute connexion d'un administrateur exige un second facteur",
        bad="peuvent se connecter sans second facteur",
    )


def resistant_admins(facts: M365Facts, context: Context) -> Judgement:
    """Every sign-in of an administrator needs a factor that a false page cannot replay (key, passkey, Hello)."""
    del context
    return _admins(
        facts,
        Goal.RESISTANT,
        "",
        good="Toute connexion d'un administrateur exige une méthode qui résiste à l'hameçonnage",
        bad="peuvent se connecter avec une méthode que l'hameçonnage contourne",
    )


def _admins(facts: M365Facts, goal: Goal, by_default: str, *, good: str, bad: str) -> Judgement:
    about = subject(facts)
    found = _ready(facts, by_default)
    if isinstance(found, Judgement):
        return found
    held = holdings(facts)
    if isinstance(held, Gap):
        return not_assessed(about, held)
    ready = activated(found)
    kept = {item.holder for item in privileged(held.items) if item.everywhere}
    who = [person for person in _everyone(facts, found) if person.id in kept]
    if not who:
        if held.doubt:
            return not_assessed(about, held.doubt)
        return not_applicable(about, "Aucun administrateur actif, hors comptes de secours, n'a été trouvé.")
    answers = ask(ready, goal, who, found.apps)
    if isinstance(answers, Gap):
        return not_assessed(about, answers)
    verdict = _verdict(facts, ready, answers, good=good, bad=bad, noun="administrateur")
    if verdict.verdict is Verdict.PASS and held.doubt:
        return not_assessed(about, held.doubt)
    return verdict


def legacy_blocked(facts: M365Facts, context: Context) -> Judgement:
    """Clients that know no second factor (IMAP, POP, SMTP, old ActiveSync) are refused for all accounts.

    A policy that demands a second factor from such a client refuses it: it has none to give.
    """
    del context
    found = _ready(facts, "le blocage des protocoles anciens")
    if isinstance(found, Judgement):
        return found
    return _ask(
        facts,
        found,
        Goal.MFA,
        OLD,
        good="Les protocoles anciens sont bloqués pour tous les comptes",
        bad="peuvent encore se connecter par un protocole ancien, sans second facteur",
    )


def device_code(facts: M365Facts, context: Context) -> Judgement:
    """Sign-ins with a code typed on another device are blocked: attackers send such codes by e-mail."""
    del context
    found = _ready(facts, "")
    if isinstance(found, Judgement):
        return found
    return _ask(
        facts,
        found,
        Goal.BLOCK,
        Wanted(flows=("devicecodeflow",)),
        good="La connexion par code d'appareil est bloquée pour tous les comptes",
        bad="peuvent être piégés par un code d'appareil reçu par message",
    )


def sign_in_risk(facts: M365Facts, context: Context) -> Judgement:
    """A policy about risk blocks sign-ins of high risk, or asks them for a second factor."""
    del context
    return _risk(
        facts,
        Goal.MFA,
        Wanted(sign_in_risks=HIGH),
        lambda policy: "high" in policy.sign_in_risks,
        good="Les connexions à risque élevé sont bloquées ou revérifiées",
        bad="peuvent se connecter même quand Microsoft juge la connexion à risque élevé",
    )


def user_risk(facts: M365Facts, context: Context) -> Judgement:
    """A policy about risk blocks accounts of high risk, or makes them change their password."""
    del context
    return _risk(
        facts,
        Goal.PASSWORD,
        Wanted(user_risks=HIGH),
        lambda policy: "high" in policy.user_risks,
        good="Les comptes à risque élevé sont bloqués ou changent de mot de passe",
        bad="gardent l'accès même quand Microsoft juge le compte probablement volé",
    )


def _risk(
    facts: M365Facts, goal: Goal, wanted: Wanted, only: Callable[[Policy], bool], *, good: str, bad: str
) -> Judgement:
    if lacks(facts, P2):
        return not_assessed(subject(facts), licence_gap(P2))
    found = _ready(facts, "")
    if isinstance(found, Judgement):
        return found
    return _ask(facts, found, goal, wanted, good=good, bad=bad, only=only)


def managed_device(facts: M365Facts, context: Context) -> Judgement:
    """Members sign in from a device that the establishment manages: compliant, or joined to its domain."""
    del context
    found = _ready(facts, "")
    if isinstance(found, Judgement):
        return found
    return _ask(
        facts,
        found,
        Goal.MANAGED,
        Wanted(),
        good="Les membres ne se connectent que depuis un appareil géré par l'établissement",
        bad="peuvent se connecter depuis n'importe quel appareil",
        guests=False,
    )


def registration_protected(facts: M365Facts, context: Context) -> Judgement:
    """Outside trusted places, nobody registers a second factor with a password alone."""
    del context
    found = _ready(facts, "")
    if isinstance(found, Judgement):
        return found
    return _ask(
        facts,
        found,
        Goal.MFA_OR_MANAGED,
        Wanted(places=outside(found)),
        good="Hors des lieux de confiance, enregistrer un second facteur demande plus que le mot de passe",
        bad="peuvent recevoir un second facteur de qui a volé le mot de passe",
        target=REGISTRATION,
        guests=False,
    )


def _unlicensed(facts: M365Facts, gap: Gap) -> bool:
    return gap.reason is Reason.LICENCE or lacks(facts, P1)


def _ready(facts: M365Facts, by_default: str) -> Access | Judgement:
    """Policies to examine, or the verdict when there is nothing to examine.

    Where Security Defaults give the same (`by_default` says what), their state decides: no policy can be on with them.
    """
    about = subject(facts)
    defaults = reading(facts, "security_defaults")
    state = flag(one(defaults), "isEnabled") if isinstance(defaults, Rows) else None
    if by_default and state and isinstance(defaults, Rows):
        good = f"Les paramètres de sécurité par défaut sont actifs : ils imposent {by_default}, au rythme de Microsoft."
        return passed(about, good, proof(defaults, "isEnabled = true"))
    found = access(facts)
    if isinstance(found, Access):
        return found
    if by_default and state is False and isinstance(defaults, Rows) and _unlicensed(facts, found):
        bad = (
            f"Rien n'impose {by_default} : les paramètres de sécurité par défaut sont désactivés et, {NO_P1}. "
            "L'ancien réglage compte par compte n'est pas lu."
        )
        return failed(about, bad, proof(defaults, "isEnabled = false"))
    return not_assessed(about, found)


def _everyone(facts: M365Facts, found: Access, *, guests: bool = True) -> list[Person]:
    """Accounts that should be protected: neither rescue accounts nor the one that copies the directory."""
    apart = rescue(facts, found).ids | synchronisation(found)
    return [person for person in found.directory.people if person.id not in apart and (guests or not person.guest)]


def _ask(
    facts: M365Facts,
    found: Access,
    goal: Goal,
    wanted: Wanted,
    *,
    good: str,
    bad: str,
    only: Callable[[Policy], bool] | None = None,
    target: Target | None = None,
    guests: bool = True,
) -> Judgement:
    who = _everyone(facts, found, guests=guests)
    if not who:
        if not found.everyone_read:
            return not_assessed(subject(facts), stopped("la liste des comptes"))
        return not_applicable(subject(facts), "Aucun compte actif n'est concerné.")
    answers = ask_ways(found, goal, who, (target,) if target else found.apps, wanted, only)
    if isinstance(answers, Gap):
        return not_assessed(subject(facts), answers)
    return _verdict(facts, found, answers, good=good, bad=bad)


def _verdict(
    facts: M365Facts,
    found: Access,
    answers: Sequence[Answer],
    *,
    good: str,
    bad: str,
    noun: str = "compte",
    severity: Callable[[], Severity] | None = None,
    exhibit: Matrix | None = None,
) -> Judgement:
    about, apart = subject(facts), rescue(facts, found).words
    told = worst(answers)
    opened = [answer for answer in told.values() if answer.found.state is State.OPEN]
    if opened:
        verb = bad if len(opened) > 1 else _singular(bad)
        text = f"{count(len(opened), noun)} sur {len(told)} {verb}{apart}. Exemple : {opened[0].person.name}, "
        return failed(
            about,
            text + f"{opened[0].sentence}.",
            _proof(found),
            affected=_affected(opened, "escapes"),
            severity=severity() if severity else None,
            exhibit=exhibit,
        )
    if not answers:
        return not_assessed(about, unreadable("les comptes"))
    if doubt := _doubt(facts, found, answers):
        return replace(not_assessed(about, doubt), exhibit=exhibit)
    seen = f"{count(len(told), noun)} {choose(len(told), 'examiné', 'examinés')}"
    return passed(about, f"{good} : {seen}{apart}.", _proof(found), exhibit=exhibit)


def _singular(verb: str) -> str:
    first, _, rest = verb.partition(" ")
    return f"{ {'peuvent': 'peut', 'gardent': 'garde'}.get(first, first) } {rest}"


def _affected(opened: Iterable[Answer], kind: str) -> tuple[Affected, ...]:
    return tuple(
        Affected(
            id=answer.person.id,
            label=answer.person.name,
            detail=answer.sentence,
            kind=kind,
            ref=answer.person.name,
            witness=answer.witness,
        )
        for answer in list(opened)[:MAX_AFFECTED]
    )


def _proof(found: Access) -> Evidence:
    names = listed((f"« {policy.name} »" for policy in found.policies), 8)
    return proof(found.source, f"{count(len(found.policies), 'règle active', 'règles actives')} : {names or 'aucune'}")


def _doubt(facts: M365Facts, found: Access, answers: Sequence[Answer]) -> Gap | None:
    """Why nothing is concluded although nothing was found open; None when everything is covered."""
    unsure = [answer for answer in worst(answers).values() if answer.found.state is State.UNKNOWN]
    if unsure:
        names = ("policy_groups", "role_assignments", "named_locations", "authentication_strengths")
        gaps = [gap for name in names if isinstance(gap := reading(facts, name), Gap)]
        reason = gaps[0].reason if gaps else Reason.UNSUPPORTED
        what = f"{count(len(unsure), 'compte')} sur {len(worst(answers))}"
        return Gap(reason=reason, detail=f"Indéterminé pour {what} ({unread(found, unsure)}).")
    return None if found.everyone_read else stopped("la liste des comptes")
