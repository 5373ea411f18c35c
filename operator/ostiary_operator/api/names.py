"""Every name that Ostiary uses in the Kubernetes API: group, kinds, annotations, keys of Secrets."""

GROUP = "ostiary.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "ostiary"
PROVIDER = "Provider"
API_KEY = "ApiKey"
MODEL = "Model"
BUDGET = "Budget"
KINDS = (PROVIDER, MODEL, API_KEY, BUDGET)

# On an ApiKey, by its owner: any new value asks for a rotation.
ROTATE = f"{GROUP}/rotate"

# On the key Secret, by the operator: the truth about rotation, which status only shows.
KEY_VERSION = f"{GROUP}/key-version"
ROTATED_AT = f"{GROUP}/rotated-at"
RETIRING_UNTIL = f"{GROUP}/retiring-until"
OBSERVED_ROTATE = f"{GROUP}/observed-rotate"

# On a gateway's Pod, by its sidecar: the bundle in force there, when retiring keys were last used, which backends are out of use.
BUNDLE = f"{GROUP}/bundle"
RETIRING_KEYS = f"{GROUP}/retiring-keys"
HEALTH = f"{GROUP}/health"

# Keys of the key Secret. `generate` keeps the key itself, `secretRef` only hashes (the key is in the user's Secret).
SECRET_KEY = "api-key"  # noqa: S105 - the name of a key of a Secret, not its value
SECRET_PREVIOUS = "previous-api-key"  # noqa: S105
SECRET_SHA256 = "sha256"  # noqa: S105
SECRET_PREVIOUS_SHA256 = "previous-sha256"  # noqa: S105

_SUFFIX = "-key"
_LONGEST = 253


def key_secret(api_key: str) -> str:
    """Name of the Secret that holds the key of an ApiKey (`generate`), or the hashes of its values (`secretRef`)."""
    return api_key[: _LONGEST - len(_SUFFIX)] + _SUFFIX
