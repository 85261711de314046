"""A session, by a WebSocket library that is not ours.

Connects to the URL of the first argument. What else is given are subprotocols to offer. Every
frame that comes is a line on standard output, the close code and reason are the last one. Every
line on standard input is a frame to send.
"""

import json
import sys
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


def speak(socket):
    for line in sys.stdin:
        try:
            socket.send(line.rstrip("\n"))
        except ConnectionClosed:
            return


def main(url, *subprotocols):
    with connect(url, subprotocols=list(subprotocols) or None, proxy=None) as socket:
        threading.Thread(target=speak, args=[socket], daemon=True).start()
        try:
            while True:
                print(socket.recv(), flush=True)
        except ConnectionClosed:
            closed = {"type": "closed", "code": socket.close_code, "reason": socket.close_reason}
            print(json.dumps(closed), flush=True)


main(*sys.argv[1:])
