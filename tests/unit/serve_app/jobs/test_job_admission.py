import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deployments.catalog import CATALOG
from deployments.engine.errors import InvalidRequest, UnsupportedByModel
from deployments.engine.pictures import PictureRef
from serve_app.jobs.admission import MAX_METADATA_BYTES, MAX_METADATA_DEPTH, admit
from serve_app.jobs.job import Job, JobRequest, JobStatus
from serve_app.jobs.store.rows import to_row
from tests.unit.serve_app.jobs.job_fakes import wish

SD15 = CATALOG["sd15"]


def test_what_is_admitted_is_resolved_and_has_its_cost() -> None:
    admitted = admit(wish(steps=None), SD15)
    generation = admitted.request.generation
    assert (generation.model, generation.width, generation.steps) == ("sd15", 512, 25)
    assert generation.seed is not None
    assert admitted.cost > 0


def test_metadata_up_to_the_bound_is_admitted_as_it_is_encoded() -> None:
    fits = {"k": "ü" * ((MAX_METADATA_BYTES - len('{"k":""}')) // 2)}
    assert admit(wish(metadata=fits), SD15).request.metadata == fits
    with pytest.raises(InvalidRequest) as refused:
        admit(wish(metadata={"k": fits["k"] + "ü"}), SD15)
    assert refused.value.field == "metadata"


LOOP: dict[str, object] = {}
LOOP["self"] = LOOP


@pytest.mark.parametrize("metadata", [{"x": float("nan")}, {"x": object()}, {"x": b"bytes"}, {"x": "\ud800"}])
def test_metadata_that_is_no_json_is_refused(metadata: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        admit(wish(metadata=metadata), SD15)
    assert refused.value.field == "metadata"


def test_metadata_that_holds_itself_is_refused() -> None:
    request = JobRequest.model_construct(
        generation=wish().generation, operation="image_generation", on_disconnect="detach", metadata=LOOP
    )
    with pytest.raises(InvalidRequest):
        admit(request, SD15)


def nested(levels: int) -> dict[str, object]:
    value: object = 1
    for _ in range(levels - 1):
        value = [value]
    return {"x": value}


def test_metadata_is_nested_no_deeper_than_it_can_be_read_again() -> None:
    admit(wish(metadata=nested(MAX_METADATA_DEPTH)), SD15)
    for levels in (MAX_METADATA_DEPTH + 1, 250, 1500):
        with pytest.raises(InvalidRequest) as refused:
            admit(wish(metadata=nested(levels)), SD15)
        assert refused.value.field == "metadata"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_what_is_admitted_reads_back_from_its_row_as_it_was(metadata: dict[str, object]) -> None:
    try:
        request = admit(wish(metadata=metadata), SD15).request
    except InvalidRequest:
        assume(False)
    row = to_row(Job("a", request, JobStatus.QUEUED, 0, 1.0), epoch=1, once=None)
    assert JobRequest.model_validate_json(row["request"]) == request


@pytest.mark.parametrize("job_id", [".", "..", "..."])
def test_an_id_that_is_only_dots_is_refused(job_id: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        admit(wish(id=job_id), SD15)
    assert refused.value.field == "id"


def test_the_operation_is_told_by_the_pictures() -> None:
    picture = PictureRef(key="a/input/image", width=512, height=384)
    assert admit(wish(), SD15).request.operation == "image_generation"
    transform = admit(wish(image=picture), SD15)
    assert transform.request.operation == "image_transform"
    assert transform.request.generation.height == 384
    assert admit(wish(image=picture, mask=picture), SD15).request.operation == "image_inpaint"


def test_a_picture_costs_the_steps_that_strength_leaves() -> None:
    picture = PictureRef(key="a/input/image", width=512, height=512)
    whole, half = (admit(wish(image=picture, strength=share, steps=40), SD15).cost for share in (1.0, 0.5))
    assert half < 0.6 * whole


def test_what_the_model_can_not_serve_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        admit(wish(width=7, height=7), SD15)
    with pytest.raises(UnsupportedByModel):
        admit(wish(model="flux-schnell", negative_prompt="blur"), CATALOG["flux-schnell"])
