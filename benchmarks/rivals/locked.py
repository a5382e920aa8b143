"""The server that most people write first: FastAPI, one pipeline, and a lock around it.

python -m benchmarks.rivals.locked --model sd15 --port 8118
"""

import argparse
import threading

import uvicorn
from fastapi import FastAPI, Response

from benchmarks.rivals.asked import Asked, load, paint


def application(model: str) -> FastAPI:
    """The pipeline is not made for two calls at once, so they wait for each other."""
    stock, lock = load(model), threading.Lock()
    app = FastAPI()

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/txt2img")
    def txt2img(asked: Asked) -> Response:
        with lock:
            picture = paint(stock, asked)
        return Response(picture, media_type="image/png")

    return app


def main() -> None:
    """Serve on this machine alone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    uvicorn.run(application(options.model), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
