"""Conversations of the Responses API that the gateway keeps, so that they can go on with any provider (PL-32).

`history` is what a request means that names a response before it (pure); a `Store` has the responses: in memory, in a SQLite
file or in PostgreSQL. The guard puts the two together.
"""
