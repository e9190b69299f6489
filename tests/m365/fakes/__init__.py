"""Microsoft's services as they look from outside: sign-in, Graph, Exchange, compliance and Teams, over TLS on loopback.

`with FakeMicrosoft(folder, [tenants.standard(), tenants.premium()]) as fake:` then `fake.profile(tenant)` gives what the
profile needs, `fake.faults` what goes wrong, and `fake.log` every request received.
"""
