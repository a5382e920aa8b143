"""What the command line reads from the environment and from config files."""

from pathlib import Path

import pytest

from serve_app.settings import (
    AppArgs,
    ConfigInvalid,
    api_key,
    data_folder,
    database_of,
    knows_peers,
    load_config,
    service_url,
)

DEMO = """
applications:
  - name: darkroom
    import_path: serve_app:build
    args:
      models: [{id: v1-5, weights: demo}]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_the_environment_names_the_data_folder_and_the_service(tmp_path: Path) -> None:
    assert data_folder({"DARKROOM_DATA": str(tmp_path)}) == tmp_path
    assert data_folder({}) == Path.cwd() / "darkroom-data"
    assert data_folder({"DARKROOM_DATA": "kept"}) == Path.cwd() / "kept"  # made absolute
    assert service_url({"DARKROOM_URL": "http://images:9000"}) == "http://images:9000"
    assert service_url({"DARKROOM_URL": ""}) == service_url({}) == "http://127.0.0.1:8000"


def test_the_environment_holds_the_key_and_a_refusal_does_not_show_it() -> None:
    assert api_key({"DARKROOM_API_KEY": " dk_1_2\n"}) == "dk_1_2"
    assert api_key({"DARKROOM_API_KEY": ""}) is api_key({}) is None
    for text in ("dk_1 2", "dk_1\n2", "dk_ü"):
        with pytest.raises(ConfigInvalid, match="DARKROOM_API_KEY") as refused:
            api_key({"DARKROOM_API_KEY": text})
        assert "dk_" not in str(refused.value)


def test_peers_are_not_known_behind_serves_own_proxy() -> None:
    assert knows_peers({})
    assert knows_peers({"RAY_SERVE_ENABLE_HA_PROXY": "0"})
    assert not knows_peers({"RAY_SERVE_ENABLE_HA_PROXY": "1"})


def test_the_database_is_found_as_the_service_finds_it(tmp_path: Path) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    config = written(tmp_path, DEMO.replace("args:", f"args:\n      data: {here}"))
    assert database_of(None, here) == f"sqlite+aiosqlite:///{here}/darkroom.db"
    assert database_of(None, None) == f"sqlite+aiosqlite:///{data_folder()}/darkroom.db"
    assert database_of(config, None) == f"sqlite+aiosqlite:///{here}/darkroom.db"
    assert database_of(config, elsewhere) == f"sqlite+aiosqlite:///{elsewhere}/darkroom.db"
    with_database = written(tmp_path, DEMO.replace("args:", "args:\n      database: postgresql+asyncpg://db/x"))
    assert database_of(with_database, None) == "postgresql+asyncpg://db/x"


def test_a_config_without_data_gets_the_data_folder(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, DEMO))

    (application,) = config["applications"]
    args = AppArgs.model_validate(application["args"])
    assert args.data == data_folder()
    assert [model.id for model in args.models] == ["sd15"]


@pytest.mark.parametrize("said", ["/said", "said"])
def test_data_is_made_absolute_and_the_options_goes_before_the_files(tmp_path: Path, said: str) -> None:
    path = written(tmp_path, DEMO + f"      data: {said}\n")

    assert load_config(path)["applications"][0]["args"]["data"] == str(Path(said).absolute())
    assert load_config(path, tmp_path)["applications"][0]["args"]["data"] == str(tmp_path)


def test_a_config_with_a_database_and_blobs_needs_no_data(tmp_path: Path) -> None:
    elsewhere = "      database: postgresql+asyncpg://db/darkroom\n      blobs: s3://pictures\n"

    assert "data" not in load_config(written(tmp_path, DEMO + elsewhere))["applications"][0]["args"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "while parsing"),
        ("just words", "`applications`"),
        ("applications: {}", "`applications`"),
        ("applications: [1]", "`applications`"),
        ("applications: [{import_path: 'other:app'}]", "found 0"),
        (DEMO.replace("v1-5", "nobody"), "args.models.0.id: .*'nobody' is not in the catalog"),
        (DEMO.replace("models:", "modles:"), "args.modles: Extra inputs"),
        (DEMO + "      data: 7\n", "args.data"),
        (DEMO.replace("models: [{id: v1-5, weights: demo}]", "[]"), "args: a mapping is needed"),
    ],
)
def test_a_config_that_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(ConfigInvalid, match=rf"(?s)^{path}: .*{told}"):
        load_config(path)
