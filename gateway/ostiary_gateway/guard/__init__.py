"""The guard: carries one attempt to a provider where nginx alone cannot time it, keep it alive or read it to its end.

nginx sends it the complete request over `run/guard.sock`, with an order in the header `X-Ostiary-Guard`; the guard sends it
to the provider and streams the answer back. It chooses nothing, retries nothing and keeps nothing but the usage of replies
whose client may leave early. What it says of a provider that gave no answer is a status and a header (see `relay`).
"""
