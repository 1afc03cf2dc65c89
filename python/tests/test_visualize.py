from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pandas
import pytest

import metapicture


def visualize(networks, unit="banana", **options):
    options = {"method": "naive", "steps": 3, "progress": False, **options}
    return metapicture.visualize(networks.narrow, unit, **options)


def test_a_picture_is_bytes_array_image_and_record(networks, tmp_path):
    [picture] = visualize(networks)
    array = picture.numpy()
    assert array.shape == (32, 32, 3) and array.dtype == np.uint8
    array[0, 0] = array[0, 0]  # it is one's own
    assert picture._repr_png_() == picture.png() and picture.png().startswith(b"\x89PNG")
    assert np.array_equal(np.asarray(picture.pil()), array) and np.array_equal(np.asarray(picture), array)
    assert (picture.unit, picture.model, picture.method, picture.seed) == ("class:banana", "narrow", "naive", 0)
    assert isinstance(picture.activation, float) and 0 <= picture.probability <= 1 and picture.witness_probability is None
    trace = picture.trace
    assert isinstance(trace, pandas.DataFrame) and trace["step"].iloc[0] == 0 and {"loss", "activation"} <= set(trace.columns)
    assert picture.record["run_id"] == picture.run_id and picture.record["provenance"]["libtorch"] == "2.13.0"
    assert repr(picture) == "<Picture of class:banana by naive, seed 0, 32 x 32>"
    picture.save(tmp_path / "a.png")
    picture.save(tmp_path / "a.jpg")
    assert (tmp_path / "a.png").read_bytes() == picture.png() and (tmp_path / "a.jpg").stat().st_size > 0
    picture.save_record(tmp_path / "record")
    read = metapicture.Picture.open(tmp_path / "record")
    assert (read.png(), read.record) == (picture.png(), picture.record) and read.trace.equals(picture.trace)


def test_seeds_are_a_number_or_which(networks):
    two = visualize(networks, seeds=2)
    others = visualize(networks, seeds=[1, 5, 0])
    assert [picture.seed for picture in two] == [0, 1]
    assert [picture.seed for picture in others] == [1, 5, 0]
    assert two[1].run_id == others[0].run_id and two[0].run_id == others[2].run_id


def test_a_method_is_a_dict_spelled_out_or_a_preset_with_what_is_different(networks):
    [preset] = visualize(networks, method="naive")
    [same] = visualize(networks, method={"preset": "naive"})
    assert (same.run_id, same.png()) == (preset.run_id, preset.png())
    [other] = visualize(
        networks, method={"preset": "naive", "name": "quick", "optimizer": {"adam": {"lr": np.float32(0.5)}}, "keep": "best"}
    )
    settings = other.record["method_settings"]
    assert other.method == "quick" and settings["optimizer"]["adam"]["lr"] == 0.5 and settings["keep"] == "best"
    spelled = {
        "name": "mine",
        "param": {"pixel": {"noise": 0.01}},
        "optimizer": {"sgd": {"lr": 1}},
        "transforms": [{"jitter": {"pixels": 2}}],
        "steps": 2,
    }
    [mine] = visualize(networks, method=spelled, steps=None)
    assert mine.record["method_settings"]["steps"] == 2 and mine.trace["step"].iloc[-1] == 2


@pytest.mark.parametrize(
    ("method", "key", "message"),
    [
        ({"preset": "naive", "stpes": 3}, None, "method: unknown key 'stpes'; did you mean 'steps'?"),
        ({"preset": "latnet"}, "preset", "method: preset: no preset 'latnet'; did you mean 'latent'?"),
        ({"preset": "naive", "steps": 0}, "steps", "method: steps: at least 1"),
        ({"preset": "naive", "size": 64}, "size", "method: size: is no setting of a method; it is given beside it"),
        ({"preset": "naive", "file": "mine.yaml"}, "file", "method: file: a method builds upon a preset or a file, not both"),
        ({"steps": 3}, None, "method: 'name' is missing"),
        (
            {"preset": "lucid-2017", "transforms": [{"jitter": {"pixels": -4}}]},
            "transforms.0.jitter.pixels",
            "a whole number from 0 is wanted",
        ),
        ({"preset": "naive", "optimizer": {"adam": {"lr": float("nan")}}}, "method.optimizer.adam.lr", "nan is not a finite number"),
        ({"preset": "naive", "filters": [len]}, "method.filters.0", "is neither a number, a text, a list nor a dict"),
        ({"preset": "naive", 3: 4}, "method", "a key is a text, and 3 is none"),
    ],
)
def test_what_is_wrong_with_a_method_is_told_by_its_key(networks, method, key, message):
    with pytest.raises(metapicture.RequestError) as raised:
        visualize(networks, method=method)
    assert message in str(raised.value) and raised.value.key == key and "\n" not in str(raised.value)


