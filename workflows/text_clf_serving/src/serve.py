"""Answer POST /v2/predict with the class of a text, by the model that the training has left.

AI Core puts the files of the model into /mnt/models. There is nothing in it but Python, so that the way from a model to
an answer can be tested; a real server would use a framework.
"""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MODEL = Path("/mnt/models/model.json")
PORT = 9001
"""The `containerPort` of the template."""


class Server(BaseHTTPRequestHandler):
    """Answers requests."""

    protocol_version = "HTTP/1.1"
    model: Any = None

    def do_GET(self) -> None:
        """Tell which classes there are."""
        if self.path == "/v2/classes":
            self.answer(200, self.model["classes"])
        else:
            self.answer(404, {"error": "unknown path"})

    def do_POST(self) -> None:
        """Classify a text."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.path != "/v2/predict":
            self.answer(404, {"error": "unknown path"})
            return
        try:
            text = str(json.loads(body)["text"])
        except (ValueError, TypeError, KeyError):
            self.answer(400, {"error": 'expected {"text": "..."}'})
            return
        self.answer(200, {"class": classify(self.model["tree"], set(re.findall(r"[a-z]+", text.lower())))})

    def answer(self, status: int, content: Any) -> None:
        """Send an answer."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def classify(tree: Any, words: set[str]) -> str:
    """Return the class that a tree gives to a text of these words."""
    while isinstance(tree, dict):
        tree = tree["with" if tree["word"] in words else "without"]
    return str(tree)


def main() -> None:
    """Load the model, then listen."""
    Server.model = json.loads(MODEL.read_text(encoding="utf-8"))
    print(f"model of the classes {Server.model['classes']}, listening on port {PORT}", flush=True)
    ThreadingHTTPServer(("0.0.0.0", PORT), Server).serve_forever()  # noqa: S104  AI Core reaches it from outside


if __name__ == "__main__":
    main()
