"""What a request costs, exactly, and how dear a target is beside others.

Pure: the prices are those of a manifest, of a list that a user mounts, or the ones that lie in the installed `genai-prices`
package. Nothing is fetched.
"""

from ostiary_gateway.pricing.blend import UNKNOWN, blended
from ostiary_gateway.pricing.book import PriceBook
from ostiary_gateway.pricing.exact import EXACT, ZERO, decimal, plain
from ostiary_gateway.pricing.published import context_length
from ostiary_gateway.pricing.rates import DEFAULT, Rates
from ostiary_gateway.pricing.table import Ceiling

__all__ = (
    "DEFAULT",
    "EXACT",
    "UNKNOWN",
    "ZERO",
    "Ceiling",
    "PriceBook",
    "Rates",
    "blended",
    "context_length",
    "decimal",
    "plain",
)
