"""Everything that can go wrong and is the user's to mend.

::

    DetectorError            exit code 2; the message says what to do next
    ├── OptionError          an option or a facts file cannot be used
    ├── InputError           a file that was handed in cannot be used
    │   ├── RecordingError   ... as a recording
    │   └── TextFormatError  ... as a message export, transcript or call script
    ├── ModelError           a Whisper or classifier model is missing or damaged
    └── OutputError          a result cannot be written
"""

__all__ = [
    "DetectorError",
    "InputError",
    "ModelError",
    "OptionError",
    "OutputError",
    "RecordingError",
    "TextFormatError",
]


class DetectorError(Exception):
    """Base of all errors whose message is meant for the user."""

    exit_code = 2


class OptionError(DetectorError):
    """An option or a facts file cannot be used."""


class InputError(DetectorError):
    """A file that was handed in cannot be used."""


class RecordingError(InputError):
    """A file cannot be used as a recording."""


class TextFormatError(InputError):
    """A file cannot be used as a message export, transcript or call script."""


class ModelError(DetectorError):
    """A Whisper or classifier model is missing or damaged."""


class OutputError(DetectorError):
    """A result cannot be written."""
