"""Which tests one process runs where several share the work: what is dear to make is made once."""

from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/unit/deployments/demo",)
"""Folders whose files share something: the reader of pictures."""


class Sharing(LoadFileScheduling):  # type: ignore[misc]
    """``--dist loadfile``, but a folder of :data:`TOGETHER` is as one file."""

    def _split_scope(self, nodeid: str) -> str:
        file = PurePosixPath(nodeid.split("::", 1)[0])
        return str(file.parent if str(file.parent) in TOGETHER else file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing | None:
    return Sharing(config, log) if config.getvalue("dist") == "loadfile" else None
