"""Which protection policy of Exchange Online applies to whom.

For each kind of policy (malware, spam, phishing, links, attachments) the first that covers a mailbox wins: the strict
preset, the standard preset, custom policies by priority, then the default one or the built-in protection (Microsoft,
order of precedence of email protection; ScubaGear follows the same). A rule that names only some people leaves the
others to the next one.
"""

from __future__ import annotations

from checks.m365.controls.seen import Seen, Unclear, name_of
from checks.m365.resources import BY_NAME
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import Gap, Reason, Record

PRESETS = ("Strict Preset Security Policy", "Standard Preset Security Policy")
_WHO = ("SentTo", "SentToMemberOf")
_EXCEPT = ("ExceptIfSentTo", "ExceptIfSentToMemberOf", "ExceptIfRecipientDomainIs")


class Kind(Record, frozen=True, kw_only=True):
    """One kind of protection policy."""

    policies: str
    rules: str
    link: str
    """Property of a rule that names its policy."""
    presets: str
    """Reading of the rules of the presets that give this protection."""


MALWARE = Kind(policies="malware", rules="malware_rules", link="MalwareFilterPolicy", presets="protection_rules")
SPAM = Kind(
    policies="content_filter",
    rules="content_filter_rules",
    link="HostedContentFilterPolicy",
    presets="protection_rules",
)
PHISHING = Kind(policies="anti_phish", rules="anti_phish_rules", link="AntiPhishPolicy", presets="protection_rules")
LINKS = Kind(policies="safe_links", rules="safe_links_rules", link="SafeLinksPolicy", presets="atp_rules")
ATTACHMENTS = Kind(
    policies="safe_attachments", rules="safe_attachment_rules", link="SafeAttachmentPolicy", presets="atp_rules"
)


class Applied(Record, frozen=True, kw_only=True):
    """A policy that protects somebody."""

    policy: dict[str, object]
    everyone: bool
    """It covers all who no earlier policy covers."""
    preset: str = ""
    certain: bool = True
    """False: whether it applies is unknown, its rule could not be read."""


def applied(seen: Seen, kind: Kind, *properties: str) -> list[Applied]:
    """The policies of one kind that protect somebody, first those that win; nothing is said of the mailboxes left out.

    Raises `Unclear` when the policies, or the rules of the presets, could not be read.
    """
    policies = seen.rows(kind.policies, "Identity", *properties)
    found: list[Applied] = []
    presets = _preset_rules(seen, kind, policies)
    for preset in PRESETS:
        policy = next((row for row in policies if preset_of(row) == preset), None)
        rules = [rule for rule in presets if _rule_name(rule) == preset and is_on(rule)]
        if policy is None or not rules:
            continue
        whole = any(covers_everyone(seen, rule) for rule in rules)
        found.append(Applied(policy=dict(policy), everyone=whole, preset=preset))
        if whole:
            return found
    custom = [row for row in policies if not preset_of(row) and not is_fallback(row)]
    rules_read = seen.maybe(kind.rules, "State") if custom else ()
    if isinstance(rules_read, Gap):
        seen.doubt(rules_read)
        found += [Applied(policy=dict(row), everyone=False, certain=False) for row in custom]
    else:
        for rule in sorted((rule for rule in rules_read if is_on(rule)), key=_priority):
            policy = next((row for row in custom if _links(rule, kind.link, row)), None)
            if policy is None:
                continue
            whole = covers_everyone(seen, rule)
            found.append(Applied(policy=dict(policy), everyone=whole))
            if whole:
                return found
    certain = not isinstance(rules_read, Gap)
    return found + [Applied(policy=dict(row), everyone=True, certain=certain) for row in policies if is_fallback(row)]


def _preset_rules(seen: Seen, kind: Kind, policies: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rules of the presets; without any preset among the policies, none can apply."""
    if not any(preset_of(row) for row in policies):
        return ()
    return seen.rows(kind.presets, "State")


def preset_of(row: Row) -> str:
    """Which preset a policy belongs to; empty for the others. Its name ends with a number that Microsoft adds."""
    name, recommended = name_of_policy(row), values.word(row, "RecommendedPolicyType")
    for preset in PRESETS:
        if name.startswith(preset) or recommended == preset.partition(" ")[0].lower():
            return preset
    return ""


def name_of_policy(row: Row) -> str:
    """The identity, which rules refer to."""
    return values.text(row, "Identity") or name_of(row)


def is_fallback(row: Row) -> bool:
    """The default policy, or the protection that Microsoft gives to whoever has no other."""
    return bool(values.flag(row, "IsDefault") or values.flag(row, "IsBuiltInProtection"))


def is_on(rule: Row) -> bool:
    """Whether a rule is enabled."""
    return values.word(rule, "State") == "enabled"


def covers_everyone(seen: Seen, rule: Row) -> bool:
    """No condition and no exception, or all the domains of the tenant; a doubt when that is not known."""
    if any(rule.get(name) for name in (*_WHO, *_EXCEPT)):
        return False
    domains = {name.lower() for name in values.texts(rule, "RecipientDomainIs")}
    if not domains:
        return True
    accepted = seen.maybe("accepted_domains", "DomainName")
    if isinstance(accepted, Gap):
        own = {name.lower() for name in seen.facts.tenant.domains}
    else:
        own = {values.word(row, "DomainName") for row in accepted}
    return bool(own) and own <= domains


def _rule_name(rule: Row) -> str:
    name = values.text(rule, "Identity") or values.text(rule, "Name")
    return next((preset for preset in PRESETS if name.startswith(preset)), "")


def _links(rule: Row, link: str, policy: Row) -> bool:
    wanted = values.word(rule, link) or values.word(rule, "Name")
    return wanted in (values.word(policy, "Identity"), values.word(policy, "Name"))


def _priority(rule: Row) -> int:
    found = values.number(rule, "Priority")
    return found if found is not None else 1_000


def nobody(kind: Kind) -> Unclear:
    """The gap when no policy in force was seen, not even the one that Microsoft gives to who has no other."""
    detail = (
        f"Aucune politique en vigueur n'a été vue dans « {BY_NAME[kind.policies].path} » : à regarder dans le portail."
    )
    return Unclear(Gap(reason=Reason.UNSUPPORTED, detail=detail))
