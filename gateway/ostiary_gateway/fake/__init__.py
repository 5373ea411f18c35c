"""A provider to talk to: replies shaped like the real APIs', scripted by the name of the model.

For tests, benchmarks and `make run`. It is as strict as the real providers about credentials and about every field of a request
(`strict`), so that a gateway that forgets or invents one is caught.
"""
