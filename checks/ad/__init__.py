"""Active Directory: what one domain controller tells an ordinary account, and how safe that state is."""
