"""The notebooks run from the first cell to the last, with few steps, where the user's cache has their networks."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest


nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed here")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed here")
pytest.importorskip("ipykernel", reason="ipykernel is not installed here")

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
FEW = {"STEPS": 2, "SEEDS": 1, "SIZE": 64, "UNITS": ["banana", "wig"], "CONTROLS": 0}


def notebooks():
    return sorted(FOLDER.glob("*.ipynb"))


def run(name, folder, cache):
    """Executes a notebook there with the numbers of `FEW` in the cell of its parameters, and returns it."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    [parameters] = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    fewer = set()
    for word, value in FEW.items():
        parameters.source, found = re.subn(rf"^{word} = .*$", f"{word} = {value!r}", parameters.source, flags=re.MULTILINE)
        fewer |= {word} if found else set()
    numbers = {line.partition(" = ")[0] for line in parameters.source.splitlines() if re.match(r"[A-Z]+ = \d", line)}
    assert "STEPS" in fewer and numbers <= fewer
    os.environ["XDG_CACHE_HOME"] = str(cache)
    client = nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    return client.execute()


def needs_zoo(cache, *names):
    if not (cache / "metapicture" / "zoo").exists() and not os.environ.get("METAPICTURE_EXAMPLES"):
        pytest.skip(f"no networks of the zoo are here ({', '.join(names)})")


@pytest.fixture(autouse=True)
def own_cache():
    """The kernel takes its environment from here; other tests go on with theirs."""
    before = os.environ.get("XDG_CACHE_HOME")
    yield
    if before is None:
        os.environ.pop("XDG_CACHE_HOME", None)
    else:
        os.environ["XDG_CACHE_HOME"] = before


def outputs(notebook, kind):
    return [output["data"][kind] for cell in notebook.cells for output in cell.get("outputs", []) if kind in output.get("data", {})]


def test_they_are_kept_without_outputs_and_other_traces():
    assert {path.stem for path in notebooks()} == {"first-pictures", "what-legibility-costs", "your-own-network"}
    for path in notebooks():
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert set(notebook.metadata) == {"kernelspec", "language_info"}, path
        for cell in notebook.cells:
            assert not cell.get("outputs") and cell.get("execution_count") is None, path
            assert set(cell.metadata) <= {"tags"}, path


def test_first_pictures(tmp_path, users_cache):
    needs_zoo(users_cache, "efficientnet-lite0", "efficientnet-lite1", "face-dcgan")
    notebook = run("first-pictures", tmp_path, users_cache)
    assert len(outputs(notebook, "image/png")) == 3
    assert outputs(notebook, "text/plain")[-1].startswith("(True, '2.13.0'")
    assert (tmp_path / "face.png").exists() and (tmp_path / "out" / "first-pictures" / "sheet.png").exists()


def test_your_own_network(tmp_path, users_cache):
    notebook = run("your-own-network", tmp_path, users_cache)
    assert "((1, 64, 64, 3), True)" in outputs(notebook, "text/plain")


def test_what_legibility_costs(tmp_path, users_cache):
    needs_zoo(users_cache, "efficientnet-lite0", "efficientnet-lite1", "squeezenet-caffe", "face-dcgan")
    notebook = run("what-legibility-costs", tmp_path, users_cache)
    assert any("Swept(" in text and "done=6" in text for text in outputs(notebook, "text/plain"))
    assert (tmp_path / "out" / "what-legibility-costs-compared" / "comparison.json").exists()
