"""Pictures beside each other, and runs that are computed together."""

from __future__ import annotations

import io

import pytest
from PIL import Image

import metapicture


@pytest.fixture(scope="module")
def folder(networks, tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("gallery") / "runs"
    experiment = {
        "name": "small",
        "classifier": networks.narrow,
        "units": ["banana", "apple"],
        "methods": [{"preset": "naive", "steps": 2}, {"preset": "regularized", "steps": 2}],
        "seeds": 2,
    }
    metapicture.sweep(experiment, out, progress=False)
    return out


def size(png: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(png)) as opened:
        return opened.size


def test_a_folder_is_the_sheet_of_the_command(folder, program, tmp_path):
    made = metapicture.gallery(folder, cols="method", caption=["scored", "seed"], side=64)
    assert repr(made) == "<Gallery of 2 x 2 cells>" and made.pages == 1
    done = program(
        "sheet", folder, "--cols", "method", "--caption", "scored,seed", "--side", 64, "--out", tmp_path / "sheet.png", "--quiet"
    )
    assert done.returncode == 0, done.stderr
    assert made.pil().tobytes() == Image.open(tmp_path / "sheet.png").tobytes()
    assert made._repr_html_().startswith('<img alt="page 1" src="data:image/png;base64,')
    assert made.save(tmp_path / "a.pdf") == [tmp_path / "a.pdf"] and (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_a_frame_shows_the_rows_that_it_has(folder):
    frame = metapicture.results(folder)
    chosen = frame[(frame["method"] == "naive") & (frame["seed"] == 1)].sort_values("scored")
    made = metapicture.gallery(chosen, side=64)
    whole = metapicture.gallery(frame, side=64)
    assert size(made.png())[1] < size(whole.png())[1] * 2 and repr(whole) == "<Gallery of 2 x 4 cells>"
    rows = metapicture.results(folder, frame="rows")
    assert metapicture.gallery(rows, side=64).png() == whole.png()
    by_method = metapicture.gallery(frame, rows="method", cols=["unit", "seed"], side=64)
    assert repr(by_method) == "<Gallery of 2 x 4 cells>"
    only = metapicture.gallery(frame, only=["method=naive", "unit=apple"], side=64)
    assert repr(only) == "<Gallery of 1 x 2 cells>"


def test_pictures_are_laid_out_by_what_their_records_say(networks):
    pictures = metapicture.visualize(networks.narrow, "banana", method="naive", seeds=2, steps=2, progress=False)
    pictures += metapicture.visualize(networks.narrow, "apple", method="naive", seeds=2, steps=2, progress=False)
    made = metapicture.gallery(pictures, side=64)
    assert repr(made) == "<Gallery of 2 x 2 cells>"
    one = metapicture.gallery(pictures[0], side=64)
    assert size(one.png())[0] < size(made.png())[0] or repr(one) == "<Gallery of 1 x 1 cells>"
    assert metapicture.gallery(iter(pictures), side=64).png() == made.png()


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("folder", {"rows": "methods"}, "rows: no column 'methods'; did you mean 'method'"),
        ("folder", {"side": 5}, "side: 5 is not between 16 and 1024"),
        ("folder", {"only": "method=none"}, "no run has these values"),
        ("frame", {}, "source: a frame as"),
        ("empty", {}, "at least one"),
        ("number", {}, "source: "),
    ],
)
def test_what_is_wrong_is_told(folder, source, options, message):
    sources = {"folder": folder, "frame": metapicture.results(folder)[["unit"]], "empty": [], "number": [1, 2]}
    with pytest.raises(metapicture.RequestError, match=message):
        metapicture.gallery(sources[source], **options)


def test_runs_are_computed_together_or_alone(networks, tmp_path):
    def steps(batch):
        told = []
        pictures = metapicture.visualize(
            networks.narrow,
            "banana",
            method="naive",
            seeds=4,
            steps=3,
            batch=batch,
            progress=lambda done, of, text: told.append((done, of)),
        )
        return len([each for each in told if each == (3, 3)]), pictures

    together, four = steps(4)
    alone, single = steps(1)
    assert (together, alone) == (1, 4) and [picture.run_id for picture in four] == [picture.run_id for picture in single]
    for batch in (0, 70_000):
        with pytest.raises(metapicture.RequestError, match=f"batch: {batch} is not between 1 and 65535"):
            metapicture.visualize(networks.narrow, "banana", batch=batch, progress=False)
