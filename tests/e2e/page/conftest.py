"""One service and one browser for all tests of the page; a tab for each of them, which must not have complained."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.e2e.page.chromium import MISSING, chromium, find_chromium
from tests.e2e.page.host import Host, hosted
from tests.e2e.page.tab import Tab

OpenTab = Callable[..., Tab]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.skip(MISSING)
    with chromium(executable) as browser:
        yield browser


@pytest.fixture(scope="package")
def host(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Not started where there is no browser to look at it."""
    with hosted(tmp_path_factory.mktemp("page")) as host:
        yield host


@pytest.fixture
def open_tab(browser: Browser, host: Host) -> Iterator[OpenTab]:
    """Opens tabs, with a context's options in Playwright's words."""
    tabs: list[Tab] = []

    def open_tab(**options: Any) -> Tab:
        tabs.append(Tab(browser, host.url, **options))
        return tabs[-1]

    yield open_tab
    for tab in tabs:
        tab.close()
    assert [complaint for tab in tabs for complaint in tab.complaints] == []


@pytest.fixture
def tab(open_tab: OpenTab) -> Tab:
    """At a desk, and dark."""
    return open_tab()
