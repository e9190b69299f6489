"""`python -m agent` is the same as `ausculte`."""

import sys

from agent.cli import main

sys.exit(main())
