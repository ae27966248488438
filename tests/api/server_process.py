"""A server process of the tests: `python server_process.py SETTINGS.json [upload N] [die STEP]`.

Without more words it works through the queue until it is killed. With `upload` it uploads
numbered recordings and writes the id of each, a line, once that was accepted. With `die` it is
killed just before or after a step, as `before api.vault:Vault.accept`.
"""

import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


def _die(when: str, step: str) -> None:
    """Be killed before or after a method is called for the first time."""
    module, _, path = step.partition(":")
    owner = getattr(importlib.import_module(module), path.partition(".")[0])
    method = getattr(owner, path.partition(".")[2])

    def dies(*given: Any, **named: Any) -> Any:
        if when == "after":
            method(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, path.partition(".")[2], dies)


def main(argv: list[str]) -> None:
    """Run until killed."""
    from api.service import Service
    from api.settings import Settings

    if "die" in argv:
        at = argv.index("die")
        _die(*argv[at + 1 : at + 3])
        del argv[at : at + 3]
    held: dict[str, Any] = json.loads(Path(argv[0]).read_text("utf-8"))
    service = Service(Settings(**{**held, "data_dir": Path(held["data_dir"])}))
    if argv[1:2] != ["upload"]:
        service.start()
        print("started", flush=True)
        while True:
            time.sleep(60)
    service.start(work=False)
    print("started", flush=True)
    for number in range(int(argv[2]), int(argv[2]) + 10_000):
        content = b"sleep 0.05 " + str(number).encode() + b"." * 300_000
        draft = service.store.create("o-test", f"{number}.wav", f"key-{number}")
        draft.write(content)
        found, _ = draft.commit({})
        print(found.id, number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
