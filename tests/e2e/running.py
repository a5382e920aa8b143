"""The services that the end-to-end tests start, and what they do with them."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import socket

import httpx2
import psutil
import pytest

DARKROOM = Path(sys.executable).with_name("darkroom")

LAST_LINE_OF_START = "Ctrl-C stops it."


@dataclass(frozen=True)
class Running:
    """A started service: its process, the folder it was started in, its URL, and what it has printed until ready."""

    process: subprocess.Popen[str]
    folder: Path
    url: str
    printed: str

    @property
    def http(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, timeout=60, trust_env=False)

    def darkroom(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command against it, in its folder."""
        command = [DARKROOM, *arguments, "--url", self.url]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def descendants(self) -> list[psutil.Process]:
        """Every process that it has started, and they have started, and that still runs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self) -> None:
        """As Ctrl-C does; nothing if it has ended."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            self.process.communicate()

    def kill(self) -> None:
        """As a power cut does: it and all that it has started, at once."""
        for process in [psutil.Process(self.process.pid), *self.descendants()]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.communicate()


def start(folder: Path, port: int, *options: str | Path) -> Running:
    """``darkroom serve`` with these options in ``folder``, once it is ready. The test fails if it ends before."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    process = subprocess.Popen(
        [DARKROOM, "serve", *options, "--port", str(port)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a foreground process group of its own, as in a terminal
    )
    try:
        printed = _read_until_ready(process)
    except BaseException:  # nobody else could stop it
        os.killpg(process.pid, signal.SIGINT)
        process.communicate()
        raise
    return Running(process, folder, f"http://127.0.0.1:{port}", printed)


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _read_until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(LAST_LINE_OF_START):
            return "".join(lines)
    pytest.fail(f"it ended before it was ready:\n{''.join(lines)}")
