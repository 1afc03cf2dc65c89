"""What can be named, and what is told while it is downloaded."""

from __future__ import annotations

import http.server
import json
import logging
import signal
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest

import metapicture


def test_models_are_a_frame_of_what_the_command_lists(program):
    listed = json.loads(program("models", "list", "--json").stdout)
    assert metapicture.models(frame="rows") == listed and len(listed) > 50
    encoders = metapicture.models("encoder")
    assert set(encoders["kind"]) == {"encoder"} and encoders["size"].dtype == "int64"
    assert not metapicture.models()["pulled"].any(), "the cache of the tests is empty"


def test_layers_are_those_of_the_network(networks):
    rows = metapicture.layers(networks.narrow, frame="rows")
    shapes = {row["name"]: row["shape"] for row in rows}
    assert shapes["first"] == (8, 16, 16) and shapes["second"] == (8, 8, 8) and shapes["last"] == (5,)
    assert any("logits" in row["aliases"] for row in rows)
    generator = metapicture.layers(networks.faces)
    assert len(generator) > 5 and generator["shape"].iloc[-1] == (3, 32, 32)
    with pytest.raises(metapicture.RequestError, match="is no network: it has no layers"):
        metapicture.layers("photos", progress=False)
    with pytest.raises(metapicture.RequestError, match="did you mean 'efficientnet-lite0'"):
        metapicture.layers("efficientnet-lite00")


def test_methods_are_the_presets(program):
    presets = json.loads(program("methods", "list", "--json").stdout)
    rows = metapicture.methods(frame="rows")
    assert [row["name"] for row in rows] == [preset["name"] for preset in presets]
    assert [row["steps"] for row in rows] == [preset["steps"] for preset in presets]


class Slow(http.server.BaseHTTPRequestHandler):
    """A file, a part at a time."""

    body = b""
    pause = 0.0

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        try:
            for start in range(0, len(self.body), 1 << 10):
                self.wfile.write(self.body[start : start + (1 << 10)])
                time.sleep(self.pause)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(networks, tmp_path):
    """Manifests of the narrow classifier, whose file this process serves."""

    def serve(pause: float, name: str) -> Path:
        source = Path(networks.narrow).with_suffix(".pt2").read_bytes()
        handler = type("Of", (Slow,), {"body": source, "pause": pause})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        text = Path(networks.narrow).read_text().replace("name: narrow\n", f"name: {name}\n")
        text = text[: text.index("weights:")]
        digest = sha256(source).hexdigest()
        url = f"http://127.0.0.1:{server.server_port}/{name}.pt2"
        text += f"weights: {{file: {name}.pt2, sha256: {digest}, size: {len(source)}, source: {{url: '{url}'}}}}\n"
        (tmp_path / f"{name}.yaml").write_text(text)
        return tmp_path / f"{name}.yaml"

    servers: list[http.server.ThreadingHTTPServer] = []
    yield serve
    for server in servers:
        server.shutdown()


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_pull_is_told_in_bytes(served, own_cache):
    manifest = served(0, "fetched")
    told: list[tuple[int, int, str]] = []
    files = metapicture.pull(manifest, progress=lambda *what: told.append(what))
    [file] = files[str(manifest)]
    assert file.is_file() and own_cache in file.parents
    size = file.stat().st_size
    assert told[0] == (0, size, "fetched.pt2") and told[-1] == (size, size, "fetched.pt2")
    told.clear()
    assert metapicture.pull(manifest, progress=lambda *what: told.append(what)) == files and not told


@pytest.mark.parametrize("call", ["visualize", "classify", "layers", "sweep"])
def test_whoever_needs_a_model_is_told_of_its_download(served, own_cache, call, tmp_path):
    # A process keeps the place of its cache from its first call on.
    manifest = str(served(0, f"of{call}"))
    calls = {
        "visualize": f"metapicture.visualize({manifest!r}, 'banana', steps=1, progress=follow)",
        "classify": f"metapicture.classify({manifest!r}, numpy.zeros((32, 32, 3)), progress=follow)",
        "layers": f"metapicture.layers({manifest!r}, progress=follow)",
        "sweep": f"metapicture.sweep(dict(name='s', classifier={manifest!r}, units=['banana'], methods=['naive'], steps=1), {str(tmp_path)!r}, progress=follow)",
    }
    code = f"import metapicture, numpy\nfollow = lambda done, of, text: print(done, of, text, flush=True)\n{calls[call]}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    bytes_told = [line.split() for line in done.stdout.splitlines() if line.endswith(f"of{call}.pt2")]
    assert bytes_told[0][0] == "0" and bytes_told[-1][0] == bytes_told[-1][1]


def test_ctrl_c_gives_a_pull_up(served, own_cache):
    manifest = served(0.5, "slow")
    code = f"""
import metapicture
try:
    metapicture.pull({str(manifest)!r}, progress=lambda done, of, text: print(text, flush=True))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and "slow.pt2" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    start = time.perf_counter()
    # Until it is told; the interpreter takes its time to end on a busy machine.
    assert "interrupted\n" in iter(process.stdout.readline, "") and time.perf_counter() - start < 3
    process.communicate(timeout=60)
    assert not any(path.is_file() and path.suffix == ".pt2" for path in own_cache.rglob("*"))


def test_a_pull_that_fails_is_a_model_error(networks, own_cache, tmp_path):
    text = Path(networks.narrow).read_text().replace("name: narrow\n", "name: gone\n")
    text = text[: text.index("weights:")]
    text += f"weights: {{file: gone.pt2, sha256: {'0' * 64}, size: 5, source: {{url: 'http://127.0.0.1:9/gone.pt2'}}}}\n"
    (tmp_path / "gone.yaml").write_text(text)
    with pytest.raises(metapicture.ModelError, match=r"gone"):
        metapicture.pull(tmp_path / "gone.yaml", progress=False)
    with pytest.raises(metapicture.RequestError, match="did you mean"):
        metapicture.pull("efficientnet-lite00", progress=False)


def test_what_should_be_read_goes_to_a_logger(served, own_cache, caplog):
    manifest = served(0, "terms")
    text = manifest.read_text().replace("licence: none", "licence: CC-BY-NC-4.0\nnon_commercial: true")
    manifest.write_text(text)
    with caplog.at_level(logging.WARNING, "metapicture"):
        metapicture.pull(manifest, progress=False)
    assert "forbids commercial use" in caplog.text
