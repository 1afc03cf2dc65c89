"""What legibility costs."""

from __future__ import annotations

import html
import json
import os
import shlex
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._errors import Error, RequestError, StorageError
from ._frame import Kind, of_csv
from ._libtorch import native, own_threads
from ._page import Page, framed
from ._paths import PathLike, path, paths
from ._progress import Progress, shown

if TYPE_CHECKING:
    from . import _native

# MB of the report that a notebook's cell shows.
_SHOWN = 8.0
_FIGURES = ("explains", "own", "foreign_probability", "activation", "ratio", "robust")


class Plot:
    """A plot of a comparison. A notebook shows it.

    Attributes:
        name: its name, as ``tradeoff``.
        path: its PNG file; the SVG lies beside it.
    """

    __slots__ = ("name", "path")

    def __init__(self, path: Path) -> None:
        self.name: str = path.stem
        self.path: Path = path

    def png(self) -> bytes:
        """The bytes of the PNG file."""
        return self.path.read_bytes()

    def svg(self) -> str:
        """The plot as SVG."""
        return self.path.with_suffix(".svg").read_text(encoding="utf-8")

    def _repr_png_(self) -> bytes:
        return self.png()

    def __repr__(self) -> str:
        return f"<Plot {self.name}>"


class Compared:
    """A comparison that was made: `metapicture.compare` gives it, and `Compared.open` reads the folder of one. A notebook shows its report.

    Attributes:
        out: the folder of ``comparison.json``, tables and plots.
    """

    def __init__(self, out: Path) -> None:
        """Of a folder that a comparison left."""
        self.out = out

    @classmethod
    def open(cls, folder: PathLike) -> Compared:
        """Reads a folder that `metapicture.compare` or ``metapicture compare`` left."""
        out = Path(folder)
        if not (out / "comparison.json").is_file():
            raise RequestError(f"{out / 'comparison.json'}: is not there; `metapicture.compare` writes it")
        return cls(out)

    @cached_property
    def findings(self) -> dict[str, Any]:
        """Everything that the comparison came to, with definitions: ``comparison.json``."""
        file = self.out / "comparison.json"
        try:
            read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StorageError(f"{file}: cannot be read: {error}") from None
        return read

    @property
    def methods(self) -> Any:
        """A frame with a row a method or control: its figures, and of each the ends of the interval at 95 % (``explains_low``,
        ``explains_high``)."""
        return of_csv(self.out / "summary.csv", None, without="_note")

    @property
    def metrics(self) -> dict[str, str]:
        """What the figures mean, by the names of their columns."""
        return {metric["key"]: f"{metric['name']}: {metric['meaning']}" for metric in self.findings["metrics"]}

    @property
    def sentences(self) -> list[str]:
        """What the primary trade-offs say."""
        return [each["sentence"] for each in self.findings["tradeoffs"] if each["primary"] and each["sentence"]]

    @property
    def cautions(self) -> list[str]:
        """What must be said before any figure is quoted."""
        cautions: list[str] = self.findings["cautions"]
        return cautions

    @property
    def tables(self) -> list[str]:
        """The names that `table` takes."""
        return sorted(file.stem for file in self.out.glob("*.csv"))

    def table(self, name: str, *, frame: Kind | None = None) -> Any:
        """A table as a frame: ``metrics`` (a row a picture), ``summary`` (a row a method), ``units``, ``layers``, ``observers`` (a row a
        method, unit and observer), ``photographs``."""
        stem = name.removesuffix(".csv")
        if stem not in self.tables:
            raise RequestError(f"name: '{name}' is none of {', '.join(self.tables)}", key="name")
        return of_csv(self.out / f"{stem}.csv", frame)

    @property
    def plots(self) -> dict[str, Plot]:
        """The plots, by name; each is shown in a notebook."""
        return {file.stem: Plot(file) for file in sorted((self.out / "plots").glob("*.png"))}

    def report(self, path: PathLike | None = None, **options: Any) -> Page:
        """`metapicture.report` of its folder."""
        return report(self.out, path, **options)

    @cached_property
    def _shown(self) -> str:
        with tempfile.TemporaryDirectory() as folder:
            try:
                page = report(self.out, Path(folder) / "report.html", max_size=_SHOWN)
            except Error:
                # Plots and tables alone are larger than that.
                return self._short()
            return framed(page.path.read_text(encoding="utf-8"))

    def _short(self) -> str:
        """The figures that claims rest on."""
        keys = [metric["key"] for metric in self.findings["metrics"] if metric["key"] in _FIGURES]

        def cell(figure: Any) -> str:
            return "–" if not figure or figure.get("value") is None else f"{figure['value']:.2f}"

        head = "".join(f"<th>{html.escape(name)}</th>" for name in ["method", "units", "pictures", *keys])
        rows = "".join(
            f"<tr><th>{html.escape(of['label'])}</th><td>{of['units']}</td><td>{of['pictures']}</td>"
            + "".join(f"<td>{cell(of['metrics'].get(key))}</td>" for key in keys)
            + "</tr>"
            for of in self.findings["methods"]
        )
        said = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in [*self.sentences, *self.cautions])
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><ul>{said}</ul>"

    def _repr_html_(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"<Compared {self.out}>"


def compare(
    folders: PathLike | Sequence[PathLike] = (),
    out: PathLike | None = None,
    *,
    witnesses: PathLike | Sequence[PathLike] = (),
    references: PathLike | Sequence[PathLike] = (),
    baseline: str | None = None,
    layers: str | Sequence[str] = (),
    classifier: PathLike | None = None,
    only: str | Sequence[str] = (),
    experiments: PathLike | Sequence[PathLike] = (),
    foreign: PathLike | Sequence[PathLike] = (),
    manifests: PathLike | Sequence[PathLike] = (),
    replicates: int = 10_000,
    permutations: int = 10_000,
    inversions: int = 5,
    inversion_steps: int = 100,
    permuted_units: int = 4,
    manipulated_units: int = 12,
    seed: int = 0,
    registered: PathLike | None = None,
    title: str | None = None,
    device: str = "cpu",
    threads: int | None = None,
    progress: bool | Progress = True,
) -> Compared:
    """Compares methods by their pictures: who can read them, what they tell of their unit, and what legibility costs. It leaves the files
    that ``metapicture compare`` leaves; ``comparison.json`` names the command that does the same.

    Args:
        folders: a folder of records, or several.
        out: where everything goes; unless told ``FOLDER-compared`` beside the first folder or table.
        witnesses: classifiers that judge, best of other families than the target's, and encoders, which only choose; unless told the
            records'.
        references: photographs: sets of the zoo, or folders, whose subfolders may be classes; unless told ``imagenet-samples`` and
            ``photos``.
        baseline: the pixel-space method from which strength is measured; unless told ``naive``, or the first one without a generator.
        layers: layers of the target in which the path is measured; unless told the last bottleneck of each resolution, features and logits.
        classifier: the target; unless told that of the records.
        only: only runs with these values, each ``AXIS=VALUE``, as ``method=latent``.
        experiments: only runs of these experiment files.
        foreign: CSV files of pictures that other tools made: columns path, unit, method, and perhaps seed; paths are relative to the file.
        manifests: manifests of networks of one's own that the records name and that are no longer where they were.
        replicates: bootstrap replicates of an interval, 100 to 1,000,000.
        permutations: permutations of a test, 99 to 1,000,000.
        inversions: pixel pictures, and photographs, whose nearest picture of each generator is searched; 0 for none.
        inversion_steps: steps of that search.
        permuted_units: units that are visualized on the target with permuted weights, as a control; 0 for none.
        manipulated_units: units whose natural exemplars are manipulated, so that the measures are tested; 0 for none.
        seed: of phases, noise, resampling and permutations.
        registered: a file that was written before any result was seen; its sha256 stands in the result.
        title: what it is called; unless told what the experiments say of themselves.
        device: ``cpu``, ``cuda`` or ``cuda:1``.
        threads: libtorch's threads on the CPU, in the whole process; those that it has unless told.
        progress: whether a bar is shown, where tqdm is installed; or a function ``progress(done, of, text)``.

    Raises:
        RequestError: folders without a finished run, names that are not known, records of other weights than are here.

    Ctrl-C ends it at the next part of the work that the bar counts; nothing of it is kept but pictures of the controls.

    >>> import metapicture, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> _ = metapicture.visualize("efficientnet-lite0", "banana", method="naive", steps=2, out=folder, progress=False)
    >>> found = metapicture.compare(folder, witnesses="squeezenet-caffe", references="photos", permuted_units=0, manipulated_units=0,
    ...                             inversions=0, replicates=100, permutations=99, progress=False)
    >>> "explains" in found.metrics, found.tables
    (True, ['layers', 'metrics', 'observers', 'photographs', 'summary', 'units'])
    """
    folders, foreign = paths(folders), paths(foreign)
    if out is None:
        first = next(iter([*folders, *foreign]), None)
        if first is None:
            raise RequestError("folders: at least one is needed, or a table of foreign pictures", key="folders")
        out = _beside(Path(first))
    threads = own_threads(threads)
    request: _native._Comparison = {
        "folders": folders,
        "foreign": foreign,
        "out": os.fspath(out),
        "manifests": paths(manifests),
        "only": paths(only),
        "experiments": paths(experiments),
        "classifier": path(classifier),
        "witnesses": paths(witnesses),
        "references": paths(references),
        "baseline": baseline,
        "layers": paths(layers),
        "replicates": replicates,
        "permutations": permutations,
        "inversions": inversions,
        "inversion_steps": inversion_steps,
        "permuted_units": permuted_units,
        "manipulated_units": manipulated_units,
        "seed": seed,
        "registered": path(registered),
        "title": title,
        "command": "",
        "device": device,
        "threads": threads,
    }
    request["command"] = shlex.join(["metapicture", "compare", *_words(request)])
    with shown(progress, "compare") as tell:
        native.compare(request, tell)
    return Compared(Path(out))


def _beside(first: Path) -> Path:
    """The folder of a comparison that nobody has named."""
    named = first if first.name and first.name != ".." else first.resolve()
    return named.with_name(f"{named.stem if named.suffix == '.csv' else named.name}-compared")


def _words(request: _native._Comparison) -> list[str]:
    """The arguments of the command that does the same."""
    words = list(request["folders"])
    flags: list[tuple[str, Any, Any]] = [
        ("--foreign", request["foreign"], []),
        ("--out", request["out"], None),
        ("--manifest", request["manifests"], []),
        ("--where", request["only"], []),
        ("--experiment", request["experiments"], []),
        ("--classifier", request["classifier"], None),
        ("--witness", request["witnesses"], []),
        ("--reference", request["references"], []),
        ("--baseline", request["baseline"], None),
        ("--layers", request["layers"], []),
        ("--replicates", request["replicates"], 10_000),
        ("--permutations", request["permutations"], 10_000),
        ("--inversions", request["inversions"], 5),
        ("--inversion-steps", request["inversion_steps"], 100),
        ("--permuted-units", request["permuted_units"], 4),
        ("--manipulated-units", request["manipulated_units"], 12),
        ("--seed", request["seed"], 0),
        ("--registered", request["registered"], None),
        ("--title", request["title"], None),
        ("--device", request["device"], "cpu"),
        ("--threads", request["threads"], None),
    ]
    for flag, value, unless in flags:
        if value != unless:
            words += [flag, *(value if isinstance(value, list) else [str(value)])]
    return words


def report(
    folder: PathLike,
    path: PathLike | None = None,
    *,
    max_size: float = 8.0,
    photographs: bool = True,
    people: PathLike | None = None,
) -> Page:
    """Makes a comparison one HTML file that needs nothing else: pictures to sort and filter, the dial, plots, tables.

    Args:
        folder: the folder that a comparison left.
        path: where it goes; unless told ``report.html`` in the folder.
        max_size: its largest size in MB (10^6 bytes), more than 0 and at most 4000: pictures are made as small as that asks for.
        photographs: whether pictures that are photographs, or made of them, are in it; their figures stay.
        people: a study's folder with ``people.json``: what people could tell.

    Raises:
        RequestError: a folder without a comparison, a study of another one, plots and tables that are larger than ``max_size``.
    """
    file = Path(folder) / "report.html" if path is None else Path(path)
    _, pictures, _ = native.report(Path(folder), file, max_size, photographs, people)
    return Page(file, pictures)
