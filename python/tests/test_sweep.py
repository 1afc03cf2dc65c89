from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time

import pandas
import pytest

import metapicture


def experiment(networks, **more):
    return {
        "name": "small",
        "classifier": networks.narrow,
        "units": ["banana", "apple"],
        "methods": [{"preset": "naive", "steps": 2}],
        "seeds": 2,
        **more,
    }


def test_a_dict_is_an_experiment_and_goes_on_where_it_was(networks, tmp_path):
    told = []
    done = metapicture.sweep(experiment(networks), tmp_path / "out", progress=lambda *what: told.append(what))
    assert (done.done, done.failed, done.missing, done.out) == (4, 0, 0, tmp_path / "out")
    assert told[-1][:2] == (4, 4)
    more = metapicture.sweep(experiment(networks, seeds=3), tmp_path / "out", progress=False)
    assert more.done == 6
    frame = more.results()
    assert isinstance(frame, pandas.DataFrame) and len(frame) == 6 and set(frame["label"]) == {"banana", "apple"}
    assert frame["seed"].dtype == "int64" and frame["scored"].dtype == "float64"


def test_a_file_is_the_same_experiment(networks, tmp_path, monkeypatch):
    (tmp_path / "small.yaml").write_text(json.dumps(experiment(networks)))
    metapicture.sweep(tmp_path / "small.yaml", tmp_path / "a", set=["seeds=1"], progress=False)
    monkeypatch.chdir(tmp_path)
    swept = metapicture.sweep(experiment(networks, seeds=1), progress=False)
    assert swept.out.resolve() == tmp_path / "out" / "small"
    ids = [sorted(metapicture.results(folder)["run_id"]) for folder in (tmp_path / "a", swept.out)]
    assert ids[0] == ids[1] and len(ids[0]) == 2


def test_what_is_wrong_with_a_dict_is_told_by_its_key(networks, tmp_path):
    with pytest.raises(metapicture.RequestError, match="unit.*did you mean 'units'"):
        metapicture.sweep({**experiment(networks), "unit": "banana", "uints": []}, tmp_path, progress=False)
    with pytest.raises(metapicture.RequestError, match="latnet") as raised:
        metapicture.sweep(experiment(networks, methods=["latnet"]), tmp_path, progress=False)
    assert raised.value.key == "methods.0"
    with pytest.raises(metapicture.RequestError, match="experiment.units: a set is neither"):
        metapicture.sweep(experiment(networks, units={"banana"}), tmp_path, progress=False)
    with pytest.raises(metapicture.RequestError, match="no.yaml"):
        metapicture.sweep(tmp_path / "no.yaml", tmp_path, progress=False)


def test_ctrl_c_leaves_a_checkpoint_and_the_same_sweep_goes_on(networks, tmp_path):
    asked = experiment(networks, units=["apple"], seeds=1, methods=[{"preset": "naive", "steps": 20_000}])
    code = f"""
import metapicture
try:
    metapicture.sweep({asked!r}, {str(tmp_path)!r}, progress=lambda done, of, text: print(text, flush=True))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "step" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    start = time.perf_counter()
    # Until it is told; the interpreter takes its time to end on a busy machine.
    assert "interrupted\n" in iter(process.stdout.readline, "") and time.perf_counter() - start < 3
    process.communicate(timeout=60)
    assert any((tmp_path / "checkpoints").iterdir()) and not any((tmp_path / "runs").iterdir())
    first = []
    done = metapicture.sweep(asked, tmp_path, progress=lambda done, of, text: first.append(text))
    assert done.done == 1 and "step 1/" not in first[0]


def test_results_of_several_folders_and_without_pandas(networks, tmp_path):
    for name in "ab":
        metapicture.sweep(experiment(networks, units=["apple" if name == "a" else "cherry"]), tmp_path / name, progress=False)
    folders = [tmp_path / "a", tmp_path / "b", tmp_path / "a"]
    rows = metapicture.results(folders, frame="rows", settings=True)
    assert len(rows) == 4 and json.loads(rows[0]["settings"])["steps"] == 2
    with pytest.raises(metapicture.Error):
        metapicture.results(tmp_path / "no")
    with pytest.raises(metapicture.RequestError):
        metapicture.results(tmp_path / "a", frame="arrow")


def test_ten_thousand_runs_are_a_frame_in_two_seconds(networks, tmp_path):
    # An index is lines; those of other runs are made of one, beside folders that hold nothing.
    metapicture.sweep(experiment(networks, units=["apple"], seeds=1), tmp_path, progress=False)
    [segment] = [path for path in (tmp_path / "index").iterdir() if path.stat().st_size and not path.name.startswith(".")]
    lines = segment.read_text().splitlines()
    [text] = [line.partition(" ")[2] for line in lines if "run_id" in line]
    of_one = json.loads(text)["run_id"]
    for number in range(1, 10_000):
        other = f"{number:016x}"
        (tmp_path / "runs" / other).mkdir()
        of_other = text.replace(of_one, other)
        digits = hashlib.sha256(f"metapicture index 2\n{of_other}".encode()).hexdigest()[:16]
        lines.append(f"{digits} {of_other}")
    segment.write_text("\n".join(lines) + "\n")
    # Seconds of this process, whatever else the machine does.
    start = time.process_time()
    frame = metapicture.results(tmp_path)
    took = time.process_time() - start
    assert len(frame) == 10_000
    assert took < 2, took
