"""Pictures through a layer, on a map, on a page; and what a classifier sees in them."""

from __future__ import annotations

import csv
import json
import logging

import numpy as np
import pandas
import pytest
import torch
from PIL import Image

import metapicture
from conftest import write_noise


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory):
    return write_noise(tmp_path_factory.mktemp("pictures"), ("01", "02"), 20, 4, (40, 40), seed=1)


@pytest.fixture(scope="module")
def embedded(networks, pictures, tmp_path_factory: pytest.TempPathFactory):
    return metapicture.embed(pictures, networks.narrow, "second", tmp_path_factory.mktemp("embedded"), progress=False)


def test_features_are_those_of_the_command(networks, pictures, embedded, program, tmp_path):
    assert embedded.features.shape == (40, 8) and embedded.features.dtype == np.float32 and len(embedded) == 40
    assert isinstance(embedded.features, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        embedded.features[0, 0] = 1
    done = program(
        "embed", pictures, "--classifier", networks.narrow, "--layer", "second", "--threads", 1, "--out", tmp_path / "e", "--quiet"
    )
    assert done.returncode == 0, done.stderr
    for name in ("rows.safetensors", "pictures.csv", "embedding.json"):
        assert (tmp_path / "e" / name).read_bytes() == (embedded.out / name).read_bytes()
    rows = embedded.rows
    assert isinstance(rows, pandas.DataFrame) and list(rows["row"]) == list(range(40)) and rows["width"].dtype == "int64"
    # The name of a folder stays as it is, and is no number.
    assert set(rows["class"]) == {"01", "02"}
    at_layer = metapicture.classify(networks.narrow, list(rows["name"]), layer="second")
    assert np.allclose(at_layer.mean((2, 3)), embedded.features, atol=1e-5)
    assert metapicture.Embedded.open(embedded.out).settings["layer"] == "second"


def test_what_was_seen_is_not_looked_at_again(networks, pictures, embedded, tmp_path):
    told = []
    again = metapicture.embed(pictures, networks.narrow, "second", tmp_path, progress=lambda *what: told.append(what))
    assert told[0][:2] == (40, 40) and np.array_equal(again.features, embedded.features)


def test_a_broken_picture_of_a_folder_is_passed_over_and_told(networks, pictures, tmp_path, caplog):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG and no more")
    Image.new("RGB", (32, 32), (200, 30, 30)).save(tmp_path / "in" / "red.png")
    with caplog.at_level(logging.WARNING, "metapicture"):
        made = metapicture.embed(tmp_path / "in", networks.narrow, "second", tmp_path / "out", progress=False)
    assert len(made) == 1 and "broken.png" in caplog.text and made.unread[0][0].endswith("broken.png")
    with pytest.raises(metapicture.RequestError, match=r"broken\.png"):
        metapicture.embed(tmp_path / "in" / "broken.png", networks.narrow, "second", tmp_path / "out", progress=False)
    with pytest.raises(metapicture.RequestError, match=r"broken\.png"):
        metapicture.classify(networks.narrow, [tmp_path / "in" / "broken.png", tmp_path / "in" / "red.png"])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"layer": "secondd"}, "did you mean 'second'"),
        ({"layer": None}, "layer: a layer or a preset is needed"),
        ({"preset": "vgg"}, "layer: a preset has its own|preset: 'vgg' is none of vgg19-fc1, imgs-ai"),
        ({"classifier": None}, "classifier: a classifier or a preset is needed"),
        ({"out": None}, "out: a folder is needed"),
        ({"pictures": "/no/such/folder"}, "/no/such/folder"),
    ],
)
def test_what_is_wrong_with_an_embedding_is_told(networks, pictures, tmp_path, asked, message):
    request = {"pictures": pictures, "classifier": networks.narrow, "layer": "second", "out": tmp_path, "progress": False, **asked}
    with pytest.raises(metapicture.RequestError, match=message):
        metapicture.embed(**request)


