"""The service that the end-to-end tests share, and what they do with it."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

DARKROOM = Path(sys.executable).with_name("darkroom")


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
