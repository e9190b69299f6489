"""Rooms of a domain that offers documents, or fails to."""

from __future__ import annotations

from typing import Any

import msgspec

from checks.common.documents import Column, Document, Sheet
from checks.model import Context


class Facts(msgspec.Struct):
    names: tuple[str, ...] = ()


def documents(facts: Facts, context: Context) -> tuple[Document, ...]:
    said = str(context.answers.get("who", ""))
    sheet = Sheet(name="S", columns=(Column(title="a", width=9),), rows=((said,), (f"{context.now:%Y}",)))
    return tuple(Document(name=name, title=name, sheets=(sheet,)) for name in facts.names)


def crash(facts: Facts, context: Context) -> Any:
    raise RuntimeError("hunter2")


def text(facts: Facts, context: Context) -> Any:
    return "abc"
