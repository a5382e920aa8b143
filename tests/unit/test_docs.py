"""What the documentation says of metrics is what the code measures."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deployments.telemetry.meters import Instrument
from deployments.telemetry.replica_metrics import REPLICA_INSTRUMENTS
from serve_app.api.traffic import HTTP_INSTRUMENTS
from serve_app.telemetry.job_metrics import JOB_INSTRUMENTS

DOCS = Path(__file__).parents[2] / "docs"
INSTRUMENTS: tuple[Instrument, ...] = (*JOB_INSTRUMENTS, *REPLICA_INSTRUMENTS, *HTTP_INSTRUMENTS)
BY_NAME = {instrument.name: instrument for instrument in INSTRUMENTS}
ADDED = {"application", "deployment", "replica"}
"""Labels that Ray Serve adds."""


def dashboard() -> dict[str, Any]:
    return dict(json.loads((DOCS / "grafana-dashboard.json").read_text(encoding="utf-8")))


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def queried(text: str) -> set[str]:
    """The instruments behind the series that ``text`` names; a name that is none stays as it is."""
    names = re.findall(r"ray_(darkroom_\w+)", text)
    return {name if name in BY_NAME else re.sub(r"_(bucket|count|sum)$", "", name) for name in names}


def test_the_table_of_metrics_is_what_the_code_declares() -> None:
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    written = [line for line in text.splitlines() if line.startswith("| `ray_")]
    declared = [
        f"| `ray_{one.name}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels)} | {one.help} |"
        for one in INSTRUMENTS
    ]
    assert written == declared


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda instrument: instrument.name)
def test_a_metric_s_name_tells_its_unit_and_its_labels_hold_no_id(instrument: Instrument) -> None:
    assert instrument.name.startswith("darkroom_")
    assert (instrument.kind == "counter") == instrument.name.endswith("_total")
    assert (instrument.kind == "histogram") == bool(instrument.buckets)
    if instrument.kind == "histogram":
        assert instrument.name.endswith("_seconds")
        assert list(instrument.buckets) == sorted(instrument.buckets)
    assert set(instrument.labels) <= {"model", "status", "code", "result", "route", "method"}


def test_no_metric_is_declared_twice() -> None:
    assert len(BY_NAME) == len(INSTRUMENTS)


def test_the_dashboard_shows_every_metric_and_no_other() -> None:
    assert set().union(*map(queried, queries())) == set(BY_NAME)


@pytest.mark.parametrize("page", ["operations.md", "metrics.md"])
def test_a_page_names_only_metrics_that_there_are(page: str) -> None:
    named = queried((DOCS / page).read_text(encoding="utf-8"))
    assert named
    assert named <= set(BY_NAME)


@pytest.mark.parametrize("query", queries())
def test_a_query_asks_for_what_its_metric_has(query: str) -> None:
    for name in re.findall(r"ray_(darkroom_\w+)", query):
        instrument = BY_NAME[next(iter(queried(f"ray_{name}")))]
        assert (instrument.kind == "histogram") == (name != instrument.name), "a histogram's series have a suffix"
    known = set().union(*(BY_NAME[name].labels for name in queried(query))) | ADDED | {"le"}
    grouped = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", query) for label in labels.split(",")}
    selected = set(re.findall(r"(\w+)=~?\"", query))
    assert grouped | selected <= known


def test_the_dashboard_can_be_provisioned_as_it_is() -> None:
    whole = dashboard()
    assert {variable["name"] for variable in whole["templating"]["list"]} >= {"datasource", "model"}
    assert whole["uid"]
    assert "id" not in whole  # of one Grafana's own database
    ids = [panel["id"] for panel in whole["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
    cells = [cell for panel in whole["panels"] for cell in _cells(panel["gridPos"])]
    assert len(set(cells)) == len(cells), "panels lie over one another"


def _cells(place: dict[str, int]) -> list[tuple[int, int]]:
    return [(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])]
