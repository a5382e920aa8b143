"""Draws docs/pictures: a contact sheet of each model's demo weights, one picture as it develops, and one repainted.

Run ``python -m benchmarks.sheets [--model sd15]`` from the repository's root.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image, ImageDraw
from rich.progress import track

from benchmarks.pictures import pictures
from deployments.catalog import MAIN_MODELS
from deployments.demo.check.cases import Case
from deployments.demo.training.samples import PROMPTS
from deployments.engine import Engine, Failed, GenerationRequest, ImageReady, Preview

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
SEEDS = (1, 2, 3)
_TILE = 128
_CAPTION = 30


def contact_sheet(engine: Engine) -> Image.Image:
    """A row for each of :data:`PROMPTS`' halves and each seed, every prompt written above its pictures."""
    cases = [Case(prompt, {}, seed) for prompt in PROMPTS for seed in SEEDS]
    made = {
        (case.prompt, case.seed): Image.fromarray(pixels)
        for case, pixels in track(pictures(engine, cases), engine.card.id, len(cases))
    }
    half = len(PROMPTS) // 2
    height = _CAPTION + _TILE * len(SEEDS)
    sheet = Image.new("RGB", (half * _TILE, 2 * height), "white")
    pen = ImageDraw.Draw(sheet)
    for index, prompt in enumerate(PROMPTS):
        left, top = index % half * _TILE, index // half * height
        pen.multiline_text((left + 4, top + 3), _wrapped(prompt, 22), fill="black")
        for row, seed in enumerate(SEEDS):
            sheet.paste(made[prompt, seed], (left, top + _CAPTION + row * _TILE))
    return sheet


def strip(engine: Engine, seed: int = 1) -> Image.Image:
    """The previews of one picture, and the picture itself, side by side."""
    request = GenerationRequest(prompt=PROMPTS[0], seed=seed, preview_every=1)
    frames: list[Image.Image] = []
    for event in engine.stream(request):
        if isinstance(event, Preview | ImageReady):
            frames.append(event.image)
        elif isinstance(event, Failed):
            raise RuntimeError(event.message)
    steps = len(frames) - 1
    shown = [frames[round(share * (steps - 1))] for share in (0.0, 0.2, 0.4, 0.6, 0.8)] + [frames[-1]]
    whole = Image.new("RGB", (_TILE * len(shown), _TILE), "white")
    for index, frame in enumerate(shown):
        whole.paste(frame.resize((_TILE, _TILE)), (index * _TILE, 0))
    return whole


def repaintings(engine: Engine, seed: int = 5) -> Image.Image:
    """A picture; the whole of it repainted; only the middle; only the sky: side by side."""

    def painted(prompt: str, **source: Any) -> Image.Image:
        request = GenerationRequest(prompt=prompt, seed=seed, preview_every=0, **source)
        return engine.generate(request).images[0]

    boat = painted("a boat on the sea, sunny day")
    middle, sky = (Image.new("L", boat.size) for _ in range(2))
    middle.paste(255, (_TILE // 4, _TILE // 4, _TILE * 3 // 4, _TILE * 3 // 4))
    sky.paste(255, (0, 0, _TILE, _TILE * 11 // 24))
    shown = [
        boat,
        painted("a boat on the sea at night", image=boat),
        painted("a lighthouse by the sea", image=boat, mask=middle),
        painted("a boat on the sea at sunset", image=boat, mask=sky),
    ]
    whole = Image.new("RGB", (_TILE * len(shown), _TILE))
    for index, frame in enumerate(shown):
        whole.paste(frame, (index * _TILE, 0))
    return whole


def _wrapped(text: str, width: int) -> str:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += f"{word} "
    return "\n".join(lines)


def main(
    model: Annotated[list[str] | None, typer.Option(help="A model's sheet alone; several times for several.")] = None,
) -> None:
    """Draw the contact sheets; with sdxl's also a picture as it develops, and with sd15's one that is repainted."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in model or MAIN_MODELS:
        with Engine.load(name, weights="demo") as engine:
            contact_sheet(engine).save(FOLDER / f"{name}.png")
            if name == "sdxl":
                strip(engine).save(FOLDER / "developing.png")
            if name == "sd15":
                repaintings(engine).save(FOLDER / "repainting.png")


if __name__ == "__main__":
    typer.run(main)
