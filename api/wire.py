"""A recording of the store as it goes over the wire."""

from api.models import Counts, Problem, Progress, RecordingOut
from api.problems import problem_of
from api.recordings import Recording

__all__ = ["shown"]

_ALWAYS = ("events", "audio")
_DONE = ("report", "review", "waveform", "evidence")


def shown(recording: Recording) -> RecordingOut:
    """Return what an owner sees of a recording."""
    base = f"/v1/recordings/{recording.id}"
    names = (*_ALWAYS, *(_DONE if recording.state == "done" else ()))
    counts = None
    if recording.flagged is not None:
        counts = Counts(flag=recording.flagged, review=recording.to_review or 0)
    step = recording.progress
    values = {
        "id": recording.id,
        "name": recording.name,
        "state": recording.state,
        "progress": step and Progress(step=step.step, done_s=step.done_s, total_s=step.total_s),
        "queue_position": recording.queue_position,
        "created_at": recording.created_at,
        "finished_at": recording.finished_at,
        "expires_at": recording.expires_at,
        "bytes": recording.bytes,
        "duration_s": recording.duration_s,
        "counts": counts,
        "urgent": recording.urgent,
        "error": Problem(**problem_of(recording.error)) if recording.error else None,
        "links": {"self": base} | {name: f"{base}/{name}" for name in names},
    }
    return RecordingOut.model_validate(values)
