"""Messages over HTTP: the same verdicts as the command line's, and nothing kept."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from http_help import asked, quick_settings

from api.errors import ServiceError
from api.text_task import TextDesk
from detector.classify_text import classify_calls
from detector.messages import read_calls

SAID = "催收:再不还钱,照片就贴到你单位门口。\n我:请按合同办。\n催收:那你去跳楼,跳了就不用还。"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with asked(quick_settings(tmp_path_factory.mktemp("text"))) as client:
        yield client


def test_messages_are_scored_as_on_the_command_line(client: TestClient) -> None:
    found = client.post("/v1/text", json={"text": SAID, "name": "聊天"}).json()
    result = next(iter(classify_calls(read_calls("-", SAID.encode()))))
    assert found["name"] == "聊天"
    assert [turn["text"] for turn in found["turns"]] == [t.text for t in result.call.turns]
    for turn, scored in zip(found["turns"], result.scored, strict=True):
        shown = {f["category"]: f["decision"] for f in turn["flags"]}
        assert shown == dict.fromkeys(scored.flagged, "flagged") | dict.fromkeys(
            scored.review, "review"
        )
        for flag in turn["flags"]:
            assert flag["score"] == scored.scores[flag["category"]]
            assert all(0 <= w["start"] < w["end"] <= len(turn["text"]) for w in flag["why"])
            assert all(rule["source"] and rule["version"] for rule in flag["basis"])
    assert found["turns"][0]["flags"]
    assert found["turns"][1]["flags"] == []
    assert found["urgent"] == any(
        flag["subtype"] == "self_harm" for turn in found["turns"] for flag in turn["flags"]
    )
    assert "疑似" in found["disclaimer"]


@pytest.mark.parametrize(
    ("text", "said"),
    [(" \n ", "没有文字"), ('{"turns": 5}', "turns"), ('{"turns": [{}]}', "text")],
)
def test_what_cannot_be_read_is_told(client: TestClient, text: str, said: str) -> None:
    answer = client.post("/v1/text", json={"text": text})
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert answer.json()["detail_en"].isascii()


def test_the_words_are_kept_nowhere(client: TestClient) -> None:
    word = "独一无二的话语"
    client.post("/v1/text", json={"text": f"催收:{word}。"})
    folder: Path = client.app.state.service.settings.data_dir  # type: ignore[attr-defined]
    for path in folder.rglob("*"):
        if path.is_file():
            assert word.encode() not in path.read_bytes()


def test_too_many_at_once_are_asked_to_wait() -> None:
    desk = TextDesk()
    desk._waiting = 20
    with pytest.raises(ServiceError) as refused:
        asyncio.run(desk.score("你好", "auto"))
    assert refused.value.status == 503
    assert refused.value.retry_after_s
