"""Which of a Model's targets suits one prompt best, and why (GZ-20, PL-26).

Pure, except for the one module that asks a scoring model.
"""

from ostiary_gateway.routing.ranking import quality

__all__ = ("quality",)
