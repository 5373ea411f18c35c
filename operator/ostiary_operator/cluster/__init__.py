"""Talking to the API server and to the gateway's pods: the only code of the operator that does, apart from kopf's watches."""
