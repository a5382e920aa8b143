"""Settings are checked once, at the edge: unknown names, contradictions and relative paths do not get in."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from deployments.catalog import DEMO_WEIGHTS, MAIN_MODELS
from serve_app.settings import AppArgs, IngressSettings, ModelSettings, demo_args, exports_traces, gpu_args

DATA = Path("/var/lib/darkroom")


def test_one_folder_is_enough() -> None:
    args = AppArgs(data=DATA)
    assert [model.id for model in args.models] == list(MAIN_MODELS)
    assert args.database_url == "sqlite+aiosqlite:////var/lib/darkroom/darkroom.db"
    assert args.blobs_url == "file:///var/lib/darkroom/images"


def test_a_database_and_a_bucket_are_enough_without_a_folder() -> None:
    args = AppArgs(database="postgresql+asyncpg://db/darkroom", blobs="s3://bucket")
    assert (args.database_url, args.blobs_url) == ("postgresql+asyncpg://db/darkroom", "s3://bucket")


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "an absolute folder is required"),
        ({"database": "postgresql+asyncpg://db/darkroom"}, "an absolute folder is required"),
        ({"data": "darkroom-data"}, "must be an absolute path"),
        ({"data": DATA, "models": []}, "at least 1 item"),
        ({"data": DATA, "models": [{"id": "dall-e"}]}, "not in the catalog"),
        ({"data": DATA, "models": [{"id": "sd15"}, {"id": "v1-5"}]}, "sd15 configured twice"),
        ({"data": DATA, "no_such_setting": 1}, "Extra inputs are not permitted"),
        ({"data": DATA, "logs": {"format": "xml"}}, "'json' or 'text'"),
        ({"data": DATA, "models": [{"id": "sd15", "no_such_setting": 1}]}, "Extra inputs are not permitted"),
    ],
)
def test_what_can_not_work_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        AppArgs.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"weights": "/m/sd15.ckpt"}, r"weights: .*is a pickle.*can run any code"),
        ({"weights": "m/sd15.safetensors"}, "must be an absolute path"),
        ({"weights": "/m/sd15.gguf"}, "sd15 can't be read from GGUF"),
        ({"id": "flux-dev", "weights": "/m/flux.gguf", "quantize": "int8"}, "not with GGUF weights"),
        ({"quantize": "int4"}, "'int8' or 'fp8'"),
        ({"offload": "disk"}, "'none', 'cpu' or 'group'"),
        ({"weights": "/m/folder", "base": "/m/other"}, "only beside `weights` that are a single file"),
        ({"weights": "/m/a.safetensors", "base": "/m/b.safetensors"}, "allowed: a folder or a hub repository"),
        ({"id": "flux-dev", "controlnets": {"edges": "/c/edges"}}, "flux-dev takes none"),
        ({"controlnets": {"edges": "/c/edges.pth"}}, "is a pickle"),
        ({"controlnets": {"edges": "/c/edges.safetensors"}}, "allowed: a folder or a hub repository"),
        ({"controlnets": {"": "/c/edges"}}, "at least 1 character"),
    ],
    ids=str,
)
def test_weights_that_can_not_work_are_refused_before_a_replica_starts(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ModelSettings.model_validate({"id": "sd15"} | fields)


@pytest.mark.parametrize("settings", [ModelSettings, IngressSettings])
def test_the_least_replicas_are_at_most_the_most(settings: Any) -> None:
    identity = {"id": "sd15"} if settings is ModelSettings else {}
    with pytest.raises(ValidationError, match=r"min_replicas \(3\) must be at most max_replicas \(2\)"):
        settings(**identity, min_replicas=3, max_replicas=2)


def test_a_model_may_be_named_by_an_alias_and_is_kept_by_its_id() -> None:
    assert ModelSettings(id="stable-diffusion-v1-5").id == "sd15"


def test_settings_do_not_change() -> None:
    args = AppArgs(data=DATA)
    with pytest.raises(ValidationError, match="frozen"):
        args.data = Path("/elsewhere")  # type: ignore[misc]


def test_the_demo_needs_no_gpu_and_no_download() -> None:
    assert all(model.weights == DEMO_WEIGHTS and model.device == "cpu" for model in demo_args(DATA).models)
    assert all(model.num_gpus == 0 for model in demo_args(DATA).models)


def test_without_the_demo_every_model_has_a_gpu_to_itself() -> None:
    args = gpu_args(DATA, ("sdxl",))
    assert [(model.id, model.num_gpus) for model in args.models] == [("sdxl", 1)]


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="


def test_the_webhook_secret_comes_from_the_settings_else_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    other = SECRET.replace("Mf", "Nf")
    monkeypatch.delenv("DARKROOM_WEBHOOK_SECRET", raising=False)
    assert AppArgs(data=DATA).webhooks.secret is None
    monkeypatch.setenv("DARKROOM_WEBHOOK_SECRET", SECRET)
    from_environment = AppArgs.model_validate({"data": DATA, "webhooks": {"timeout_s": 5}}).webhooks.secret
    assert from_environment is not None and from_environment.get_secret_value() == SECRET
    given = AppArgs.model_validate({"data": DATA, "webhooks": {"secret": other}}).webhooks.secret
    assert given is not None and given.get_secret_value() == other


@pytest.mark.parametrize("secret", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_no-base-64!",
                                    "whpk_" + SECRET, "whsec_" + "A" * 100])  # fmt: skip
def test_a_webhook_secret_that_can_not_sign_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValidationError, match="24 to 64 random bytes") as refused:
        AppArgs.model_validate({"data": DATA, "webhooks": {"secret": secret}})
    assert "input_value" not in str(refused.value)


def test_no_secret_is_told_by_what_settings_are_shown_or_refused_as() -> None:
    args = AppArgs.model_validate({"data": DATA, "webhooks": {"secret": SECRET, "previous_secret": SECRET}})
    with pytest.raises(ValidationError) as refused:
        AppArgs.model_validate({"webhooks": {"secret": SECRET, "no_such_setting": SECRET}})
    for told in (repr(args), str(args), args.model_dump_json(), str(refused.value)):
        assert SECRET not in told


@pytest.mark.parametrize(
    ("environ", "exported"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_traces_are_exported_where_opentelemetrys_own_variables_say_so(environ: dict[str, str], exported: bool) -> None:
    assert exports_traces(environ) is exported
