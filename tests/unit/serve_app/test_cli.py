"""The commands that talk to a running service: what they write, say, and exit with."""

import json
import os
import signal
from pathlib import Path
from socket import socket

import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from deployments.engine.pictures import Picture
from serve_app.cli import app
from serve_app.jobs.events import Cancelled, Error, Progress, Queued, Restarted, Started
from tests.unit.serve_app.scripted_service import IMAGE, ScriptedBackend, developing, scripted


def darkroom(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_generate_writes_the_picture_and_prints_where_it_is(tmp_path: Path) -> None:
    picture = tmp_path / "circle.png"
    backend = ScriptedBackend(developing())
    with scripted(backend) as url:
        result = darkroom("generate", "a red circle", "-o", str(picture), "--size", "128", "--seed", "7", "--url", url)

    assert result.exit_code == 0, result.output
    assert picture.read_bytes() == IMAGE
    assert result.stdout == f"{picture}  (seed 7)\n"
    wanted = backend.submitted[0].request.generation
    assert (wanted.prompt, wanted.width, wanted.height, wanted.seed, wanted.n) == ("a red circle", 128, 128, 7, 1)


def test_every_option_reaches_the_request(tmp_path: Path) -> None:
    backend = ScriptedBackend(developing())
    with scripted(backend) as url:
        result = darkroom(
            *("generate", "a red circle", "--model", "v1-5", "--steps", "3", "--size", "192x128", "--guidance", "2.5"),
            *("--negative", "blur", "--format", "webp", "-o", str(tmp_path / "x"), "--url", url),
        )

    assert result.exit_code == 0, result.output
    wanted = backend.submitted[0].request.generation
    assert (wanted.model, wanted.steps, wanted.width, wanted.height) == ("sd15", 3, 192, 128)
    assert (wanted.guidance, wanted.negative_prompt, wanted.format) == (2.5, "blur", "webp")


def test_a_picture_and_a_mask_are_sent_with_their_strength(tmp_path: Path) -> None:
    picture, mask = tmp_path / "photo.png", tmp_path / "mask.png"
    Image.new("RGB", (160, 120), "teal").save(picture)
    Image.new("L", (160, 120), 255).save(mask)
    backend = ScriptedBackend(developing())
    with scripted(backend) as url:
        command = ("generate", "a boat", "--image", str(picture), "--mask", str(mask), "--strength", "0.5")
        result = darkroom(*command, "-o", str(tmp_path / "x.png"), "--url", url)

    assert result.exit_code == 0, result.output
    wanted = backend.submitted[0].request.generation
    assert wanted.strength == 0.5
    assert isinstance(wanted.image, Picture)
    assert isinstance(wanted.mask, Picture)
    assert (wanted.image.encoded(), wanted.mask.encoded()) == (picture.read_bytes(), mask.read_bytes())


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--image", "no/such/file.png"), "--image"),
        (("--mask", __file__), "--mask"),
        (("--strength", "0.5"), "--strength"),
        (("--image", __file__, "--strength", "1.5"), "--strength"),
    ],
)
def test_pictures_that_do_not_fit_are_wrong_usage(options: tuple[str, ...], named: str) -> None:
    result = darkroom("generate", "a boat", *options)
    assert result.exit_code == 2
    assert named in result.stderr


def test_without_a_terminal_progress_is_plain_lines_on_stderr(tmp_path: Path) -> None:
    script = [
        Queued(2, 1.4),
        Started(1),
        Progress(1, 4, 0),
        Restarted(2, "the replica was lost", 0),
        *developing(4)[2:],
    ]
    with scripted(ScriptedBackend(script)) as url:
        result = darkroom("generate", "a red circle", "-o", str(tmp_path / "circle.png"), "--url", url)

    assert result.stderr.splitlines() == [
        "queued, position 2, about 1 s",
        "started",
        "step 1 of 4",
        "restarted: the replica was lost",
        *(f"step {step} of 4" for step in (2, 3, 4)),
    ]


def test_several_pictures_get_a_number_each(tmp_path: Path) -> None:
    with scripted(ScriptedBackend(developing(n=3))) as url:
        result = darkroom("generate", "a red circle", "-n", "3", "-o", str(tmp_path / "circle.png"), "--url", url)

    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["circle-0.png", "circle-1.png", "circle-2.png"]
    assert "image 2: step 5 of 20" in result.stderr


def test_a_name_that_was_given_is_overwritten(tmp_path: Path) -> None:
    picture = tmp_path / "circle.jpg"
    picture.write_bytes(b"an older picture")
    backend = ScriptedBackend(developing())
    with scripted(backend) as url:
        darkroom("generate", "a red circle", "-o", str(picture), "--url", url)

    assert picture.read_bytes() == IMAGE
    assert backend.submitted[0].request.generation.format == "jpeg"  # told by the name


def test_a_name_made_of_the_prompt_never_overwrites(in_folder: Path) -> None:
    with scripted(ScriptedBackend(developing())) as url:
        for _ in range(3):
            assert darkroom("generate", "Über alles: a red/blue circle!", "--url", url).exit_code == 0

    assert sorted(path.name for path in in_folder.iterdir()) == [
        "über-alles-a-red-blue-circle-2.png",
        "über-alles-a-red-blue-circle-3.png",
        "über-alles-a-red-blue-circle.png",
    ]


