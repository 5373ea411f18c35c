"""What the fields' texts may look like, in the part of regular expressions that Go and Python read alike.

Each has its meaning in words, for messages. `$` ends a text in Go; in Python it also stands
before a last line end; `api.decode` therefore refuses control characters in any text first.
"""

_DNS_LABEL = "[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?"
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

LABEL = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
OBJECT_NAME = "^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$"
SECRET_ENTRY = "^[-._a-zA-Z0-9]{1,253}$"  # noqa: S105 - the name of a key of a Secret
SHA256 = "^[0-9a-f]{64}$"
TEXT = r"^[^\x00-\x1f\x7f]*$"
MODEL = "^[!-{}~]+$"  # printable ASCII without the bar, which separates patterns in the allow-list
CLIENT_MODEL = "^[-A-Za-z0-9._~:/@+,=*]+$"
ALIAS = "^[-A-Za-z0-9._~:/@+,=]+$"
BACKEND = "^[a-z0-9][-a-z0-9]*/[-A-Za-z0-9._~:/@+,=]+$"
STATUS_RANGE = "^[1-5][0-9][0-9]-[1-5][0-9][0-9]$"
PRICE = r"^[0-9]{1,9}(\.[0-9]{1,9})?$"
AMOUNT = r"^([0-9]{0,8}[1-9][0-9]{0,8}(\.[0-9]{1,9})?|0{1,9}\.[0-9]{0,8}[1-9][0-9]{0,8})$"
TIME_ZONE = "^[A-Za-z][-A-Za-z0-9_+]*(/[A-Za-z0-9][-A-Za-z0-9_+]*){0,2}$"
LABEL_NAME = "^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE = "^([A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?$"
HEADER_NAME = "^[A-Za-z0-9][-A-Za-z0-9]*$"  # no underscore: many servers take it for a dash, or drop the header
HEADER_VALUE = "^[!-~]([ -~]*[!-~])?$"
ROUTE = "^[-A-Za-z0-9._]+$"
REGION = "^[a-z][-a-z0-9]*$"
PROJECT = "^[a-z][-a-z0-9.:]*$"
API_VERSION = "^[-A-Za-z0-9.]+$"
AUTHORITY = rf"^{_DNS_LABEL}(\.{_DNS_LABEL})*(:{_PORT})?$"
BASE_URL = rf"^https?://({_DNS_LABEL}(\.{_DNS_LABEL})*|\[[0-9A-Fa-f:.]+\])(:{_PORT})?(/[-A-Za-z0-9._~:@+,=]+)*/?$"

MEANINGS = {
    LABEL: "must be lower-case letters, digits and '-', with a letter or digit first and last, at most 63",
    OBJECT_NAME: "must be the name of an object: lower-case letters, digits, '-' and '.', at most 253",
    SECRET_ENTRY: "must be the name of an entry of a Secret: letters, digits, '-', '_' and '.', at most 253",
    SHA256: "must be 64 lower-case hex digits: the SHA-256 of the key, not the key",
    TEXT: "must not contain control characters",
    MODEL: "must be a pattern over <prefix>/<model>: printable ASCII without spaces and '|'",
    CLIENT_MODEL: "must be letters, digits and -._~:/@+,= with * for any characters",
    ALIAS: "must be letters, digits and -._~:/@+,= without *",
    BACKEND: "must be <provider prefix>/<model>",
    STATUS_RANGE: "must be a status or a range of two, as 502-504, between 100 and 599",
    PRICE: "must be a decimal number, as 0.15, with at most nine digits before and after the point",
    AMOUNT: "must be a decimal number above 0, as 25.50, with at most nine digits before and after the point",
    TIME_ZONE: "must be the name of a time zone, as Europe/Berlin",
    LABEL_NAME: "must be the name of a label",
    LABEL_VALUE: "must be the value of a label: letters, digits, '-', '_' and '.', at most 63",
    HEADER_NAME: "must be the name of a header: letters, digits and '-'",
    HEADER_VALUE: "must be printable ASCII, without a space first or last",
    ROUTE: "must be letters, digits, '-', '_' and '.'",
    REGION: "must be the name of a region: lower-case letters, digits and '-'",
    PROJECT: "must be the id of a project: lower-case letters, digits, '-', '.' and ':'",
    API_VERSION: "must be a version of Azure's API, as 2024-10-21 or preview",
    AUTHORITY: "must be host[:port]",
    BASE_URL: "must be http(s)://host[:port][/path], without user, query or fragment",
}
