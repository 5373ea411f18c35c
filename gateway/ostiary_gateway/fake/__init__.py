"""A provider to talk to: replies shaped like the real APIs', scripted by the name of the model.

For tests, benchmarks and `make run`. It is as strict as a real provider about credentials and required fields, so that
a gateway that forgets one is caught.
"""
