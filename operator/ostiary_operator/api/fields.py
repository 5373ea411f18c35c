"""Building blocks of the custom resources' fields: constraints that Python checks and the API server gets told."""

from typing import Annotated, Any

from msgspec import Meta

from ostiary_operator.api import patterns

CEL = "x-kubernetes-validations"


def cel(rule: str, message: str, field: str = "") -> dict[str, str]:
    """One rule in the Common Expression Language, which the API server checks; it says that `field` (`.name`) is wrong."""
    return {"rule": rule, "message": message, **({"fieldPath": field} if field else {})}


def doc(description: str, *rules: dict[str, str], **schema: Any) -> Meta:
    """What a field is for, and what only its JSON schema can say."""
    extra = {**schema, **({CEL: list(rules)} if rules else {})}
    return Meta(description=description, extra_json_schema=extra or None)


NO_DOTS = cel(
    "!(self + '/').contains('/./') && !(self + '/').contains('/../')",
    "must not have . or .. as a segment",
)

Label = Annotated[str, Meta(pattern=patterns.LABEL, max_length=63)]
ObjectName = Annotated[str, Meta(pattern=patterns.OBJECT_NAME, max_length=253)]
SecretEntry = Annotated[str, Meta(pattern=patterns.SECRET_ENTRY, max_length=253)]
Sha256 = Annotated[str, Meta(pattern=patterns.SHA256, max_length=64)]
Text = Annotated[str, Meta(pattern=patterns.TEXT, max_length=253)]
ModelPattern = Annotated[str, Meta(pattern=patterns.MODEL, max_length=256)]
BaseUrl = Annotated[str, Meta(pattern=patterns.BASE_URL, max_length=1024)]
ModelName = Annotated[str, Meta(pattern=patterns.CLIENT_MODEL, max_length=256)]
Alias = Annotated[str, Meta(pattern=patterns.ALIAS, max_length=256)]
BackendName = Annotated[str, Meta(pattern=patterns.BACKEND, max_length=320)]
Decimal = Annotated[str, Meta(pattern=patterns.PRICE, max_length=19)]
HeaderName = Annotated[str, Meta(pattern=patterns.HEADER_NAME, max_length=64)]
HeaderValue = Annotated[str, Meta(pattern=patterns.HEADER_VALUE, max_length=1024)]
Authority = Annotated[str, Meta(pattern=patterns.AUTHORITY, max_length=253)]
Seconds = Annotated[int, Meta(ge=0, le=2_147_483_647)]