def test_a_job_that_fails_exits_1_with_its_code_and_writes_nothing(in_folder: Path) -> None:
    with scripted(ScriptedBackend([Started(1), Error("out_of_memory", "not enough memory")])) as url:
        result = darkroom("generate", "a red circle", "--url", url)

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "darkroom: out_of_memory: not enough memory"
    assert list(in_folder.iterdir()) == []


def test_a_job_that_somebody_else_cancels_exits_1() -> None:
    with scripted(ScriptedBackend([Cancelled()])) as url:
        result = darkroom("generate", "a red circle", "--url", url)

    assert result.exit_code == 1
    assert "was cancelled" in result.stderr


def test_a_refused_request_exits_1_and_names_the_field() -> None:
    with scripted(ScriptedBackend()) as url:
        too_small = darkroom("generate", "a red circle", "--size", "7x7", "--url", url)
        unknown = darkroom("generate", "a red circle", "--model", "nobody", "--url", url)

    assert too_small.exit_code == unknown.exit_code == 1
    assert "invalid_request: width: got 7" in too_small.stderr
    assert "model_not_found" in unknown.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_an_interrupt_cancels_the_job_and_exits_130(number: signal.Signals) -> None:
    backend = ScriptedBackend([Started(1), Progress(1, 20, 0)], on_last=lambda: os.kill(os.getpid(), number))
    with scripted(backend) as url:
        result = darkroom("generate", "a red circle", "--url", url)

    assert result.exit_code == 130
    assert [job.status for job in backend.submitted] == ["cancelled"]
    assert f"job {backend.submitted[0].id}: cancelled" in result.stderr


@pytest.mark.parametrize("command", [("generate", "a red circle"), ("models",), ("jobs",), ("cancel", "nobody")])
def test_without_a_service_every_command_exits_1_and_says_how_to_start_one(command: tuple[str, ...]) -> None:
    with socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        result = darkroom(*command, "--url", url)

    assert result.exit_code == 1
    assert f"no service answers at {url}" in result.stderr
    assert "`darkroom serve --demo`" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("size", ["7q", "x", "128x", "128x128x3", "-1", ""])
def test_a_size_that_is_none_is_wrong_usage(size: str) -> None:
    result = darkroom("generate", "a red circle", f"--size={size}")

    assert result.exit_code == 2
    assert "--size" in result.stderr


@pytest.mark.parametrize("guidance", ["nan", "-1", "inf", "much"])
def test_a_guidance_that_is_no_number_in_bounds_is_wrong_usage(guidance: str) -> None:
    result = darkroom("generate", "a red circle", f"--guidance={guidance}")

    assert result.exit_code == 2
    assert "--guidance" in result.stderr


def test_a_folder_that_is_not_there_is_told_before_anything_is_generated(tmp_path: Path) -> None:
    backend = ScriptedBackend(developing())
    with scripted(backend) as url:
        result = darkroom("generate", "a red circle", "-o", str(tmp_path / "nowhere" / "x.png"), "--url", url)

    assert result.exit_code == 2
    assert backend.submitted == []


def test_models_are_a_table_for_people_and_json_for_programs() -> None:
    with scripted(ScriptedBackend()) as url:
        table = darkroom("models", "--url", url)
        told = darkroom("models", "--json", "--url", url)

    assert all(word in table.stdout for word in ("sd15", "v1-5", "ready", "128×128", "demo"))
    assert [model["id"] for model in json.loads(told.stdout)["data"]] == ["sd15"]


def test_jobs_are_a_table_for_people_and_json_for_programs() -> None:
    with scripted(ScriptedBackend([Cancelled()])) as url:
        darkroom("generate", "a [red] circle", "--url", url)
        table = darkroom("jobs", "--url", url)
        told = darkroom("jobs", "--json", "--url", url)
        none = darkroom("jobs", "--json", "--status", "failed", "--url", url)
        found = darkroom("jobs", "--json", "--text", "RED", "--url", url)
        lost = darkroom("jobs", "--json", "--text", "blue", "--url", url)

    (job,) = json.loads(told.stdout)["jobs"]
    assert [job["job_id"] for job in json.loads(found.stdout)["jobs"]] == [job["job_id"]]
    assert json.loads(lost.stdout)["jobs"] == []
    assert all(word in table.stdout for word in (job["job_id"], "queued", "sd15", "a [red] circle", "position 1"))
    assert json.loads(none.stdout)["jobs"] == []


def test_cancel_tells_the_state_that_won_and_an_unknown_job_exits_1() -> None:
    backend = ScriptedBackend([Error("internal", "broken")])
    with scripted(backend) as url:
        darkroom("generate", "a red circle", "--url", url)
        job_id = backend.submitted[0].id
        cancelled = darkroom("cancel", job_id, "--url", url)
        unknown = darkroom("cancel", "nobody", "--url", url)

    assert cancelled.stdout == f"{job_id}: cancelled\n"
    assert unknown.exit_code == 1
    assert "job_not_found" in unknown.stderr


def test_help_tells_each_command_and_the_version_is_the_packages() -> None:
    assert all(command in darkroom("--help").stdout for command in ("serve", "generate", "models", "jobs", "cancel"))
    assert darkroom("--version").stdout.startswith("darkroom ")


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path