def test_a_prior_is_searched_and_witnesses_judge(networks):
    [picture] = visualize(networks, method=None, prior=networks.faces, witnesses=networks.wider)
    assert picture.record["generator"] == "faces" and picture.method == "latent"
    assert 0 <= picture.witness_probability <= 1


def test_what_is_kept_is_not_computed_again(networks, tmp_path):
    told = []
    follow = lambda done, of, text: told.append((done, of))
    [first] = visualize(networks, out=tmp_path / "out", progress=follow)
    assert told[-1] == (3, 3)
    told.clear()
    [again] = visualize(networks, out=tmp_path / "out", progress=follow)
    assert not told and again.png() == first.png()
    assert {"results.csv", "sheet.png", "manifests.json"} <= {path.name for path in (tmp_path / "out").iterdir()}
    kept = metapicture.Picture.open(tmp_path / "out" / "runs" / first.run_id)
    [unkept] = visualize(networks)
    assert kept.png() == first.png() == unkept.png() and unkept.run_id == first.run_id


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"unit": "bananna"}, metapicture.RequestError, "did you mean 'banana'"),
        ({"method": "latnet"}, metapicture.RequestError, "no method 'latnet'; did you mean 'latent'?"),
        ({"method": "latent"}, metapicture.RequestError, "give it a prior"),
        ({"seeds": 0}, metapicture.RequestError, "seeds: at least one is needed"),
        ({"size": 3}, metapicture.RequestError, "size: 3 is not between 8 and 4096"),
        ({"steps": 0}, metapicture.RequestError, "steps: at least one is needed"),
        ({"device": "cuda:99"}, metapicture.RequestError, "cuda"),
        ({"witnesses": "efficientnet-lite00"}, metapicture.RequestError, "did you mean 'efficientnet-lite0'"),
        ({"out": "/proc/no"}, metapicture.StorageError, "/proc/no"),
    ],
)
def test_errors_are_of_one_family_and_one_line(networks, asked, error, message):
    with pytest.raises(error) as raised:
        visualize(networks, **asked)
    assert isinstance(raised.value, metapicture.Error)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_wrong_types_are_type_errors(networks):
    with pytest.raises(TypeError):
        visualize(networks, steps="many")


def test_whoever_follows_may_end_it(networks):
    class Enough(Exception):
        pass

    def follow(done, of, text):
        raise Enough

    with pytest.raises(Enough):
        visualize(networks, steps=100_000, progress=follow)


def test_other_threads_run_meanwhile(networks):
    ticks = 0
    done = threading.Event()

    def tick():
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    visualize(networks, steps=1000)
    took = time.perf_counter() - start
    done.set()
    thread.join()
    assert ticks > took * 100


@pytest.mark.parametrize("out", [False, True])
def test_ctrl_c_ends_it_within_a_step(networks, tmp_path, out):
    code = textwrap.dedent(
        f"""
        import metapicture, time
        try:
            metapicture.visualize({networks.narrow!r}, "banana", method="naive", steps=10_000_000, out={str(tmp_path / "out") if out else None!r},
                                  progress=lambda done, of, text: print(done, flush=True))
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    start = time.perf_counter()
    # Until it is told; the interpreter takes its time to end on a busy machine.
    assert "interrupted\n" in iter(process.stdout.readline, "") and time.perf_counter() - start < 3
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("seeds", [[0.5], "3", [-1], [True]])
def test_what_is_no_seed_is_told(networks, seeds):
    with pytest.raises(metapicture.RequestError, match="is no seed; a whole number from 0 is"):
        visualize(networks, seeds=seeds)
