from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import metapicture


def test_the_command_line_is_the_programs(program):
    told = program("--help")
    assert told.returncode == 0 and "Usage: metapicture [OPTIONS] <COMMAND>" in told.stdout
    assert program("--version").stdout == f"metapicture {metapicture.__version__}\n"
    wrong = program("visualise")
    assert wrong.returncode == 2 and "visualize" in wrong.stderr
    script = Path(sysconfig.get_path("scripts")) / "metapicture"
    named = subprocess.run([script, "methods", "list"], capture_output=True, text=True)
    assert named.returncode == 0 and "latent" in named.stdout


def test_it_makes_the_picture_that_the_package_makes(networks, program, tmp_path):
    out = tmp_path / "out"
    done = program("visualize", "--classifier", networks.narrow, "--unit", "banana", "--method", "naive", "--steps", 3,
                   "--threads", 1, "--out", out, "--quiet")  # fmt: skip
    assert done.returncode == 0, done.stderr
    [picture] = metapicture.visualize(networks.narrow, "banana", method="naive", steps=3, progress=False)
    assert metapicture.Picture.open(out / "runs" / picture.run_id).png() == picture.png()


def test_it_starts_itself_again_for_several_devices(networks, program, tmp_path):
    (tmp_path / "two.yaml").write_text(
        f"name: two\nclassifier: {networks.narrow}\nunits: [banana]\nmethods: [{{preset: naive, steps: 2}}]\nseeds: 4\nbatch: 2\n"
    )
    done = program("sweep", tmp_path / "two.yaml", "--device", "cpu,cpu", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert len(metapicture.results(tmp_path / "out")) == 4


@pytest.mark.parametrize(
    ("torch", "message"),
    [
        (None, "metapicture computes with torch 2.13.0, which is not installed here; `pip install torch==2.13.0` brings it"),
        (
            "2.12.1+cpu",
            "metapicture computes with torch 2.13.0, and torch 2.12.1+cpu is installed here; `pip install torch==2.13.0` brings it",
        ),
    ],
)
def test_another_torch_is_told_in_one_line(tmp_path, torch, message):
    stand_in = "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')" if torch is None else f"__version__ = '{torch}'"
    (tmp_path / "torch.py").write_text(stand_in)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = lambda *words: subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment)
    told = run("-m", "metapicture", "--version")
    assert (told.returncode, told.stderr) == (1, f"error: {message}\n")
    told = run("-c", "import metapicture; metapicture.visualize")
    assert told.stderr.splitlines()[-1] == f"metapicture._errors.LibtorchError: {message}"


def test_the_torch_that_is_asked_for_is_the_one_that_it_was_built_with():
    from importlib.metadata import requires

    from metapicture._libtorch import TORCH, native

    assert native.LIBTORCH == TORCH and native.VERSION == metapicture.__version__
    assert f"torch=={TORCH}" in (requires("metapicture") or [])


def test_the_process_keeps_its_allocator():
    code = "import metapicture, re; print(re.search('jemalloc', open('/proc/self/maps').read()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "None\n"


def test_it_has_types_that_are_those_of_the_native_part(tmp_path):
    assert (Path(metapicture.__file__).parent / "py.typed").exists()
    assert (Path(metapicture.__file__).parent / "_native.pyi").exists()
    pytest.importorskip("mypy")
    # The stubs are compared with what is there once torch's libraries are in the process.
    (tmp_path / "mypy.ini").write_text("[mypy]\nignore_missing_imports = True\n")
    words = ["stubtest", "--mypy-config-file", "mypy.ini", "metapicture"]
    code = f"import sys, torch; from mypy import stubtest; sys.argv = {words}; sys.exit(stubtest.main())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert ("Found" in told.stdout or "Success" in told.stdout) and "not checking" not in told.stdout, told.stdout + told.stderr
    # What else it tells is about pandas and polars, which have no stubs here.
    assert "error: metapicture._native" not in told.stdout, told.stdout


def test_pyright_knows_every_type_that_is_exported():
    pytest.importorskip("pyright", reason="pyright is not installed here")
    # By this path pyright finds the package wherever its Python has it.
    environment = {**os.environ, "PYTHONPATH": str(Path(metapicture.__file__).parent.parent)}
    run = lambda *words: subprocess.run([sys.executable, "-m", "pyright", *words], capture_output=True, text=True, env=environment)
    if run("--version").returncode != 0:
        pytest.skip("pyright could not bring its own program")
    told = run("--pythonpath", sys.executable, "--verifytypes", "metapicture", "--ignoreexternal").stdout
    assert "Type completeness score: 100%" in told, told