def test_a_map_is_the_commands_and_shown(embedded, program, tmp_path):
    told = []
    options = {"neighbours": 5, "others": 1, "cluster": 3, "side": 300, "thumbnail": 16}
    made = embedded.map(tmp_path / "map", progress=lambda *what: told.append(what[2]), **options)
    assert {"neighbours", "rounds of the layout", "pictures drawn"} <= set(told)
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    done = program("map", embedded.out, "--out", tmp_path / "other", *words, "--quiet")
    assert done.returncode == 0, done.stderr
    for name in ("map.csv", "map.png"):
        assert (tmp_path / "map" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    summary = json.loads((tmp_path / "other" / "map.json").read_text())
    assert {**summary, "out": ""} == {**made.summary, "out": ""} and 0 <= made.summary["trustworthiness"] <= 1
    assert len(made.rows) == 40 and {"x", "y", "cluster"} <= set(made.rows) and made.apart is None
    assert made._repr_png_().startswith(b"\x89PNG")
    assert metapicture.Mapped.open(tmp_path / "map").table(frame="rows")[0]["row"] == 0
    assert (
        embedded.map(tmp_path / "bare", side=0, progress=False, **{name: options[name] for name in ("neighbours", "others")}).png() is None
    )


def test_a_map_may_be_left(embedded, tmp_path):
    class Enough(Exception):
        pass

    def follow(done, of, text):
        if text == "rounds of the layout":
            raise Enough

    with pytest.raises(Enough):
        embedded.map(tmp_path / "map", neighbours=5, progress=follow)
    assert not (tmp_path / "map").exists()
    with pytest.raises(metapicture.RequestError, match="40 pictures are too few"):
        embedded.map(tmp_path / "map", neighbours=30, progress=False)
    with pytest.raises(metapicture.RequestError, match="distance: 'far' is none of euclidean"):
        embedded.map(tmp_path / "map", distance="far", progress=False)


def test_an_atlas_is_shown(embedded, networks, tmp_path):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    made = embedded.map(tmp_path / "map", neighbours=5, others=0, side=0, progress=False)
    page = metapicture.atlas(embedded, tmp_path / "atlas", map=made, title="Forty squares", export="embedding-atlas", progress=False)
    assert torch.get_num_threads() == 2, "it has given back what it took"
    torch.set_num_threads(threads)
    assert page.path == tmp_path / "atlas" / "atlas.html" and page.pictures == 40 and page.beside == 0
    assert "Forty squares" in page._repr_html_() and page._repr_html_().startswith("<iframe")
    assert any(path.suffix == ".parquet" for path in (tmp_path / "atlas").rglob("*"))
    with pytest.raises(metapicture.RequestError, match="export: 'vicus' is none of vikus"):
        embedded.atlas(tmp_path / "atlas", export="vicus", progress=False)
    many = metapicture.Page(page.path, 9000, 3)
    assert "<iframe" not in many._repr_html_() and str(page.path) in many._repr_html_()


def test_made_pictures_are_told_from_photographs(networks, pictures, tmp_path):
    metapicture.visualize(networks.narrow, "banana", method="naive", seeds=3, steps=1, out=tmp_path / "runs", progress=False)
    both = metapicture.embed([pictures, tmp_path / "runs"], networks.narrow, "second", tmp_path / "both", progress=False)
    assert list(both.rows["made_by"].dropna()) == ["naive"] * 3
    made = both.map(tmp_path / "map", neighbours=5, others=0, side=0, progress=False)
    assert len(made.apart) == 3 and set(made.apart["made_by"]) == {"naive"} and made.summary["as_far"][0]["made_by"] == "naive"


def test_classes_are_those_of_the_command_whatever_a_picture_comes_as(networks, pictures, program, tmp_path):
    path = pictures / "01" / "00.png"
    done = program("classify", "--classifier", networks.narrow, path, "--top", 3, "--threads", 1, "--csv", tmp_path / "t.csv", "--quiet")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "t.csv").open() as file:
        expected = [(row["name"], float(row["probability"]), float(row["logit"])) for row in csv.DictReader(file)]
    assert len(expected) == 3
    image = Image.open(path)
    array = np.asarray(image.convert("RGB"))
    tensor = torch.from_numpy(array.copy()).permute(2, 0, 1)
    given = [path, str(path), image, array, array / 255.0, tensor, tensor / 255]
    rows = metapicture.classify(networks.narrow, given, top=3, frame="rows")
    assert len(rows) == 3 * len(given) and [row["picture"] for row in rows[::3]] == list(range(len(given)))
    for number in range(len(given)):
        of = rows[3 * number : 3 * number + 3]
        assert [(row["name"], row["probability"], row["logit"]) for row in of] == expected
        assert [row["place"] for row in of] == [1, 2, 3] and of[0]["file"] == (str(path) if number < 2 else None)
    batch = metapicture.classify(networks.narrow, torch.stack([tensor, tensor]), top=1)
    assert isinstance(batch, pandas.DataFrame) and len(batch) == 2
    assert len(metapicture.classify(networks.narrow, pictures, top=1)) == 40
    gray = metapicture.classify(networks.narrow, array[..., 0], top=1, frame="rows")
    same = metapicture.classify(networks.narrow, np.stack([array[..., 0]] * 3, -1), top=1, frame="rows")
    assert gray == same


def test_a_picture_that_was_made_is_what_its_record_says(networks):
    [picture] = metapicture.visualize(networks.narrow, "banana", method="naive", steps=20, progress=False)
    rows = metapicture.classify(networks.narrow, picture, frame="rows")
    [banana] = [row for row in rows if row["name"] == "banana"]
    assert banana["logit"] == pytest.approx(picture.activation, abs=1e-5) and banana["probability"] == pytest.approx(picture.probability)
    assert sum(row["probability"] for row in rows) == pytest.approx(1)
    assert metapicture.classify(networks.narrow, picture, layer="last").shape == (1, 5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((4, 4, 4), np.uint8), r"\[4, 4, 4\] is no picture"),
        (np.full((4, 4, 3), 2.0), "numbers from 0 to 1"),
        (np.full((4, 4, 3), np.nan), "numbers from 0 to 1"),
        (np.zeros((4, 4, 3), np.int64), "an array of bytes"),
        (np.zeros((0, 4, 3), np.uint8), "pictures:"),
        (torch.zeros(4, 4), r"\[4, 4\] is no picture"),
        ([], "pictures: at least one is needed"),
        (7, "a int is no picture"),
        ("/no/such.png", "/no/such.png"),
    ],
)
def test_what_is_no_picture_is_told(networks, given, message):
    with pytest.raises(metapicture.RequestError, match=message):
        metapicture.classify(networks.narrow, given)


def test_a_wrong_layer_and_number_are_told(networks, pictures):
    with pytest.raises(metapicture.RequestError, match="did you mean 'second'"):
        metapicture.classify(networks.narrow, pictures, layer="secondd")
    with pytest.raises(metapicture.RequestError, match="top: 0 is not between 1"):
        metapicture.classify(networks.narrow, pictures, top=0)
