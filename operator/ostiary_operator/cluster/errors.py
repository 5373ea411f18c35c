"""What can go wrong between us and the API server.

ClusterError
├── UnavailableError     no answer, 5xx or 429: the same call may work in a moment
└── RefusedError         the API server understood and said no
    ├── MissingError     404: no such object
    ├── ConflictError    409: somebody else was there first
    └── GoneError        410: the watch is too old, list again
"""


class ClusterError(Exception):
    """A call to the API server did not do what it was meant to do."""


class UnavailableError(ClusterError):
    """No answer, or one that says: not now."""


class RefusedError(ClusterError):
    """The API server refused; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class MissingError(RefusedError):
    """There is no such object."""


class ConflictError(RefusedError):
    """The object exists already, or has changed since it was read."""


class GoneError(RefusedError):
    """The version to watch from is no longer known."""
