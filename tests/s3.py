"""A real S3 endpoint for tests, from PyPI, on loopback."""

import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import boto3

REGION = "us-east-1"

_SERVE = """
import signal
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
signal.pause()
"""


@contextmanager
def s3_endpoint() -> Iterator[Mapping[str, str]]:
    """A running endpoint: the environment in which ``s3://`` leads there."""
    # a process of its own: one that ends with connections open would wait for them
    command = [sys.executable, "-c", _SERVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            port = int(server.stdout.readline())  # type: ignore[union-attr]
            yield {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ALLOW_HTTP": "true",
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_REGION": REGION,
            }
        finally:
            server.kill()


def fresh_bucket(environ: Mapping[str, str]) -> str:
    """The URL of a new bucket."""
    name = f"darkroom-{secrets.token_hex(6)}"
    client = boto3.client(
        "s3",
        endpoint_url=environ["AWS_ENDPOINT_URL"],
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    client.create_bucket(Bucket=name)
    client.close()
    return f"s3://{name}/images"
