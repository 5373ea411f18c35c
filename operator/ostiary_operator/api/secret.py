"""Secrets, as far as they are referred to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ostiary_operator.api.metadata import Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Its data never shows in a representation, so it cannot slip into a log or a traceback."""

    metadata: Metadata
    data: Mapping[str, bytes] = field(repr=False)
