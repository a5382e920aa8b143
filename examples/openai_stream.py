"""The stock OpenAI client against a running service; partial images are real previews.

python examples/openai_stream.py [URL] [FOLDER]
"""

import base64
import sys
from pathlib import Path

from openai import OpenAI


def main(url: str, folder: Path) -> None:
    """Develop one picture; write it and the partial images into ``folder``."""
    client = OpenAI(base_url=f"{url}/v1", api_key="unused")
    events = client.images.generate(
        model="sd15",
        prompt="a lighthouse at night",
        size="128x128",
        stream=True,
        partial_images=2,
        extra_body={"steps": 20, "seed": 7},
    )
    for event in events:
        if event.type == "image_generation.partial_image":
            (folder / f"partial-{event.partial_image_index}.jpg").write_bytes(base64.b64decode(event.b64_json))
        else:
            (folder / "lighthouse.png").write_bytes(base64.b64decode(event.b64_json))
        print(event.type)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000", Path(sys.argv[2] if len(sys.argv) > 2 else "."))
