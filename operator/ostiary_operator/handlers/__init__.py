"""kopf: what it sees goes into the service, and nothing else happens here."""
