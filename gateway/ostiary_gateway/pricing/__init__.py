"""What a token costs, as far as choosing between targets needs to know.

Pure: the prices are those of a manifest, or the ones that lie in the installed `genai-prices` package. Nothing is fetched.
"""

from ostiary_gateway.pricing.blend import UNKNOWN, blended

__all__ = ("UNKNOWN", "blended")
