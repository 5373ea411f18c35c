"""Does a gateway count what was used? A scripted provider, a client and a table of cases, for any gateway.

The provider and the client are in one process, so what was truly used is known to the byte: what the provider reported,
or else the text that it had sent when the stream ended, counted by a tokenizer. A `Meter` reads what the gateway charged.
"""
