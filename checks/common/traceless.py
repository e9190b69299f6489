"""Import scapy without what it leaves behind: it would make folders and caches of 3 MB in the home of the account.

The audit runs on a machine that is not ours and leaves nothing there; a cache in a home could also be forged.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

_FOLDERS = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
"""What scapy looks at, once, when `scapy.main` is imported; it does without a folder that it cannot make."""
_NOWHERE = os.path.join(os.devnull, "none")  # noqa: PTH118 - a text, not a path that exists


@contextlib.contextmanager
def traceless() -> Iterator[None]:
    """While the block lasts, the folders of the account are nowhere: import scapy inside."""
    before = {name: os.environ.get(name) for name in _FOLDERS}
    os.environ.update(dict.fromkeys(_FOLDERS, _NOWHERE))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
