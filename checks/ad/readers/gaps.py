"""Turns what went wrong while reading one part of the directory into a gap of the facts, in French."""

from __future__ import annotations

from checks.ad.transport.ber import MalformedMessage
from checks.ad.transport.directory import (
    ADMIN_LIMIT_EXCEEDED,
    BUSY,
    INSUFFICIENT_ACCESS_RIGHTS,
    NO_SUCH_OBJECT,
    REFERRAL,
    SIZE_LIMIT_EXCEEDED,
    TIME_LIMIT_EXCEEDED,
    UNAVAILABLE,
    LdapResultError,
)
from checks.common.text import clean
from checks.model import Gap, Reason

READ_ERRORS = (LdapResultError, MalformedMessage, OSError)
"""What reading a part of the directory may raise."""

_BY_CODE = {
    TIME_LIMIT_EXCEEDED: (Reason.TIMEOUT, "le contrôleur a atteint sa limite de temps"),
    SIZE_LIMIT_EXCEEDED: (Reason.PERMISSION, "le contrôleur a limité le nombre de réponses"),
    REFERRAL: (Reason.UNSUPPORTED, "cette partie est tenue par un autre serveur et le renvoi n'est pas suivi"),
    ADMIN_LIMIT_EXCEEDED: (Reason.TIMEOUT, "le contrôleur a atteint une de ses limites d'administration"),
    NO_SUCH_OBJECT: (Reason.PERMISSION, "l'emplacement n'est pas visible pour le compte de lecture"),
    INSUFFICIENT_ACCESS_RIGHTS: (Reason.PERMISSION, "le compte de lecture n'en a pas le droit"),
    BUSY: (Reason.UNREACHABLE, "le contrôleur est occupé"),
    UNAVAILABLE: (Reason.UNREACHABLE, "le contrôleur est indisponible"),
}


def gap_of(error: Exception, what: str) -> Gap:
    """Gap for `what` (a French noun phrase) after one of `READ_ERRORS`."""
    if isinstance(error, LdapResultError):
        reason, why = _BY_CODE.get(
            error.code, (Reason.ERROR, f"code LDAP {error.code} {clean(error.message, 150)}".strip())
        )
    elif isinstance(error, TimeoutError):
        reason, why = Reason.TIMEOUT, "le contrôleur n'a pas répondu à temps"
    elif isinstance(error, MalformedMessage):
        reason, why = Reason.MALFORMED, "la réponse du contrôleur ne suit pas le protocole LDAP"
    else:
        reason, why = Reason.UNREACHABLE, "la connexion au contrôleur a été coupée"
    return Gap(reason=reason, detail=f"Lecture impossible : {what} ({why}).")


def hidden(what: str) -> Gap:
    """Gap for something that exists in every directory but was not shown to the reading account."""
    return Gap(reason=Reason.PERMISSION, detail=f"Le compte de lecture ne voit pas : {what}.")
