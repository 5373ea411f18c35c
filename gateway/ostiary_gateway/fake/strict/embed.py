"""Google's embedContent and batchEmbedContents ("Embeddings" of the API reference)."""

from typing import Annotated, Any

from msgspec import Meta

from ostiary_gateway.fake.strict.generate import CamelForm, Content, camel
from ostiary_gateway.fake.strict.shape import Problem, Refused, fit, need


class One(CamelForm):
    content: Content
    model: str | None = None
    task_type: str | None = None
    title: str | None = None
    output_dimensionality: Annotated[int, Meta(ge=1)] | None = None
    embed_content_config: dict[str, Any] | None = None


class Batch(CamelForm):
    requests: Annotated[list[One], Meta(min_length=1)]


def check(body: object, *, batch: bool = True) -> Problem | None:
    """What the API would refuse; in a batch each request names its model."""
    try:
        if batch:
            for number, one in enumerate(fit(camel(body), Batch).requests):
                text = (
                    f"* BatchEmbedContentsRequest.requests[{number}].model: model is required and must be a valid resource name"
                )
                need(one.model and one.model.startswith("models/"), f"requests[{number}].model", text)
        else:
            fit(camel(body), One)
    except Refused as refused:
        return refused.problem
    return None
