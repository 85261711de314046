"""A node, driven by its own description.

Schemathesis reads the document at the URL of the first argument, makes calls of it that the
document allows and such that it does not, and holds every answer against the document. How it does
so is in document.toml; the key is in the environment.

Where the document asks for what the node itself gave out, something made up would only ever be
refused. So there is one session, opened anew when a call has ended it, and its id stands in every
call that is allowed; a cursor is one that a list could have given; no idempotency key is used for
two calls; and who gets a ticket is not kept out by the block of another call.

The last line on standard output is a JSON object: by operation, how many calls were made that the
document allows, how many of these succeeded, and how many that it does not allow were refused.
"""

import json
import os
import queue
import re
import sys
import threading
import urllib.error
import urllib.request
from base64 import urlsafe_b64encode
from collections import defaultdict
from pathlib import Path
from urllib.parse import quote, urlsplit

import schemathesis
from schemathesis.cli import schemathesis as program
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

DOCUMENT = sys.argv[1]
SERVER = urlsplit(DOCUMENT).netloc
KEY = os.environ["DOCUMENT_KEY"]

ID = re.compile(r"\bs_[0-9a-f]{2}[0-9A-Za-z]{22}$")

# Calls after which a line is due: whoever waits wants to see that it goes on.
LINE_EVERY = 200


def ask(method, path, body=None):
    """The answer to a call of the node; none if it was refused."""
    request = urllib.request.Request(
        f"http://{SERVER}{path}",
        method=method,
        headers={"authorization": f"Bearer {KEY}", "content-type": "application/json"},
        data=json.dumps(body).encode() if body is not None else None,
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError:
        return None


def let_in(user):
    """Lifts the block of a user whom an earlier call has kept out."""
    ask("DELETE", f"/v1/users/{quote(user, safe='')}/block")


def stay(ticket, welcomes):
    """Is a session until it is ended."""
    offer = ["usher.v1", f"ticket.{ticket}"]
    with connect(f"ws://{SERVER}/v1/connect", subprotocols=offer, proxy=None) as socket:
        welcomes.put(json.loads(socket.recv()))
        try:
            while True:
                socket.recv()
        except ConnectionClosed:
            pass


class Session:
    """The session that is there."""

    def __init__(self):
        self.id = None

    def now(self):
        """Its id."""
        if self.id is None or ask("GET", f"/v1/sessions/{self.id}") is None:
            let_in("alice")
            ticket = ask("POST", "/v1/tickets", {"user": "alice"})["ticket"]
            welcomes = queue.Queue()
            threading.Thread(target=stay, args=[ticket, welcomes], daemon=True).start()
            self.id = welcomes.get(timeout=30)["session"]
        return self.id


SESSION = Session()
COUNTS = defaultdict(lambda: {"allowed": 0, "succeeded": 0, "refused": 0})
CALLS = 0


def with_session(value):
    """The value, with the id of the session that is there for any other."""
    if isinstance(value, str) and ID.search(value):
        return ID.sub(SESSION.now(), value)
    if isinstance(value, dict):
        # What a message says is not looked at.
        return {k: v if k == "data" else with_session(v) for k, v in value.items()}
    return value


def is_allowed(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.hook
def before_call(context, case, kwargs):
    if not is_allowed(case):
        return
    if case.path == "/v1/tickets":
        let_in(case.body["user"])
    if case.path == "/v1/blocks" and "cursor" in case.query:
        case.query = {**case.query, "cursor": urlsafe_b64encode(b"alice").decode().rstrip("=")}
    if "Idempotency-Key" in case.headers:
        key = f"{case.headers['Idempotency-Key'][:200]}{CALLS}"
        case.headers = {**case.headers, "Idempotency-Key": key}
    for name in ("path_parameters", "query", "body"):
        value = getattr(case, name)
        # What is assigned is judged again, and escapes in a path count as characters then.
        if (new := with_session(value)) != value:
            setattr(case, name, new)


@schemathesis.hook
def after_call(context, case, response):
    global CALLS
    CALLS += 1
    if CALLS % LINE_EVERY == 0:
        print(f"{CALLS} calls", flush=True)
    # Another method than the document has is no call of the operation.
    if case.meta is None or case.method.upper() != case.operation.method.upper():
        return
    count = COUNTS[case.operation.label]
    if is_allowed(case):
        count["allowed"] += 1
        count["succeeded"] += 200 <= response.status_code < 300
    else:
        count["refused"] += 400 <= response.status_code < 500


def main():
    config = str(Path(__file__).with_suffix(".toml"))
    try:
        program.main(["--config-file", config, "run", DOCUMENT])
    finally:
        print(json.dumps(COUNTS), flush=True)


main()
