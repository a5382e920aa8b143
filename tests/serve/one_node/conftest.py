"""The cluster that these tests share."""

from collections.abc import Iterator

import pytest

from tests.serve.service import Node, one_node


@pytest.fixture(scope="package")  # of this folder: other tests start clusters of their own
def node() -> Iterator[Node]:
    """One for all modules."""
    with one_node() as node:
        yield node
