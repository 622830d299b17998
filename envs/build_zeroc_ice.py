"""Build the zeroc-ice wheel that omero-py needs and keep it for the next time.

PyPI has zeroc-ice 3.6.5 as a source distribution only, and two of its lines stop at Python 3.11.
Usage: python envs/build_zeroc_ice.py WHEEL_FOLDER
A wheel that already lies in WHEEL_FOLDER for this interpreter is used as it is.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SDIST_LOCK = Path(__file__).with_name("zeroc-ice.sdist.lock")

# Headers and struct members that Python 3.11 took away, and what says the same in every version.
PATCHES = {
    "src/Slice.cpp": ("#include <eval.h>\n", ""),
    "src/Util.cpp": ("PyThreadState_GET()->frame", "PyEval_GetFrame()"),
}

# Runs setup.py with the sources compiled side by side; distutils would take them one by one.
# -O1 -g0 makes a wheel of 3 MB instead of 34 MB.
PARALLEL_SETUP = """
import os, runpy, sys
from concurrent.futures import ThreadPoolExecutor
import setuptools
from distutils.ccompiler import CCompiler

compile_one_by_one = CCompiler.compile

def compile_side_by_side(self, sources, *args, extra_postargs=None, **kwargs):
    flags = [*(extra_postargs or []), "-O1", "-g0"]
    def compile_one(source):
        return compile_one_by_one(self, [source], *args, extra_postargs=flags, **kwargs)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [one for objects in pool.map(compile_one, sources) for one in objects]

CCompiler.compile = compile_side_by_side
sys.argv = ["setup.py", "bdist_wheel", "--dist-dir", sys.argv[1]]
runpy.run_path("setup.py", run_name="__main__")
"""


def find_wheel(folder: Path) -> Path | None:
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return next(iter(sorted(folder.glob(f"zeroc_ice-3.6.5-{tag}-*.whl"))), None)


def unpack_sdist(work: Path) -> Path:
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    download += ["--no-binary", ":all:", "--no-build-isolation", "--require-hashes"]
    subprocess.run([*download, "--dest", work, "--requirement", SDIST_LOCK], check=True)
    shutil.unpack_archive(next(work.glob("*.tar.gz")), work)
    return next(path for path in work.iterdir() if path.is_dir())


def patch(source: Path) -> None:
    for name, (old, new) in PATCHES.items():
        text = (source / name).read_text()
        if old not in text:
            raise SystemExit(f"{name} of zeroc-ice is not the file this patch was made for")
        (source / name).write_text(text.replace(old, new))


def build(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        source = unpack_sdist(Path(scratch))
        patch(source)
        dist = Path(scratch) / "dist"
        log = Path(scratch) / "build.log"
        with log.open("wb") as output:
            status = subprocess.run(
                [sys.executable, "-c", PARALLEL_SETUP, str(dist)],
                cwd=source,
                stdout=output,
                stderr=subprocess.STDOUT,
            ).returncode
        if status:
            sys.stderr.write(log.read_text(errors="replace")[-3000:])
            raise SystemExit(
                "zeroc-ice did not build. It needs g++ and the headers of OpenSSL and bzip2: "
                "apt-get install g++ libssl-dev libbz2-dev"
            )
        wheel = next(dist.glob("*.whl"))
        partial = folder / f".{wheel.name}.{os.getpid()}"
        partial.write_bytes(wheel.read_bytes())
        return partial.rename(folder / wheel.name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    wheels = Path(sys.argv[1])
    if not (wheel := find_wheel(wheels)):
        print("building zeroc-ice (some minutes, once) ...", file=sys.stderr, flush=True)
        wheel = build(wheels)
    print(wheel)
