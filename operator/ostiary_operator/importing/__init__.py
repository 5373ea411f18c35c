"""The configuration that people run today -> manifests and settings of Ostiary, and what could not be expressed.

Pure: text in, values out. Secrets stay references; one that stood in the text in plain is in `Imported.secrets` and nowhere else.
"""

from ostiary_operator.importing.litellm import litellm
from ostiary_operator.importing.lmgate import lmgate
from ostiary_operator.importing.located import UnreadableError
from ostiary_operator.importing.outcome import Imported, Manifest, Note, Surroundings
from ostiary_operator.importing.plano import plano

__all__ = ["Imported", "Manifest", "Note", "Surroundings", "UnreadableError", "litellm", "lmgate", "plano"]
