"""The service behind the page: it can be killed and come back, and may want keys."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from serve_app.settings import demo_args
from serve_app.terminal.plan import local_config
from tests.e2e.running import DARKROOM, Running, free_port, start

MODELS = ("sd15", "flux-schnell")

WITHIN_S = 60.0


class Host:
    """``darkroom serve`` on demo weights, always in the same folder and at the same port."""

    def __init__(self, folder: Path, models: tuple[str, ...] = MODELS) -> None:
        self._folder = folder
        self._port = free_port()
        self._config = folder / "service.json"
        config = local_config(demo_args(folder / "data", models))
        self._config.write_text(json.dumps(config))  # which is YAML, too
        self._running: Running | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        self.http = httpx2.Client(base_url=self.url, timeout=60, trust_env=False)

    def start(self) -> None:
        """Start it and wait until it is ready; nothing if it runs."""
        if self._running is None:
            self._running = start(self._folder, self._port, "--config", self._config)

    def kill(self) -> None:
        """All of its processes at once."""
        if self._running is not None:
            self._running.kill()
            self._running = None

    def stop(self) -> None:
        """As Ctrl-C does."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def develop(self, prompt: str, **body: Any) -> str:
        """A finished job's id."""
        job = {"operation": "image_generation", "prompt": prompt, **body}
        accepted = self.http.post("/v1/jobs", json=job)
        assert accepted.status_code == 202, accepted.text
        self.http.get(accepted.json()["sse_url"])  # to its end
        return str(accepted.json()["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(self.http.get(f"/v1/jobs/{job_id}").json())

    def image(self, job_id: str) -> bytes:
        """The first image of a finished job."""
        answer = self.http.get(f"/v1/jobs/{job_id}/images/0")
        assert answer.status_code == 200, answer.text
        return answer.content

    @contextmanager
    def asking_for_keys(self) -> Iterator[str]:
        """While it does, the key that it takes."""
        key, told = self._keys("create", "visitor")
        key_id = told.split()[1]
        try:
            self._until(lambda: self.http.get("/v1/models").status_code == 401)
            yield key
        finally:
            self._keys("revoke", key_id)
            self._until(lambda: self.http.get("/v1/models").status_code == 200)

    def _keys(self, *arguments: str) -> tuple[str, str]:
        command = [DARKROOM, "keys", *arguments, "--data", self._folder / "data"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip(), done.stderr

    @staticmethod
    def _until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, "the service did not come to it"
            time.sleep(0.05)


@contextmanager
def hosted(folder: Path, models: tuple[str, ...] = MODELS) -> Iterator[Host]:
    """A running one, stopped in the end."""
    host = Host(folder, models)
    try:
        host.start()
        yield host
    finally:
        host.http.close()
        host.stop()
