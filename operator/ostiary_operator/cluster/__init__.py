"""Talking to the API server: the only code of the operator that does, apart from kopf's own watches."""
