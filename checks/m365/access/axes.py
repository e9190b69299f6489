"""The axes of a sign-in, with the policies that apply to each of their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from checks.m365.access.goals import BOTH
from checks.m365.access.places import ELSEWHERE, Names, Place, both, either, opposite, within
from checks.m365.access.search import Axis, Value
from checks.m365.views.policies import Policy
from checks.model import Record

BROWSER, MODERN, EAS, LEGACY = "browser", "mobileappsanddesktopclients", "exchangeactivesync", "other"
CLIENTS = {
    BROWSER: "un navigateur",
    MODERN: "une application moderne",
    EAS: "Exchange ActiveSync",
    LEGACY: "un protocole ancien (IMAP, POP, SMTP)",
}
PLATFORMS = {
    "windows": "Windows", "ios": "iOS", "android": "Android", "macos": "macOS", "linux": "Linux",
    "windowsphone": "Windows Phone", "": "un système non reconnu",
}  # fmt: skip
"""A platform is what the browser says of itself: the unrecognised one is there for who wants it."""
_RISKS = {"none": "sans risque détecté", "low": "à risque faible", "medium": "à risque moyen", "high": "à risque élevé"}
SIGN_IN_RISKS = {key: f"connexion {words}" for key, words in _RISKS.items()}
USER_RISKS = {key: f"compte {words}" for key, words in _RISKS.items()}
DEVICES = {
    "": "un appareil non géré",
    "compliant": "un appareil conforme",
    "domainjoined": "un appareil joint au domaine",
    BOTH: "un appareil conforme et joint au domaine",
}
FLOWS = {
    "": "connexion ordinaire",
    "devicecodeflow": "code d'appareil",
    "authenticationtransfer": "transfert de session",
}
OFFICE, PORTALS = "office365", "microsoftadminportals"
BUNDLES = {OFFICE: "Office 365", PORTALS: "les portails d'administration"}
MEMBERS = {"00000002-0000-0ff1-ce00-000000000000": OFFICE, "00000003-0000-0ff1-ce00-000000000000": OFFICE}
"""Exchange Online and SharePoint Online are in the Office 365 bundle; for other named applications it is not told."""
REGISTER, JOIN = "urn:user:registersecurityinfo", "urn:user:registerdevice"
ACTIONS = {REGISTER: "enregistrer un second facteur", JOIN: "inscrire un appareil"}

ORDINARY = frozenset({FLOWS[""], SIGN_IN_RISKS["none"], USER_RISKS["none"], ELSEWHERE})
"""Values that go without saying in a sentence."""

Told = Callable[[Policy], "bool | None"]


class Target(Record, frozen=True, kw_only=True):
    """What one signs in to."""

    kind: str
    """`app`, `action` or `context`."""
    id: str
    """Empty: any application that no policy names."""
    label: str


ANY_APP = Target(kind="app", id="", label="une application quelconque")
REGISTRATION = Target(kind="action", id=REGISTER, label=ACTIONS[REGISTER])


def applications(policies: Iterable[Policy], names: Callable[[str], str]) -> tuple[Target, ...]:
    """Applications to examine: any other one first, then those that a policy names."""
    every = {key for policy in policies for key in (*policy.apps.include, *policy.apps.exclude)}
    named = sorted(every - {"all", "none", ""}, key=lambda key: (key not in BUNDLES, key))
    return (ANY_APP, *(Target(kind="app", id=key, label=BUNDLES.get(key) or names(key)) for key in named))


def targets(policy: Policy, target: Target) -> bool | None:
    """Whether the policy concerns what one signs in to.

    « All » is all applications; user actions and authentication contexts are only those that a policy names.
    """
    if target.kind == "action":
        return target.id in policy.actions
    if target.kind == "context":
        return target.id in policy.contexts
    chosen = either(_app(item, target.id) for item in policy.apps.include)
    out = either(_app(item, target.id) for item in policy.apps.exclude)
    if policy.app_filter == "include":
        chosen = either((chosen, None))
    if policy.app_filter == "exclude":
        out = either((out, None))
    return both(chosen, opposite(out))


def _app(item: str, target: str) -> bool | None:
    if item == "all" or (item == target and item not in ("", "none")):
        return True
    if item not in BUNDLES or target in ("", *BUNDLES):
        return False
    known = MEMBERS.get(target)
    return known == item if known else None


def client(policy: Policy, value: str) -> bool | None:
    """Whether the policy concerns a kind of client. Without the condition, older policies leave legacy clients out."""
    if not policy.clients:
        return True if value in (BROWSER, MODERN) else None
    if "all" in policy.clients or value in policy.clients:
        return True
    # « easSupported » is the part of ActiveSync that runs on a supported platform.
    return None if value == EAS and "eassupported" in policy.clients else False


def platform(policy: Policy, value: str) -> bool | None:
    """Whether the policy concerns a platform."""
    sides = policy.platforms
    if sides is None:
        return True
    if not sides.include:
        # The service asks for one: what an empty list stands for is not documented.
        return False if _listed(sides.exclude, value) else None
    return _listed(sides.include, value) and not _listed(sides.exclude, value)


def _listed(words: Sequence[str], value: str) -> bool:
    return "all" in words or (value != "" and value in words)


def risk(words: Sequence[str], value: str) -> bool:
    """Whether a condition on a risk holds; none given: it always does."""
    return not words or value in words


def device(policy: Policy, value: str) -> bool | None:
    """Whether the policy concerns a state of the device; a rule on devices cannot be told from outside."""
    told: bool | None = not _state(policy.devices.exclude, value)
    if policy.devices.include and not _state(policy.devices.include, value):
        told = False
    return both(told, None) if policy.device_filter else told


def _state(words: Sequence[str], value: str) -> bool:
    return "all" in words or any(state in words for state in value.split())


def flow(policy: Policy, value: str) -> bool:
    """Whether the policy concerns an authentication flow; none given: it concerns them all."""
    return not policy.flows or value in policy.flows


def masks(policies: Sequence[Policy], told: Told) -> tuple[int, int]:
    """Bits of the policies that surely apply, and of those that may."""
    yes = may = 0
    for index, policy in enumerate(policies):
        # What is wrong in a policy may be the very condition: it may apply anywhere, and surely nowhere.
        state = None if policy.faults else told(policy)
        yes |= (state is True) << index
        may |= (state is not False) << index
    return yes, may


def _value(policies: Sequence[Policy], label: str, told: Told) -> Value:
    yes, may = masks(policies, told)
    return Value(label=label, yes=yes, may=may)


class Wanted(Record, frozen=True, kw_only=True):
    """The part of each axis to examine; None is the whole of it."""

    clients: tuple[str, ...] = (BROWSER, MODERN)
    places: tuple[Place, ...] = ()
    platforms: tuple[str, ...] | None = None
    sign_in_risks: tuple[str, ...] | None = None
    user_risks: tuple[str, ...] | None = None
    devices: tuple[str, ...] | None = None
    flows: tuple[str, ...] | None = None


def axes(
    policies: Sequence[Policy], wanted: Wanted, readable: Names, demand: Callable[[Policy, str], bool | None]
) -> tuple[Axis, ...]:
    """The axes of a sign-in besides its account and its target, ordinary values first.

    `demand` tells whether a policy guarantees the goal on a device.
    """

    def axis(name: str, labels: Iterable[tuple[str, str]], told: Callable[[Policy, str], bool | None]) -> Axis:
        found = [_value(policies, label, lambda policy, key=key: told(policy, key)) for key, label in labels]  # type: ignore[misc]
        return Axis(name=name, values=tuple(found))

    def part(labels: dict[str, str], chosen: tuple[str, ...] | None) -> list[tuple[str, str]]:
        return [(key, label) for key, label in labels.items() if chosen is None or key in chosen]

    where = [_value(policies, place.label, _at(place, readable)) for place in wanted.places]
    return (
        Axis(name="lieu", values=tuple(where)),
        axis("client", part(CLIENTS, wanted.clients), client),
        axis("système", part(PLATFORMS, wanted.platforms), platform),
        axis("appareil", part(DEVICES, wanted.devices), lambda one, key: both(device(one, key), demand(one, key))),
        axis("mode", part(FLOWS, wanted.flows), flow),
        axis("risque de connexion", part(SIGN_IN_RISKS, wanted.sign_in_risks), _sign_in_risk),
        axis("risque du compte", part(USER_RISKS, wanted.user_risks), _user_risk),
    )


def _at(place: Place, readable: Names) -> Told:
    return lambda policy: within(policy.locations, place, readable)


def _sign_in_risk(policy: Policy, value: str) -> bool:
    # An insider or agent risk is not what an ordinary sign-in has: such a policy protects none of them.
    return not policy.other_risk and risk(policy.sign_in_risks, value)


def _user_risk(policy: Policy, value: str) -> bool:
    return risk(policy.user_risks, value)
