"""A DICOMweb server that answers wrongly, and notes what it was asked. The first part of a path names what it does:
http://127.0.0.1:PORT/SCENE is the root of a service."""
import http.server
import json
import ssl
import threading
import time

STUDY, SERIES = "1.2.826.0.1.3680043.2.1143.7.1", "1.2.826.0.1.3680043.2.1143.7.2"
DICOM = 'multipart/related; type="application/dicom"; boundary="the edge"'
JSON = "application/dicom+json"


def element(tag, value):
    return {tag: {"vr": "UI", "Value": [value]}}


def part(data):
    return b"--the edge\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n--the edge--\r\n"


class HostileWeb:
    """`objects`: instance UID -> bytes, of the one series that it has."""

    def __init__(self, objects, certificate=None):
        self.objects, self.asked, self.counts, self.bodies = objects, [], {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.handle(self, None)

            def do_POST(self):
                length, taken, kept = int(self.headers["Content-Length"]), 0, b""
                if self.path.startswith("/e413"):
                    return self.answer(413, "text/plain", b"too large", close=True)
                while taken < length:
                    block = self.rfile.read(min(1 << 16, length - taken))
                    if not block:
                        return None
                    taken += len(block)
                    kept = (kept + block)[:4096]
                return outer.handle(self, kept)

            def answer(self, status, kind, body, close=False, **headers):
                self.send_response(status)
                if kind:
                    self.send_header("Content-Type", kind)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                if close:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, scene, scheme="http", host="127.0.0.1"):
        return f"{scheme}://{host}:{self.port}/{scene}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handle(self, handler, body):
        path, _, query = handler.path.partition("?")
        scene, rest = path.lstrip("/").partition("/")[::2]
        self.asked.append((scene, rest, query, handler.headers.get("Authorization")))
        count = self.counts[scene] = self.counts.get(scene, 0) + 1
        try:
            getattr(self, "scene_" + scene, self.scene_good)(handler, rest, query, body, count)
        except (BrokenPipeError, ConnectionResetError):
            pass

    # A good service, from which the others differ in one thing.
    def scene_good(self, handler, rest, query, body, count):
        if body is not None:
            self.bodies.append(body)
            return handler.answer(200, JSON, b"{}")
        if "offset=0" not in query and not rest.split("/")[-2:-1] == ["instances"]:
            return handler.answer(204, None, b"")
        if rest == "studies":
            return handler.answer(200, JSON, json.dumps([element("0020000D", STUDY)]).encode())
        if rest.endswith("/series"):
            return handler.answer(200, JSON, json.dumps([element("0020000E", SERIES) | element("00080060", "MR")]).encode())
        if rest.endswith("/instances"):
            return handler.answer(200, JSON, json.dumps([element("00080018", uid) for uid in self.objects]).encode())
        return self.instance(handler, rest.split("/")[-1])

    def instance(self, handler, uid):
        handler.answer(200, DICOM, part(self.objects[uid]))

    def only_instances(self, handler, rest, query, body, count, wrong):
        if "/instances/" in rest:
            return wrong(handler, rest.split("/")[-1])
        return self.scene_good(handler, rest, query, body, count)

    def scene_html(self, handler, *_):
        handler.answer(200, "text/html; charset=utf-8", b"<html>Sign in</html>")

    def scene_half(self, handler, *_):
        handler.answer(200, JSON, b'[{"0020000D":{"vr":"UI","Value":["1.2')

    def scene_deep(self, handler, *_):
        handler.answer(200, JSON, b"[" * 200_000)

    def scene_flood(self, handler, *_):
        handler.send_response(200)
        handler.send_header("Content-Type", JSON)
        handler.send_header("Connection", "close")
        handler.close_connection = True
        handler.end_headers()
        while True:
            handler.wfile.write(b" " * (1 << 16))

    def scene_e401(self, handler, *_):
        handler.answer(401, "text/html", b"<html>who?</html>", WWW_Authenticate="Bearer")

    def scene_e403(self, handler, *_):
        handler.answer(403, None, b"")

    def scene_e404(self, handler, *_):
        handler.answer(404, "text/html", b"<html>nothing</html>")

    def scene_elsewhere(self, handler, *_):
        handler.answer(302, None, b"", Location=self.url("good/studies"))

    def scene_e409(self, handler, *_):
        failure = {"00081197": {"vr": "US", "Value": [42752]}}
        handler.answer(409, JSON, json.dumps({"00081198": {"vr": "SQ", "Value": [failure]}}).encode())

    def scene_busy(self, handler, rest, query, body, count):
        if count <= 2:
            return handler.answer(503, "text/plain", b"later", Retry_After="1")
        return self.scene_good(handler, rest, query, body, count)

    def scene_overrun(self, handler, *_):
        handler.answer(503, "text/plain", b"never", Retry_After="1")

    def scene_silent(self, *_):
        time.sleep(8)

    def scene_path(self, handler, rest, query, body, count):
        if rest.endswith("/series"):
            return handler.answer(200, JSON, json.dumps([element("0020000E", "../../../etc/passwd")]).encode())
        return self.scene_good(handler, rest, query, body, count)

    def scene_cut(self, *call):
        """The closing delimiter is missing, although HTTP's length is right."""
        self.only_instances(*call, lambda handler, uid: handler.answer(200, DICOM, part(self.objects[uid])[:-20]))

    def scene_other(self, *call):
        last = list(self.objects)[-1]
        self.only_instances(*call, lambda handler, uid: self.instance(handler, last))

    def scene_page(self, *call):
        self.only_instances(*call, lambda handler, uid: handler.answer(200, "text/html", b"<html>Sign in</html>"))

    def scene_endless(self, *call):
        def endless(handler, _):
            handler.send_response(200)
            handler.send_header("Content-Type", DICOM)
            handler.send_header("Connection", "close")
            handler.close_connection = True
            handler.end_headers()
            handler.wfile.write(b"--the edge\r\n\r\n\r\n")
            while True:
                handler.wfile.write(bytes(1 << 16))
        self.only_instances(*call, endless)

    def scene_drop(self, *call):
        """The first object comes; of the second half, each time, until `drop_ends`."""
        def drop(handler, uid):
            if uid == next(iter(self.objects)) or self.counts.get("drop_ends"):
                return self.instance(handler, uid)
            whole = part(self.objects[uid])
            handler.send_response(200)
            handler.send_header("Content-Type", DICOM)
            handler.send_header("Content-Length", str(len(whole)))
            handler.end_headers()
            handler.wfile.write(whole[:len(whole) // 2])
            handler.wfile.flush()
            handler.close_connection = True
            return handler.connection.close()
        self.only_instances(*call, drop)
