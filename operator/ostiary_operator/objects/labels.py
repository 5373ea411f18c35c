"""The labels and annotations by which we know our own objects."""

from ostiary_operator.api import names

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "ostiary"
APIKEY = "ostiary.dev/apikey"  # label of the Secret that belongs to an ApiKey: the ApiKey's uid


def bundle_labels(bundle: str) -> dict[str, str]:
    return {MANAGED_BY: MANAGER, names.BUNDLE: bundle}


def bundle_selector(bundle: str) -> str:
    """The same as the API server wants to be asked."""
    return f"{names.BUNDLE}={bundle}"
