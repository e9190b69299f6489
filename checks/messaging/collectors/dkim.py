"""DKIM keys at declared and usual selectors."""

from __future__ import annotations

import asyncio
import secrets

import msgspec

from checks.common.dns import Answer, DnsClient
from checks.messaging.facts import DkimFacts, DkimSelector
from checks.messaging.parsers.dkim import looks_like_key
from checks.model import Gap

USUAL_SELECTORS = (
    *("selector1", "selector2"),  # Microsoft 365
    "google",
    *("default", "dkim", "dkim1", "mail", "smtp", "key1", "mta", "email"),  # Postfix, cPanel, Plesk and others
    *("k1", "k2", "k3", "mandrill"),  # Mailchimp
    *("s1", "s2"),  # SendGrid, Twilio
    *("gm1", "gm2", "gm3"),  # Gandi
    *("brevo1", "brevo2", "sib", "mailjet"),
    *("zoho", "zmail", "protonmail", "fm1", "hse1", "hse2"),
    *("s1-ionos", "s2-ionos"),
)
"""Public names used by mail services; a key found there is real, none found proves nothing."""


async def collect_dkim(dns: DnsClient, domain: str, declared: tuple[str, ...]) -> DkimFacts:
    """Ask for every declared and usual selector, and for a random one that only a wildcard can answer."""
    guesses = tuple(selector for selector in USUAL_SELECTORS if selector not in declared)
    decoy = f"x{secrets.token_hex(8)}"
    selectors = (decoy, *declared, *guesses)
    answers = await asyncio.gather(*(dns.ask(f"{selector}._domainkey.{domain}", "TXT") for selector in selectors))
    trap, asked = answers[0], dict(zip(selectors[1:], answers[1:], strict=True))
    wildcard = trap.gap() or trap.texts()
    if isinstance(wildcard, Gap):  # the same words at each audit, or a comparison would see a change
        wildcard = msgspec.structs.replace(wildcard, detail=wildcard.detail.replace(decoy, "(sélecteur au hasard)"))
    kept = [_selector(selector, asked[selector], declared=True) for selector in declared]
    kept += [
        _selector(selector, asked[selector], declared=False)
        for selector in guesses
        if asked[selector].texts() != trap.texts() and any(map(looks_like_key, asked[selector].texts()))
    ]
    return DkimFacts(
        selectors=tuple(kept),
        guessed=len(guesses),
        guess_failures=sum(asked[selector].gap() is not None for selector in guesses),
        wildcard=wildcard,
    )


def _selector(selector: str, answer: Answer, *, declared: bool) -> DkimSelector:
    return DkimSelector(
        selector=selector,
        declared=declared,
        records=answer.gap() or answer.texts(),
        target=answer.canonical,
    )
