"""Reading a form while it comes in: the parts of a multipart body as a stream of events.

A file's bytes are handed on as they arrive; of the other fields only so much is kept as an
option may be long.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.errors import ServiceError

__all__ = ["BrokenFormError", "FileBegins", "FileBytes", "FileEnds", "Form", "clean_name"]

MAX_FIELDS = 64
MAX_FIELD_BYTES = 8192
MAX_NAME = 200
# Controls, marks that turn the direction of writing round, and lone surrogates.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


class BrokenFormError(ServiceError):
    """The body is not a whole multipart form."""

    status, title = 400, "Broken form"


@dataclass(frozen=True, slots=True)
class FileBegins:
    """The part `file` begins; its name is made fit for showing, never for use as a path."""

    name: str


@dataclass(frozen=True, slots=True)
class FileBytes:
    """Some bytes of the file."""

    data: memoryview


@dataclass(frozen=True, slots=True)
class FileEnds:
    """The file is whole."""


Event = FileBegins | FileBytes | FileEnds


def clean_name(raw: bytes) -> str:
    """Return a file's name as a person may see it: no folders, nothing hidden, not too long."""
    for encoding in ("utf-8", "gb18030"):  # curl in a Chinese Windows console sends the latter
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        text = raw.decode("utf-8", "replace")
    text = text.replace("%22", '"').replace("%0D", "").replace("%0A", "")  # as browsers write
    text = _HIDDEN.sub("", unicodedata.normalize("NFC", text))
    text = re.split(r"[/\\]", text)[-1].strip().strip(".").strip()
    if len(text) > MAX_NAME:
        stem, dot, suffix = text.rpartition(".")
        keep = f"…{dot}{suffix}" if dot and len(suffix) <= 8 else "…"
        text = (stem if dot and len(suffix) <= 8 else text)[: MAX_NAME - len(keep)] + keep
    return text or "录音"


@dataclass(slots=True)
class _Part:
    headers: dict[str, bytes] = field(default_factory=dict)
    name: str = ""
    is_file: bool = False
    value: bytearray = field(default_factory=bytearray)


class Form:
    """Parses a body piece by piece; `fields` holds the other fields in their order."""

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not boundary:
            raise BrokenFormError(
                "请用 multipart/form-data 上传,录音放在 file 字段里。",
                "Send multipart/form-data with the recording in the field `file`.",
                status=415,
                title="Unsupported media type",
            )
        self.fields: list[tuple[str, str]] = []
        self.ended = False
        self._files = 0
        self._events: list[Event] = []
        self._part = _Part()
        self._header = bytearray()
        self._value = bytearray()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begun,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_ended,
                    "on_headers_finished": self._headed,
                    "on_part_data": self._data,
                    "on_part_end": self._ended,
                    "on_end": self._over,
                },
            )
        except FormParserError:
            raise _broken() from None

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield what these bytes of the body hold of the file.

        Raises:
            BrokenFormError: they are no form, or a field is too long or comes too often.
        """
        try:
            self._parser.write(data)
        except (FormParserError, UnicodeError):
            raise _broken() from None
        events, self._events = self._events, []
        yield from events

    def close(self) -> None:
        """Say that the body is over.

        Raises:
            BrokenFormError: its end is missing, or there was no file in it.
        """
        if not self.ended:
            raise BrokenFormError(
                "上传没有传完整,请重新上传。", "The form is cut off; send it again."
            )
        if not self._files:
            raise BrokenFormError(
                "没有收到录音;请把录音放在 file 字段里。", "There is no part `file` in the form.",
                status=422, title="No file",
            )  # fmt: skip

    # ------------------------------------------------------------ the parser's calls

    def _begun(self) -> None:
        self._part = _Part()
        if len(self.fields) + self._files >= MAX_FIELDS:
            raise BrokenFormError("表单的字段太多。", "Too many fields.", status=422)

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ended(self) -> None:
        self._part.headers[self._header.decode("latin-1").lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headed(self) -> None:
        header = self._part.headers.get("content-disposition", b"").decode("latin-1")
        kind, options = parse_options_header(header)
        if kind != b"form-data" or b"name" not in options:
            raise _broken()
        self._part.name = options[b"name"].decode("utf-8", "replace")
        self._part.is_file = self._part.name == "file"
        if self._part.is_file:
            self._files += 1
            if self._files > 1:
                raise BrokenFormError(
                    "一次请求只能上传一个录音。", "One recording a request.", status=422
                )
            self._events.append(FileBegins(clean_name(options.get(b"filename", b""))))
        elif b"filename" in options:
            raise BrokenFormError(
                "录音应放在 file 字段里。", "Files belong into the field `file`.", status=422
            )

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part.is_file:
            self._events.append(FileBytes(memoryview(data)[start:end]))  # copies nothing
            return
        self._part.value += data[start:end]
        if len(self._part.value) > MAX_FIELD_BYTES:
            raise BrokenFormError("选项的内容太长。", "A field is too long.", status=422)

    def _ended(self) -> None:
        if self._part.is_file:
            self._events.append(FileEnds())
        else:
            value = bytes(self._part.value).decode("utf-8", "replace")
            self.fields.append((self._part.name, value))

    def _over(self) -> None:
        self.ended = True


def _broken() -> BrokenFormError:
    return BrokenFormError(
        "上传的表单格式不对,请检查程序或换一个浏览器。", "The body is no multipart form."
    )
