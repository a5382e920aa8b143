from dataclasses import replace

import pytest
from PIL import Image

from deployments.catalog import CATALOG, CONTROL_ROWS
from deployments.engine.request import GenerationRequest
from deployments.engine.resolve import resolve
from serve_app.jobs import cost

SD15, FLUX = CATALOG["sd15"], CATALOG["flux-dev"]


def rows(card_id: str = "sd15", **fields: object) -> float:
    card = CATALOG[card_id]
    return cost.rows(resolve(GenerationRequest.model_validate({"prompt": "p"} | fields), card), card)


def test_guidance_doubles_the_rows_of_a_unet() -> None:
    assert rows(steps=20, guidance=7.5) - cost.FIXED_ROWS == 2 * (rows(steps=20, guidance=1.0) - cost.FIXED_ROWS)


def test_embedded_guidance_costs_nothing() -> None:
    assert rows("flux-dev", steps=20, guidance=3.5) == rows("flux-dev", steps=20, guidance=0.0)


def test_a_second_order_sampler_costs_two_forwards_for_every_step_but_the_last() -> None:
    assert rows(steps=10, sampler="heun", guidance=1.0) == rows(steps=19, sampler="euler", guidance=1.0)


def test_a_control_net_costs_from_its_start_to_its_end() -> None:
    able = SD15.override({"capabilities": {"controlnet": True, "controlnets": ["edges"]}})

    def denoising(**fields: object) -> float:
        asked = {"prompt": "p", "steps": 20, "width": 512, "height": 512} | fields
        return cost.rows(resolve(GenerationRequest.model_validate(asked), able), able) - cost.FIXED_ROWS

    image = Image.new("RGB", (64, 64))
    assert denoising(control_image=image) == pytest.approx((1 + CONTROL_ROWS) * denoising())
    half = denoising(control_image=image, control_start=0.25, control_end=0.75)
    assert half == pytest.approx((1 + CONTROL_ROWS / 2) * denoising())


def test_cost_grows_with_images_and_pixels() -> None:
    assert rows(n=4) == 4 * rows()
    assert rows(width=512, height=1024) == 2 * rows(width=512, height=512)


def test_the_cards_default_size_is_the_unit_of_pixels() -> None:
    small = replace(SD15, default_size=(128, 128))
    request = resolve(GenerationRequest(prompt="p", steps=10, guidance=0.0), small)
    assert cost.rows(request, small) == 10 + cost.FIXED_ROWS


@pytest.mark.parametrize(("done", "left"), [(0, 10), (0.5, 5), (1, 0), (1.5, 0), (-1, 10)])
def test_what_remains_follows_the_progress_and_is_never_negative(done: float, left: float) -> None:
    assert cost.remaining(10, done) == left


def test_replicas_share_the_work_ahead_but_not_one_job() -> None:
    assert cost.eta_s(own=10, ahead=90, replicas=1, seconds_per_row=0.1) == pytest.approx(10)
    assert cost.eta_s(own=10, ahead=90, replicas=2, seconds_per_row=0.1) == pytest.approx(5)
    assert cost.eta_s(own=10, ahead=0, replicas=8, seconds_per_row=0.1) == pytest.approx(1)


def test_nothing_is_estimated_without_a_replica() -> None:
    assert cost.eta_s(own=1, ahead=0, replicas=0, seconds_per_row=1) is None


def test_a_running_neighbour_delays_by_no_more_than_the_shorter_of_the_two() -> None:
    assert cost.beside(10, [3, 10, 50]) == 23


def test_retry_after_is_the_time_of_one_mean_job_at_the_drain_rate() -> None:
    assert cost.retry_after_s(queued=1000, jobs=10, replicas=1, seconds_per_row=0.1) == 10
    assert cost.retry_after_s(queued=1000, jobs=10, replicas=5, seconds_per_row=0.1) == 2


def test_retry_after_is_a_second_at_least_and_bounded() -> None:
    assert cost.retry_after_s(queued=0.1, jobs=10, replicas=1, seconds_per_row=0.1) == 1
    assert cost.retry_after_s(queued=0, jobs=0, replicas=0, seconds_per_row=0.1) == 1
    assert cost.retry_after_s(queued=1e9, jobs=1, replicas=0, seconds_per_row=1) == cost.MAX_RETRY_AFTER_S
