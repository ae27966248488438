"""What a worker is started with; apart from `api.tasks`, which brings in the models' libraries."""

from dataclasses import dataclass

__all__ = ["Config"]


@dataclass(frozen=True, slots=True)
class Config:
    """The Whisper model (None is the packaged one), and a worker's threads."""

    whisper_model: str | None = None
    threads: int = 1

    @property
    def options(self) -> "Config":
        """Where the Ray engine looks for the model that its nodes must have."""
        return self
