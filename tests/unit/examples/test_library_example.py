"""The examples run as they are printed."""

import subprocess
import sys
from pathlib import Path

from PIL import Image

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_library_example_makes_its_pictures(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, EXAMPLES / "library.py", tmp_path], capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr
    with Image.open(tmp_path / "a-red-circle.png") as picture:
        assert picture.size == (128, 128)
    assert {path.name for path in tmp_path.glob("boat-after-*")} == {
        f"boat-after-{step}.png" for step in (5, 10, 15, 20)
    }
    assert "step 20 of 20" in run.stdout
