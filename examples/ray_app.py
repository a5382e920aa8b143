"""Another Ray Serve application that calls Darkroom through its handle, in the same cluster.

While Darkroom runs (`serve run config/demo.yaml`):

    serve run --name postcard --route-prefix /postcard examples.ray_app:app
    curl -s 'http://127.0.0.1:8000/postcard?place=Venice' -o postcard.png
"""

import io

from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import Response


@serve.deployment(ray_actor_options={"num_cpus": 0})
class Postcard:
    """Makes a postcard of a place."""

    def __init__(self) -> None:
        self._darkroom: DeploymentHandle = serve.get_app_handle("darkroom")

    async def __call__(self, request: Request) -> Response:
        """A PNG. A caller that hangs up cancels the generation."""
        place = request.query_params.get("place", "the sea")
        result = await self._darkroom.generate.remote(model="sd15", prompt=f"a postcard of {place}", seed=7)
        png = io.BytesIO()
        result.images[0].save(png, "PNG")
        return Response(png.getvalue(), media_type="image/png")


app = Postcard.bind()
