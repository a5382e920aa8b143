"""``darkroom keys``, and the key that the other commands send."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from serve_app.cli import app
from serve_app.jobs.tokens import new_key
from serve_app.terminal.client import ServiceClient, ServiceError
from tests.unit.serve_app.scripted_service import ScriptedBackend, developing, scripted

_, KEY = new_key()


def darkroom(*arguments: str, **environ: str) -> Result:
    return CliRunner(env={"DARKROOM_API_KEY": None, **environ}).invoke(app, arguments)


def listed(data: Path) -> list[dict[str, object]]:
    return list(json.loads(darkroom("keys", "list", "--data", str(data), "--json").stdout)["keys"])


def test_a_new_key_alone_is_on_stdout_and_nowhere_later(tmp_path: Path) -> None:
    result = darkroom("keys", "create", "alice", "--data", str(tmp_path))

    assert result.exit_code == 0, result.output
    key = result.stdout.removesuffix("\n")
    assert key.startswith("dk_")
    assert "\n" not in key
    assert key not in result.stderr
    secret = key.split("_")[2]
    assert secret not in darkroom("keys", "list", "--data", str(tmp_path), "--json").output
    assert not [file for file in tmp_path.iterdir() if secret.encode() in file.read_bytes()]


def test_keys_are_listed_with_whose_they_are_and_when_they_ended(tmp_path: Path) -> None:
    for arguments in (("alice",), ("alice",), ("root", "--admin")):
        darkroom("keys", "create", *arguments, "--data", str(tmp_path))
    first, second, admin = listed(tmp_path)
    assert [key["client"] for key in (first, second, admin)] == ["alice", "alice", "root"]
    assert [key["admin"] for key in (first, second, admin)] == [False, False, True]

    revoked = darkroom("keys", "revoke", str(first["id"]), "--data", str(tmp_path))

    assert revoked.stdout == f"{first['id']}: revoked\n"
    assert [key["revoked_at"] is None for key in listed(tmp_path)] == [False, True, True]
    table = darkroom("keys", "list", "--data", str(tmp_path)).stdout
    assert all(str(key["id"]) in table for key in (first, second, admin))


def test_a_config_leads_to_its_database(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "applications:\n  - name: darkroom\n    import_path: serve_app:build\n"
        f"    args: {{data: {tmp_path}/kept, models: [{{id: sd15, weights: demo}}]}}\n"
    )
    assert darkroom("keys", "create", "alice", "--config", str(config)).exit_code == 0
    assert [key["client"] for key in listed(tmp_path / "kept")] == ["alice"]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("create", "@alice"), 2, "client"),
        (("create", "alice smith"), 2, "client"),
        (("create",), 2, "Missing argument"),
        (("revoke", "0123456789abcdef"), 1, "there is no key 0123456789abcdef"),
        (("list", "--config", "nowhere.yaml"), 2, "nowhere.yaml"),
    ],
)
def test_wrong_usage_is_told(tmp_path: Path, arguments: tuple[str, ...], code: int, complaint: str) -> None:
    result = darkroom("keys", *arguments, "--data", str(tmp_path))
    assert result.exit_code == code
    assert complaint in result.stderr


def test_a_database_that_can_not_be_opened_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = darkroom("keys", "list", "--data", str(tmp_path / "file"))
    assert result.exit_code == 1
    assert "the database can't be used" in result.stderr
    assert "Traceback" not in result.output


def test_commands_send_the_key_of_the_environment(tmp_path: Path) -> None:
    with scripted(ScriptedBackend(developing(), keys=[KEY])) as url:
        result = darkroom(
            *("generate", "a red circle", "-o", str(tmp_path / "a.png"), "--url", url), DARKROOM_API_KEY=KEY
        )
        assert result.exit_code == 0, result.output
        for command in ("models", "jobs"):
            assert darkroom(command, "--url", url, DARKROOM_API_KEY=KEY).exit_code == 0


@pytest.mark.parametrize("environ", [{}, {"DARKROOM_API_KEY": new_key()[1]}])
def test_without_a_valid_key_a_command_says_where_to_put_one(environ: dict[str, str]) -> None:
    with scripted(ScriptedBackend(keys=[KEY])) as url:
        result = darkroom("models", "--url", url, **environ)
    assert result.exit_code == 1
    assert "unauthorized" in result.stderr
    assert "DARKROOM_API_KEY" in result.stderr
    assert "darkroom keys create" in result.stderr
    assert "dk_" not in result.output.replace("dk_…", "")


def test_a_key_that_can_not_be_sent_is_refused_without_showing_it() -> None:
    result = darkroom("models", DARKROOM_API_KEY="dk_one two")
    assert result.exit_code == 2
    assert "DARKROOM_API_KEY" in result.stderr
    assert "dk_one" not in result.output


def test_no_command_takes_a_key_as_an_option() -> None:
    for command in ("generate", "models", "jobs", "cancel", "serve"):
        assert "api-key" not in darkroom(command, "--help").stdout


def test_the_key_goes_to_its_service_and_to_nobody_else() -> None:
    with (
        scripted(ScriptedBackend(keys=[KEY])) as url,
        scripted(ScriptedBackend(keys=[KEY])) as other,
        ServiceClient(url, api_key=KEY) as service,
    ):
        assert service.image(f"{url}/v1/models")
        with pytest.raises(ServiceError) as refused:
            service.image(f"{other}/v1/models")
    assert refused.value.status == 401
