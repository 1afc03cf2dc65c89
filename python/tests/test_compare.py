"""A comparison from Python is the command's, and a notebook shows it."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas
import pytest

import metapicture
from conftest import write_noise

FEW = {"permuted_units": 1, "manipulated_units": 0, "inversions": 0, "replicates": 100, "permutations": 99, "seed": 3}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of noise, in folders of two classes, as photographs."""
    return write_noise(tmp_path_factory.mktemp("photographs"), ("banana", "cherry"), 6, 6, (48, 40), seed=0)


@pytest.fixture(scope="module")
def swept(networks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("swept") / "small"
    experiment = {
        "name": "small",
        "description": "Two methods",
        "classifier": networks.narrow,
        "units": ["banana", "cherry"],
        "methods": [{"preset": "naive", "steps": 2}, {"preset": "latent", "steps": 2}],
        "generator": networks.faces,
        "seeds": 2,
    }
    metapicture.sweep(experiment, out, progress=False)
    return out


@pytest.fixture(scope="module")
def compared(networks, swept, photographs) -> metapicture.Compared:
    return metapicture.compare(swept, witnesses=networks.wider, references=photographs, progress=False, **FEW)


def test_it_is_what_the_command_leaves_byte_for_byte(networks, program, compared, swept):
    assert compared.out == swept.with_name("small-compared")
    words = shlex.split(compared.findings["settings"]["command"])
    assert words[:3] == ["metapicture", "compare", str(swept)] and "--permuted-units" in words
    files = lambda: {path.relative_to(compared.out): path.read_bytes() for path in compared.out.rglob("*") if path.is_file()}
    made = files()
    for path in sorted(compared.out.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    done = program(*words[1:])
    assert done.returncode == 0, done.stderr
    by_command = files()
    assert sorted(by_command) == sorted(made) and {Path("comparison.json"), Path("summary.csv")} <= set(made)
    assert [str(path) for path in made if made[path] != by_command[path]] == []


def test_methods_are_a_frame_with_intervals(compared):
    methods = compared.methods
    assert isinstance(methods, pandas.DataFrame)
    of_runs = methods[methods["kind"] == "run"]
    assert list(of_runs["method"]) == ["naive", "latent"] and list(of_runs["pictures"]) == [4, 4]
    assert {"activation", "activation_low", "activation_high"} <= set(methods) and not any(name.endswith("_note") for name in methods)
    found = {method["label"]: method for method in compared.findings["methods"]}
    for _, row in of_runs.iterrows():
        assert row["activation"] == found[row["method"]]["metrics"]["activation"]["value"]
    assert "activation" in compared.metrics and isinstance(compared.cautions, list)


def test_tables_are_frames(compared):
    pictures = compared.table("metrics")
    assert len(pictures) == len(compared.findings["pictures"]) and pictures["activation"].dtype == "float64"
    assert len(compared.table("metrics.csv", frame="rows")) == len(pictures)
    with pytest.raises(metapicture.RequestError, match="'metric' is none of layers, metrics, observers"):
        compared.table("metric")
    for name in compared.tables:
        assert len(compared.table(name, frame="polars" if _has_polars() else "rows"))


def _has_polars() -> bool:
    try:
        import polars  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


def test_a_notebook_shows_the_report_in_a_frame_of_its_own(compared):
    shown = compared._repr_html_()
    assert shown.startswith('<iframe sandbox="allow-scripts') and "Two methods" in shown
    # Nothing of the page ends the attribute that it stands in.
    assert shown.count('"') == 6 and shown.endswith('"></iframe>')
    assert not (compared.out / "report.html").exists()
    page = compared.report(photographs=False)
    assert page.path == compared.out / "report.html" and 0 < page.pictures < len(compared.findings["pictures"])
    assert page._repr_html_().startswith("<iframe") and "&lt;base href=&quot;about:srcdoc&quot;&gt;" in page._repr_html_()
    page.path.unlink()


def test_a_report_that_is_too_large_is_a_small_table(compared, monkeypatch):
    monkeypatch.setattr("metapicture._comparison._SHOWN", 0.001)
    again = metapicture.Compared.open(compared.out)
    shown = again._repr_html_()
    assert "<iframe" not in shown and "<th>naive</th><td>2</td><td>4</td>" in shown
    assert all(caution.split()[0] in shown for caution in again.cautions)


def test_plots_are_pictures(compared):
    plots = compared.plots
    assert plots, "there is a plot"
    for name, plot in plots.items():
        assert plot.name == name and plot._repr_png_().startswith(b"\x89PNG") and "<svg" in plot.svg()


def test_progress_is_told_and_may_end_it(networks, swept, photographs, tmp_path):
    told = []
    ask = {"witnesses": networks.wider, "references": str(photographs), **FEW}
    metapicture.compare(swept, tmp_path / "a", progress=lambda *what: told.append(what), **ask)
    assert {"photographs", "pictures", "figures of methods"} <= {text for _, _, text in told}

    class Enough(Exception):
        pass

    def follow(done, of, text):
        if text == "pictures":
            raise Enough

    with pytest.raises(Enough):
        metapicture.compare(swept, tmp_path / "b", progress=follow, **ask)
    assert not (tmp_path / "b" / "comparison.json").exists()


def test_ctrl_c_ends_it(networks, swept, photographs, tmp_path):
    code = f"""
import metapicture
try:
    metapicture.compare({str(swept)!r}, {str(tmp_path)!r}, witnesses={networks.wider!r}, references={str(photographs)!r}, inversions=5,
                        inversion_steps=100_000, permuted_units=0, manipulated_units=0, progress=lambda done, of, text: print(text, flush=True))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("nearest pictures of"):
            break
    process.send_signal(signal.SIGINT)
    start = time.perf_counter()
    # Until it is told; the interpreter takes its time to end on a busy machine.
    assert "interrupted\n" in iter(process.stdout.readline, "") and time.perf_counter() - start < 3
    process.communicate(timeout=60)
    assert not (tmp_path / "comparison.json").exists()


def test_what_is_wrong_is_told(networks, swept, photographs, tmp_path):
    ask = {"references": photographs, "progress": False}
    with pytest.raises(metapicture.RequestError, match="folders: at least one is needed"):
        metapicture.compare()
    with pytest.raises(metapicture.RequestError, match="replicates: 5 is not between 100 and 1000000"):
        metapicture.compare(swept, tmp_path, replicates=5, **ask)
    with pytest.raises(metapicture.RequestError, match="no layer 'no'") as raised:
        metapicture.compare(swept, tmp_path, layers="no", **ask)
    assert not str(raised.value).startswith("-")
    with pytest.raises(metapicture.RequestError, match="there are no records"):
        metapicture.compare(tmp_path, tmp_path / "x", **ask)
    with pytest.raises(metapicture.RequestError, match=r"comparison\.json"):
        metapicture.Compared.open(tmp_path)
    with pytest.raises(metapicture.RequestError, match=r"comparison\.json"):
        metapicture.report(tmp_path)
    (tmp_path / "comparison.json").write_text(json.dumps({"schema_version": 1}))
    with pytest.raises(metapicture.RequestError, match="compare again"):
        metapicture.report(tmp_path)
