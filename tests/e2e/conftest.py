"""One running ``darkroom serve --demo`` for all end-to-end tests of a module."""

from collections.abc import Iterator

import pytest

from tests.e2e.running import Running, free_port, start


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("serve"), free_port(), "--demo", "--models", "sd15")
    with running.process:
        try:
            yield running
        finally:
            running.stop()
