"""Walk a typed domain table and the tables below it (`[wifi]`, `[[wifi.inside]]`, `[[wifi.inside.target]]`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec


def tables(config: msgspec.Struct, path: str = "") -> Iterator[tuple[str, msgspec.Struct]]:
    """The table itself, then each table below it, with its path in the profile: `wifi.inside[0].target[2]`."""
    yield path, config
    for field in msgspec.structs.fields(config):
        value = getattr(config, field.name)
        below = f"{path}.{field.encode_name}" if path else field.encode_name
        if isinstance(value, msgspec.Struct):
            yield from tables(value, below)
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, msgspec.Struct):
                    yield from tables(item, f"{below}[{index}]")


def rebuilt(config: Any, change: Callable[[msgspec.Struct], dict[str, Any]]) -> Any:
    """The same tables, each with the fields that `change` gives for it replaced."""
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(config):
        value = getattr(config, field.name)
        if isinstance(value, msgspec.Struct):
            fields[field.name] = rebuilt(value, change)
        elif isinstance(value, tuple) and any(isinstance(item, msgspec.Struct) for item in value):
            fields[field.name] = tuple(
                rebuilt(item, change) if isinstance(item, msgspec.Struct) else item for item in value
            )
    fields |= change(config)
    return msgspec.structs.replace(config, **fields) if fields else config
