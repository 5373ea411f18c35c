"""`Model`: a name that clients ask for, the backends that answer it, and what happens when one does not."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from ostiary_operator.api.conditions import Condition
from ostiary_operator.api.fields import CEL, Alias, ModelName, doc
from ostiary_operator.api.filters import FILTERS_ONCE, Catalogue, Filter
from ostiary_operator.api.metadata import Invalid, Metadata
from ostiary_operator.api.price import Price
from ostiary_operator.api.retrypolicy import Milliseconds, RetryPolicy
from ostiary_operator.api.routing import ProviderRef, Routing

Selection = Literal["Priority", "Weighted", "Cost", "Latency", "Balanced", "Quality"]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """A part of a Model."""


class Backend(_Part, frozen=True, kw_only=True):
    """One Provider's model that can answer."""

    provider_ref: Annotated[ProviderRef, doc("The Provider, in the same namespace.")]
    model: Annotated[
        Alias | None,
        doc(
            "What the Provider calls the model. By default the Model's name without the Provider's prefix; where it has a *, "
            "the name as the client asked for it."
        ),
    ] = None
    weight: Annotated[
        Annotated[int, Meta(ge=0, le=1000)],
        doc("Weighted: its share among the backends of one priority. 0, whatever the selection: where no other is left."),
    ] = 1
    priority: Annotated[
        Annotated[int, Meta(ge=0, le=100)], doc("Backends with a greater number are tried when none with a smaller one can be.")
    ] = 0
    price: Annotated[Price | None, doc("What it costs, instead of the Model's price or the list that Ostiary carries.")] = None


class Timeouts(_Part, frozen=True, kw_only=True):
    """How long things may take, in milliseconds; what is left out has the gateway's own limit."""

    attempt_milliseconds: Annotated[Milliseconds | None, doc("One attempt, as long as nothing of its answer was sent.")] = None
    first_byte_milliseconds: Annotated[Milliseconds | None, doc("Until the first byte of an answer.")] = None
    between_bytes_milliseconds: Annotated[Milliseconds | None, doc("Between two bytes of an answer.")] = None
    request_milliseconds: Annotated[Milliseconds | None, doc("The whole request: all attempts, and the answer to its end.")] = (
        None
    )


class Stream(_Part, frozen=True, kw_only=True):
    """For clients that stream."""

    keep_alive_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=3600)] | None,
        doc("Send a comment after this long without a byte, so that nothing on the way takes the connection for dead."),
    ] = None


class Limits(_Part, frozen=True, kw_only=True):
    """What a request may ask for. More is refused before anything is sent."""

    max_request_bytes: Annotated[Annotated[int, Meta(ge=1, le=1_073_741_824)] | None, doc("Largest request body.")] = None
    max_output_tokens: Annotated[
        Annotated[int, Meta(ge=1, le=100_000_000)] | None, doc("Most output tokens that a request may ask for.")
    ] = None


class ModelSpec(_Part, frozen=True, kw_only=True):
    """What clients ask for, who answers, and how."""

    schema: ClassVar[dict[str, object]] = {CEL: [FILTERS_ONCE]}

    name: Annotated[
        ModelName | None,
        doc(
            "What clients ask for; slashes are allowed. With *, which stands for any characters, what no other name fits. "
            "By default the name of the object."
        ),
    ] = None
    aliases: Annotated[tuple[Alias, ...], Meta(max_length=64), doc("Other names for it, in upper or lower case alike.")] = ()
    backends: Annotated[tuple[Backend, ...], Meta(min_length=1, max_length=32), doc("Who can answer.")]
    selection: Annotated[
        Selection,
        doc(
            "Which of the backends with the smallest priority number is tried first. Priority: in their order. "
            "Weighted: by weight. Cost: the cheapest. Latency: the fastest of late. Balanced: both. "
            "Quality: the best in the list that Ostiary carries."
        ),
    ] = "Priority"
    retry_policy: Annotated[RetryPolicy | None, doc("What happens when an attempt fails, instead of what is built in.")] = None
    timeouts: Annotated[Timeouts | None, doc("How long things may take.")] = None
    stream: Annotated[Stream | None, doc("For clients that stream.")] = None
    limits: Annotated[Limits | None, doc("What a request may ask for.")] = None
    price: Annotated[Price | None, doc("What every backend costs that does not say so itself.")] = None
    routing: Annotated[Routing | None, doc("Choosing a backend by what is asked.")] = None
    filters: Annotated[
        tuple[Filter, ...],
        Meta(max_length=8),
        doc("What looks at each request before it goes anywhere, one after another. Without any nobody does."),
    ] = ()
    catalogue: Annotated[Catalogue | None, doc("What GET /v1/models tells of it.")] = None


class ModelStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the model."""

    conditions: Annotated[tuple[Condition, ...], doc("Accepted, ResolvedRefs, Programmed, Ready, Priced.")] = ()
    name: Annotated[str, doc("The name in use: spec.name or the name of the object.")] = ""
    backends: Annotated[str, doc("How many backends can be used, of how many that are named: 2/3.")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Exactly one of `spec` and `invalid` is set."""

    kind: ClassVar[str] = "Model"
    metadata: Metadata
    spec: ModelSpec | None
    invalid: Invalid | None = None
    status: ModelStatus = field(default_factory=ModelStatus)

    @property
    def name(self) -> str:
        return (self.spec and self.spec.name) or self.metadata.name
