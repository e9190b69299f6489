"""How bytes come from a domain controller: LDAP, TLS, SMB. Nothing here knows what the bytes mean."""
