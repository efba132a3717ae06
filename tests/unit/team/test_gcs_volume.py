"""The scripts of the GCS server's volume, run by bash on a folder: cut off anywhere, the same goes on."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from team.gcs_volume import FORGET, PACK, SWAP, UNPACK, script

DOCKERFILE = Path(__file__).parents[3] / "Dockerfile"
ATTRIBUTE = "user.metadata"

BEFORE = {"ckpt-ops/store/log/1": b"\0\xff one", "ckpt-ops-landing/2013-01-06.csv": b""}
RESTORED = {"ckpt-ops/store/log/1": b"\0\xff uno", "ckpt-ops/a%2Fb/-x y": b"a name of its own"}


def run(text: str, volume: Path, given: bytes = b"", *, check: bool = True) -> bytes:
    """As Compose would run it, but for the volume."""
    *_, flag, asked, name, _ = script(text)
    done = subprocess.run(["bash", flag, asked, name, volume], input=given, capture_output=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout


def write(folder: Path, objects: dict[str, bytes]) -> None:
    for name, data in objects.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def read(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if not path.is_dir()
    }


def current(volume: Path) -> dict[str, bytes]:
    """What the server would read."""
    assert (volume / "objects").is_symlink()
    return read(volume / "objects")


def new_volume(volume: Path) -> Path:
    """As the image makes it."""
    volume.mkdir()
    (made,) = re.findall(r"mkdir -p .*gcs/objects$", DOCKERFILE.read_text(), re.MULTILINE)
    subprocess.run(["bash", "-c", made], cwd=volume, check=True)
    return volume / "gcs"


@pytest.fixture(params=["the first", "the second"])
def volume(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """With objects in the folder that counts at first, or in the one after a restore."""
    made = new_volume(tmp_path / "image")
    if request.param == "the second":
        run(UNPACK, made, run(PACK, made))
        run(SWAP, made)
        run(FORGET, made)
    write(made / "objects", BEFORE)
    return made


@pytest.fixture
def packed(tmp_path: Path) -> bytes:
    """Another volume's objects."""
    made = new_volume(tmp_path / "other")
    write(made / "objects", RESTORED)
    return run(PACK, made)


def test_what_is_unpacked_lies_beside_what_is_there_until_it_is_swapped(volume: Path, packed: bytes) -> None:
    counted = (volume / "objects").readlink()
    run(UNPACK, volume, packed)
    assert (volume / "objects").readlink() == counted
    assert current(volume) == BEFORE
    run(SWAP, volume)
    assert current(volume) == RESTORED
    assert read(volume / counted) == BEFORE, "until the stack is well, there is a way back"


def test_what_the_server_knows_of_an_object_comes_along(volume: Path) -> None:
    path = volume / "objects" / "ckpt-ops/store/log/1"
    try:
        os.setxattr(path, ATTRIBUTE, b'{"generation": 7}')
    except OSError:
        pytest.skip("this file system keeps no attributes")
    packed = run(PACK, volume)
    assert os.getxattr(path, ATTRIBUTE) == b'{"generation": 7}'
    run(UNPACK, volume, packed)
    run(SWAP, volume)
    assert current(volume) == BEFORE
    assert os.getxattr(path, ATTRIBUTE) == b'{"generation": 7}'
    assert os.listxattr(volume / "objects/ckpt-ops-landing/2013-01-06.csv") == []


def test_what_comes_cut_is_refused_and_what_is_there_counts(volume: Path, packed: bytes) -> None:
    with pytest.raises(AssertionError, match="Unexpected EOF"):
        run(UNPACK, volume, packed[:700])
    assert current(volume) == BEFORE


LINES = [*UNPACK.splitlines(), *SWAP.splitlines()[-2:]]  # the rest of it is how UNPACK begins too


@pytest.mark.parametrize(
    "kept", range(LINES.index('rm -rf "$other"') + 1, len(LINES) + 1), ids=lambda kept: LINES[kept - 1][:8]
)
def test_cut_off_anywhere_one_of_both_counts_whole_and_the_same_again_goes_on(
    volume: Path, packed: bytes, kept: int
) -> None:
    run("\n".join(LINES[:kept]), volume, packed, check=False)
    assert current(volume) in (BEFORE, RESTORED)
    run(UNPACK, volume, packed)
    run(SWAP, volume)
    assert current(volume) == RESTORED
    assert not (volume / "next").is_symlink()


def test_unpacked_twice_only_the_second_is_there(volume: Path, packed: bytes) -> None:
    run(UNPACK, volume, run(PACK, volume))
    run(UNPACK, volume, packed)
    run(SWAP, volume)
    assert current(volume) == RESTORED


@pytest.mark.parametrize("times", [1, 2])
def test_forgetting_removes_what_does_not_count_and_nothing_else(
    volume: Path, packed: bytes, times: int
) -> None:
    run(UNPACK, volume, packed)
    run(SWAP, volume)
    for _ in range(times):
        run(FORGET, volume)
    assert current(volume) == RESTORED
    assert {path.name for path in volume.iterdir()} == {"objects", str((volume / "objects").readlink())}
