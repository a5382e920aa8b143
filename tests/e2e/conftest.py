"""One running ``darkroom serve --demo`` for all end-to-end tests of a module."""

import os
import signal
import subprocess
from collections.abc import Iterator
from socket import socket

import pytest

from tests.e2e.running import DARKROOM, Running

LAST_LINE_OF_START = "Ctrl-C stops it."


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("serve")
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    with subprocess.Popen(
        [DARKROOM, "serve", "--demo", "--models", "sd15", "--port", str(port)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a foreground process group of its own, as in a terminal
    ) as process:
        try:
            printed = _read_until_ready(process)
            yield Running(process, folder, f"http://127.0.0.1:{port}", printed)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                process.communicate()


def _read_until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(LAST_LINE_OF_START):
            return "".join(lines)
    pytest.fail(f"it ended before it was ready:\n{''.join(lines)}")
