#!/usr/bin/python3
"""The outbox that one writes by hand: sqlite3, http.client, one commit a message.

    python_outbox.py serve SOCKET DATABASE      accepts upserts over HTTP on a Unix socket
    python_outbox.py fill DATABASE COUNT        the same messages, a thousand a commit
    python_outbox.py drain DATABASE PORT        delivers all of them, a hundred a request, in order

drain prints how long it took, as JSON. It is as good as such scripts get: WAL and FULL, one prepared
statement, bodies joined as text and never parsed. It keeps no order but the rows', survives no
poisoned row, and merges nothing.
"""

import http.client
import http.server
import json
import socketserver
import sqlite3
import sys
import threading
import time

BATCH_ITEMS = 100


def connect(path):
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE IF NOT EXISTS outbox(seq INTEGER PRIMARY KEY, body TEXT NOT NULL)")
    return database


class Writers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body of an answer in one write

    def address_string(self):
        return "local"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        json.loads(body)
        with self.server.lock:
            receipt = self.server.database.execute(
                "INSERT INTO outbox(body) VALUES(?)", (body,)
            ).lastrowid
        answer = b'{"success":true,"receipt":%d}' % receipt
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 512


def serve(socket, path):
    with Server(socket, Writers) as server:
        server.lock = threading.Lock()
        server.database = connect(path)
        server.serve_forever()


def message(number):
    return (
        '{"type":"Order","id":"ORD-%012d","properties":{"status":"in_transit",'
        '"carrier":"North Rail","reference":"REF-%012d","total":5420.00,"currency":"EUR",'
        '"items":12,"priority":null,"express":true,"note":"dock"}}' % (number, number)
    )


def fill(path, count):
    database = connect(path)
    for first in range(0, count, 1000):
        database.execute("BEGIN")
        rows = ((message(number),) for number in range(first, min(first + 1000, count)))
        database.executemany("INSERT INTO outbox(body) VALUES(?)", rows)
        database.execute("COMMIT")


def drain(path, port):
    database = connect(path)
    api = http.client.HTTPConnection("127.0.0.1", port)
    delivered = 0
    begun = time.monotonic()
    while rows := database.execute(
        "SELECT seq, body FROM outbox ORDER BY seq LIMIT ?", (BATCH_ITEMS,)
    ).fetchall():
        body = '{"objects":[' + ",".join(row[1] for row in rows) + "]}"
        api.request("POST", "/object/batch", body, {"Content-Type": "application/json"})
        answer = api.getresponse()
        outcome = json.loads(answer.read())
        if answer.status != 200 or outcome["processed"] != len(rows):
            sys.exit("the API refused a batch")
        database.execute("DELETE FROM outbox WHERE seq BETWEEN ? AND ?", (rows[0][0], rows[-1][0]))
        delivered += len(rows)
    print(json.dumps({"operations": delivered, "seconds": time.monotonic() - begun}))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", socket, path]:
            serve(socket, path)
        case ["fill", path, count]:
            fill(path, int(count))
        case ["drain", path, port]:
            drain(path, int(port))
        case _:
            sys.exit(__doc__)
