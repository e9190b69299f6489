"""`python -m lab`: the laboratory without the agent."""

from __future__ import annotations

import argparse
import sys

from lab import cli


def main() -> int:
    """Parse and run one sub-command."""
    parser = argparse.ArgumentParser(prog="python -m lab", description="Laboratoire d'Ausculte")
    cli.add_commands(parser)
    return cli.run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
