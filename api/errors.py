"""What the service says when it cannot do something: each an HTTP status and a sentence.

::

    ServiceError
    ├── BadOptionError   422  an option or a value cannot be used
    ├── NotFoundError    404  no such recording, or somebody else's
    ├── ConflictError    409  not in this state (no report yet, key used for another recording)
    ├── TooLargeError    413  more bytes than the limit
    ├── TooManyError     429  too many uploads, or too many waiting; `retry_after_s` says when
    ├── DamagedError     500  a stored file is not as it was written
    ├── LockedError      503  the operator's passphrase was not given yet
    ├── AwayError        503  the database cannot be reached
    └── FullError        507  the disk is full
"""

from detector.errors import DetectorError

__all__ = [
    "AwayError",
    "BadOptionError",
    "ConflictError",
    "DamagedError",
    "FullError",
    "LockedError",
    "NotFoundError",
    "ServiceError",
    "TooLargeError",
    "TooManyError",
]


class ServiceError(DetectorError):
    """An answer to a request: `detail` in Chinese, `detail_en` in English, never a call's words."""

    status = 500
    title = "Internal error"
    retry_after_s: int | None = None

    def __init__(
        self,
        detail: str,
        detail_en: str,
        *,
        status: int | None = None,
        title: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{detail} ({detail_en})")
        self.detail, self.detail_en = detail, detail_en
        self.status = status or type(self).status
        self.title = title or type(self).title
        self.retry_after_s = retry_after_s or type(self).retry_after_s


class BadOptionError(ServiceError):
    """An option or a value cannot be used."""

    status, title = 422, "Bad option"


class NotFoundError(ServiceError):
    """There is no such thing, or it belongs to somebody else."""

    status, title = 404, "Not found"

    def __init__(
        self,
        detail: str = "没有这个录音,可能已经删除。",
        detail_en: str = "No such recording; it may have been deleted.",
    ) -> None:
        super().__init__(detail, detail_en)


class ConflictError(ServiceError):
    """It cannot be done in the state in which the recording is."""

    status, title = 409, "Conflict"


class TooLargeError(ServiceError):
    """More bytes than are taken."""

    status, title = 413, "Too large"


class TooManyError(ServiceError):
    """Too many requests, or too many recordings waiting."""

    status, title = 429, "Too many requests"
    retry_after_s = 60


class DamagedError(ServiceError):
    """A stored file is not as it was written, or was sealed under another key."""

    status, title = 500, "Damaged file"

    def __init__(
        self,
        detail: str = "服务器上的文件已损坏,请联系管理员用备份恢复,或重新上传。",
        detail_en: str = "A stored file is damaged; restore it from a backup or upload it again.",
    ) -> None:
        super().__init__(detail, detail_en)


class LockedError(ServiceError):
    """The operator has set a passphrase and not given it since the start."""

    status, title = 503, "Locked"
    retry_after_s = 60

    def __init__(
        self,
        detail: str = "服务还没有解锁,请管理员输入口令后再试。",
        detail_en: str = "The service is locked; its operator has to give the passphrase.",
    ) -> None:
        super().__init__(detail, detail_en)


class AwayError(ServiceError):
    """The database cannot be reached now."""

    status, title = 503, "Database away"
    retry_after_s = 5

    def __init__(
        self,
        detail: str = "数据库暂时连不上,请稍后再试;已收下的录音不会丢失。",
        detail_en: str = "The database cannot be reached; try again soon. Nothing is lost.",
    ) -> None:
        super().__init__(detail, detail_en)


class FullError(ServiceError):
    """The disk is full."""

    status, title = 507, "Insufficient storage"
    retry_after_s = 600

    def __init__(
        self,
        detail: str = "服务器磁盘空间不足,没有收下;请联系管理员腾出空间后再试。",
        detail_en: str = "The server's disk is full; nothing was stored.",
    ) -> None:
        super().__init__(detail, detail_en)
