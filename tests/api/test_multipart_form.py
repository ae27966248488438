"""A form is read the same however it is cut up, and nothing in it is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import ServiceError
from api.multipart import FileBegins, FileBytes, FileEnds, Form, clean_name

TYPE = "multipart/form-data; boundary=xYz"


def _part(head: str, value: bytes) -> bytes:
    return b"--xYz\r\n" + head.encode() + b"\r\n\r\n" + value + b"\r\n"


def _field(name: str, value: bytes) -> bytes:
    return _part(f'Content-Disposition: form-data; name="{name}"', value)


def _file(name: str, value: bytes) -> bytes:
    return _part(f'Content-Disposition: form-data; name="file"; filename="{name}"', value)


END = b"--xYz--\r\n"


def _read(body: bytes, cuts: list[int] | None = None) -> tuple[Form, str, bytes]:
    form, name, content, ended = Form(TYPE), "", b"", False
    at = 0
    for cut in [*sorted({min(c, len(body)) for c in cuts or ()}), len(body)]:
        for event in form.feed(body[at:cut]):
            if isinstance(event, FileBegins):
                name = event.name
            elif isinstance(event, FileBytes):
                content += bytes(event.data)
            elif isinstance(event, FileEnds):
                ended = True
        at = cut
    form.close()
    assert ended
    return form, name, content


@given(
    st.binary(max_size=300) | st.just(b"\r\n--xYzz\r\n--xY"),
    st.lists(st.integers(0, 600), max_size=12),
)
def test_every_way_of_cutting_gives_the_same(content: bytes, cuts: list[int]) -> None:
    if b"\r\n--xYz" in b"\r\n" + content and b"--xYzz" not in content:
        return  # a client chooses a boundary that is not in its file
    body = _field("listener", b"debtor") + _file("a.wav", content.replace(b"--xYz", b"-"))
    body += _field("note", "备注".encode()) + END
    form, name, read = _read(body, cuts)
    assert read == content.replace(b"--xYz", b"-")
    assert name == "a.wav"
    assert form.fields == [("listener", "debtor"), ("note", "备注")]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\录音.m4a", "录音.m4a"),
        ("..", "录音"),
        ("", "录音"),
        ("a\r\nSet-Cookie: x=1.wav", "aSet-Cookie: x=1.wav"),
        ("a\u202egpj.wav", "agpj.wav"),
        ("nul\0byte.wav", "nulbyte.wav"),
        ("a%22b%0D%0Ac.wav", 'a"bc.wav'),
        ("<script>alert(1)</script>.m4a", "script>.m4a"),
        ("e\u0301.wav", "\u00e9.wav"),
    ],
)
def test_a_name_holds_no_folder_and_nothing_hidden(raw: str, shown: str) -> None:
    assert clean_name(raw.encode()) == shown


def test_a_name_from_a_chinese_windows_console_is_read() -> None:
    assert clean_name("催收电话.m4a".encode("gb18030")) == "催收电话.m4a"


def test_a_long_name_keeps_its_suffix() -> None:
    shown = clean_name(("长" * 5000 + ".m4a").encode())
    assert len(shown) == 200
    assert shown.endswith("….m4a")


def _status(body: bytes, content_type: str = TYPE) -> int:
    with pytest.raises(ServiceError) as refused:
        form = Form(content_type)
        list(form.feed(body))
        form.close()
    assert refused.value.detail
    assert refused.value.detail_en
    return refused.value.status


def test_what_is_no_form_is_refused() -> None:
    assert _status(b"", "application/json") == 415
    assert _status(b"", "multipart/form-data") == 415
    assert _status(b"", "multipart/form-data; boundary=" + "x" * 5000) == 400
    assert _status(b"RIFF....") == 400
    assert _status(_part("Content-Disposition: attachment", b"x") + END) == 400
    assert _status(_part("X: y", b"x") + END) == 400


def test_a_form_that_is_cut_off_is_refused() -> None:
    whole = _file("a.wav", b"sound") + END
    for length in range(1, len(whole) - 4):
        assert _status(whole[:length]) == 400


def test_a_form_needs_one_file() -> None:
    assert _status(_field("listener", b"debtor") + END) == 422
    assert _status(_file("a", b"1") + _file("b", b"2") + END) == 422
    other = _part('Content-Disposition: form-data; name="sound"; filename="a.wav"', b"x")
    assert _status(other + END) == 422


def test_fields_are_few_and_short() -> None:
    assert _status(_field("note", b"x" * 10_000) + END) == 422
    assert _status(_field("note", b"x") * 100 + END) == 422
    head = "Content-Disposition: form-data; name=file\r\n" + "X: y\r\n" * 1000
    assert _status(_part(head, b"x") + END) == 400
