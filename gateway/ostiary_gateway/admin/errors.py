"""What the admin API answers where it does not do what it was asked.

    AdminError
    |-- RequestError        400  the request cannot be read
    |-- UnauthorizedError   401  no token, or one that nobody knows
    |-- ForbiddenError      403  a viewer wants to write, or Kubernetes says no
    |-- MissingError        404  there is no such object
    |-- MethodError         405  the path knows other methods
    |-- ConflictError       409  there is one of that name; somebody else changed it; it cannot be changed here
    |-- ChangedError        412  it is no longer what If-Match says
    |-- TooLargeError       413  the body is longer than an object may be
    |-- MediaTypeError      415  the body is no JSON by its Content-Type
    |-- InvalidError        422  the object is not as its schema says
    `-- UnavailableError    503  where the objects or numbers are cannot be reached

All have one shape: `{"error": {"message", "type", "code"}}`. No message quotes a value of a body: it might be a key.
"""

from typing import ClassVar


class AdminError(Exception):
    """`code` tells programs what `message` tells people."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code = "internal_error"

    def __init__(self, message: str, code: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.headers = headers or {}

    def body(self) -> dict[str, dict[str, str]]:
        return {"error": {"message": self.message, "type": self.type, "code": self.code}}


class RequestError(AdminError):
    status = 400
    type = "invalid_request_error"
    code = "bad_request"


class UnauthorizedError(AdminError):
    status = 401
    type = "authentication_error"
    code = "unauthorized"


class ForbiddenError(AdminError):
    status = 403
    type = "permission_error"
    code = "forbidden"


class MissingError(AdminError):
    status = 404
    type = "not_found_error"
    code = "not_found"


class MethodError(AdminError):
    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class ConflictError(AdminError):
    status = 409
    type = "conflict_error"
    code = "conflict"


class ChangedError(AdminError):
    status = 412
    type = "conflict_error"
    code = "changed"


class TooLargeError(AdminError):
    status = 413
    type = "invalid_request_error"
    code = "too_large"


class MediaTypeError(AdminError):
    status = 415
    type = "invalid_request_error"
    code = "unsupported_media_type"


class InvalidError(AdminError):
    status = 422
    type = "invalid_request_error"
    code = "invalid"


class UnavailableError(AdminError):
    status = 503
    code = "unavailable"
