"""What can go wrong for good.

SupervisorError
├── StartError: nothing can be served here; one line for a person, exit code 1
└── ConfigurationError: nginx refuses a candidate; what is in force stays, and the report says why
"""


class SupervisorError(Exception):
    """The message is one line, meant for a person."""


class StartError(SupervisorError):
    """Something that only a person can put right: a missing program, an unwritable folder, an impossible setting."""


class ConfigurationError(SupervisorError):
    """`nginx -t` said no; the message is its first error."""
