"""A receiver of webhooks that believes what is signed and nothing else.

DARKROOM_WEBHOOK_SECRET=whsec_... python examples/webhook_receiver.py [PORT]
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["DARKROOM_WEBHOOK_SECRET"])
seen: set[str] = set()  # a real receiver keeps the ids where a restart does not lose them


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what it has taken in, and 401 to what somebody else has sent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            notice = webhook.verify(body, dict(self.headers))
        except WebhookVerificationError as error:
            self.send_error(401, str(error))
            return
        if (name := self.headers["webhook-id"]) not in seen:  # it may come again
            seen.add(name)
            print(notice["type"], notice["data"]["job_id"], *(image["path"] for image in notice["data"]["images"]))
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9000), Receiver) as server:
        print(f"http://127.0.0.1:{server.server_port}/")
        server.serve_forever()
