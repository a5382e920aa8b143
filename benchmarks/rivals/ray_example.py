"""Ray's documented Stable Diffusion application, written out for the demo weights: an ingress, and a deployment that
makes one picture after the other.

https://docs.ray.io/en/latest/serve/tutorials/stable-diffusion.html, with two changes. Torch takes all cores, as it does
by itself outside of Ray. And one call runs at a time: as documented, several do, in threads, and those share one
pipeline with one scheduler, which ends in IndexErrors.
"""

import os

from fastapi import FastAPI, Response
from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle

from benchmarks.rivals.asked import Asked, load, paint

app = FastAPI()


@serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 0})
@serve.ingress(app)
class APIIngress:
    """The HTTP side."""

    def __init__(self, model: DeploymentHandle) -> None:
        self.handle = model

    @app.post("/imagine")
    async def generate(self, asked: Asked) -> Response:
        """One picture."""
        return Response(await self.handle.generate.remote(asked), media_type="image/png")


@serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 0}, max_ongoing_requests=1)
class StableDiffusion:
    """The pipeline, on a replica of its own."""

    def __init__(self, model: str) -> None:
        import torch

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self.pipe = load(model)

    def generate(self, asked: Asked) -> bytes:
        """A PNG."""
        return paint(self.pipe, asked)


def build(args: dict[str, str]) -> Application:
    """``args``: ``{"model": "sd15"}``."""
    return APIIngress.bind(StableDiffusion.bind(args["model"]))
