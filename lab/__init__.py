"""The laboratory: a small establishment made of real servers, in Linux network namespaces.

`site.toml` is the only description of the site (hosts, services, faults); the runner starts it, the files of
`expected/` say which verdict every control must reach on it. Everything in it is fictional.
"""
