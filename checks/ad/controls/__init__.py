"""Control functions of the Active Directory domain: facts and context in, judgement out."""
