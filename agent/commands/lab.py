"""`ausculte lab`: the test laboratory (Linux, root)."""

from __future__ import annotations

import argparse

from lab import cli


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verbs of the laboratory."""
    cli.add_commands(parser)


def run(args: argparse.Namespace) -> int:
    """Hand over to the laboratory."""
    return cli.run(args)
