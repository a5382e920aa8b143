"""The engine as a library: no Ray, no HTTP. Three requests at once share their forwards.

python examples/library.py [FOLDER]
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deployments.engine import Engine, GenerationRequest, Preview, Progress


def main(folder: Path) -> None:
    """Develop four pictures into ``folder``."""
    with Engine.load("sd15", weights="demo") as engine:
        prompts = ["a red circle", "a house by the sea", "a lighthouse at night"]
        requests = [GenerationRequest(prompt=prompt, seed=7) for prompt in prompts]
        with ThreadPoolExecutor() as callers:  # thread-safe: concurrent calls batch together
            for request, result in zip(requests, callers.map(engine.generate, requests), strict=True):
                result.images[0].save(folder / f"{request.prompt.replace(' ', '-')}.png")
                print(f"{request.prompt}: {result.timings.total:.2f} s")

        for event in engine.stream(GenerationRequest(prompt="a boat", seed=7, steps=20)):
            match event:
                case Progress(step=step, total=total):
                    print(f"step {step} of {total}")
                case Preview(image=image, step=step):
                    image.save(folder / f"boat-after-{step}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
