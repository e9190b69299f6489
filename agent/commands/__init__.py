"""One module a verb: `add_arguments(parser)` stays light, `run(args)` imports what it needs."""
