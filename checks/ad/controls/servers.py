"""Member servers: that they still renew their password and still live."""

from __future__ import annotations

from checks.ad.directory import directory
from checks.ad.facts import NEVER, Account, AdFacts
from checks.ad.judging import Doubt, judge, older, since
from checks.model import Context, Judgement

NO_SERVER = "Aucun serveur Windows membre actif dans le domaine."


def password_90(facts: AdFacts, context: Context) -> Judgement:
    """Every enabled member server renewed its password in the last 90 days."""
    return _old_password(facts, context, 90)


def password_45(facts: AdFacts, context: Context) -> Judgement:
    """Every enabled member server renewed its password in the last 45 days.

    Servers beyond 90 days count here too: the thresholds are two levels of one question.
    """
    return _old_password(facts, context, 45)


def _old_password(facts: AdFacts, context: Context, days: int) -> Judgement:
    """Compare with the date of the collection, as the public text does; 0 is a machine that never joined."""

    def test(account: Account) -> Doubt:
        changed = account.pwd_last_set
        if changed is None:
            return None
        late = changed != NEVER and older(changed, days, context.now)
        return f"mot de passe du {since(changed, context.now)}" if late else ""

    return judge(
        facts,
        directory(facts).enabled_servers,
        test,
        good=f"Tous les serveurs ont renouvelé leur mot de passe depuis moins de {days} jours.",
        bad=(
            f"1 serveur n'a pas renouvelé son mot de passe depuis plus de {days} jours.",
            f"{{n}} serveurs n'ont pas renouvelé leur mot de passe depuis plus de {days} jours.",
        ),
        source="pwdLastSet des serveurs actifs",
        nothing=NO_SERVER,
    )


def inactive(facts: AdFacts, context: Context) -> Judgement:
    """Every enabled member server logged on in the last 90 days.

    One that never did is judged on its creation date.
    """

    def test(account: Account) -> Doubt:
        seen = account.created if account.last_logon == NEVER else account.last_logon
        if seen is None:
            return None
        return f"silencieux depuis le {since(seen, context.now)}" if older(seen, 90, context.now) else ""

    return judge(
        facts,
        directory(facts).enabled_servers,
        test,
        good="Tous les serveurs déclarés sont en activité.",
        bad=(
            "1 serveur déclaré actif ne donne plus signe de vie depuis 90 jours.",
            "{n} serveurs déclarés actifs ne donnent plus signe de vie depuis 90 jours.",
        ),
        source="lastLogonTimestamp des serveurs actifs",
        nothing=NO_SERVER,
    )
