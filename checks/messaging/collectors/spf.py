"""SPF: the records, then everything their evaluation asks for, one round trip per depth of the tree."""

from __future__ import annotations

import asyncio

import msgspec

from checks.common.dns import Answer, DnsClient, Status
from checks.common.suffix import Registrable
from checks.messaging.facts import SpfEvaluation, SpfFacts, SpfNode
from checks.messaging.parsers.spf import Problem, is_spf
from checks.messaging.parsers.spf_eval import SpfAnswer, evaluate, missing_questions
from checks.model import Gap, Reason

MAX_QUESTIONS = 400
"""DNS questions for the policy of one domain; a policy within the RFC limits needs fewer than 130."""
MAX_ROUNDS = 15


async def collect_spf(dns: DnsClient, domain: str, registrable: Registrable) -> SpfFacts | Gap:
    """SPF of one domain, as published and as evaluated."""
    answer = await dns.ask(domain, "TXT")
    gap = answer.gap()
    if gap is not None:
        return gap
    texts = answer.texts()
    records = tuple(text for text in texts if is_spf(text))
    lookalikes = tuple(text for text in texts if not is_spf(text) and _resembles(text))
    if len(records) != 1:
        return SpfFacts(records=records, lookalikes=lookalikes)
    evaluation = await _evaluate(dns, domain, answer)
    nodes = await asyncio.gather(*(_could_be_bought(dns, node, registrable) for node in evaluation.nodes))
    evaluation = msgspec.structs.replace(evaluation, nodes=tuple(nodes))
    return SpfFacts(records=records, lookalikes=lookalikes, evaluation=evaluation)


def _resembles(text: str) -> bool:
    """True for a text meant as SPF that receivers ignore, such as `v=spf1;` or `spf1 include:`."""
    head = "".join(text[:24].lower().split()).strip('"')
    return head.startswith(("v=spf", "v:spf", "spf1", "spf2.0"))


async def _evaluate(dns: DnsClient, domain: str, root: Answer) -> SpfEvaluation:
    zone = {(domain, "TXT"): as_spf(root)}
    for _ in range(MAX_ROUNDS):
        wanted = sorted(missing_questions(zone, domain))
        if not wanted:
            return evaluate(zone, domain)
        if len(zone) + len(wanted) > MAX_QUESTIONS:
            break
        answers = await asyncio.gather(*(dns.ask(name, kind) for name, kind in wanted))
        zone.update(zip(wanted, map(as_spf, answers), strict=True))
    partial = evaluate(zone, domain)
    gap = Gap(reason=Reason.UNSUPPORTED, detail=f"La politique SPF de {domain} demande trop de questions DNS.")
    return msgspec.structs.replace(partial, failures=(*partial.failures, gap))


def as_spf(answer: Answer) -> SpfAnswer:
    """A DNS answer reduced to what SPF reads."""
    match answer.type:
        case "TXT":
            values = answer.texts()
        case "MX":
            names = (record.exchange.to_text(omit_final_dot=True).lower() for record in answer.records)
            values = tuple("" if name in ("@", ".") else name for name in names)
        case _:
            values = tuple(record.address for record in answer.records)
    return SpfAnswer(status=answer.status, values=values, gap=answer.gap())


async def _could_be_bought(dns: DnsClient, node: SpfNode, registrable: Registrable) -> SpfNode:
    """For a name that does not exist, tell whether its registrable domain is missing too."""
    if node.problem != Problem.NXDOMAIN:
        return node
    answer = await dns.ask(registrable(node.domain), "SOA")
    missing = answer.gap() or answer.status is Status.NXDOMAIN
    return msgspec.structs.replace(node, registrable_missing=missing)
