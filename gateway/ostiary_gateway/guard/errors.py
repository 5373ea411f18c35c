"""Why an attempt ends before its answer does. Translated once, in `attempts`.

AttemptError
├── OutOfTimeError: one of the order's limits; nginx hears `timeout`
├── BrokenError: no connection, or it broke, or the answer does not fit what was begun; nginx hears `connection`
└── LeftError: nginx closed its connection: nobody hears anything
"""


class AttemptError(Exception):
    """Never leaves the package."""


class OutOfTimeError(AttemptError):
    """The provider took too long."""


class BrokenError(AttemptError):
    """The provider cannot be reached, or did not come to the end of its answer."""


class LeftError(AttemptError):
    """There is nobody any more to whom an answer could be passed on."""
