"""Which files are a pipeline's code, what its digest tells apart, and how it is kept with a version."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import blake3
import pytest

from ckpt_ops.errors import BadInput, Corrupt
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.pipeline.code.files import LIMIT
from ckpt_ops.pipeline.code.kept import Functions, keep_code, read_code
from ckpt_ops.pipeline.code.own import code_digest, code_of, is_code_of_today, legacy_code_digest
from ckpt_ops.runs import pull as pulling
from ckpt_ops.store import LocalStore
from ckpt_ops.store.content import code_name, is_intact

MODEL = "from shop_shared.features import scale\nfrom . import words\n"


@pytest.fixture
def dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`shop`, whose model imports from beside its folder."""
    folder = tmp_path / "dags"
    for name, text in {
        "shop/__init__.py": "",
        "shop/model.py": MODEL,
        "shop/words.py": "WORDS = open('words.txt')\n",
        "shop/words.txt": "red green\n",
        "shop/dag.py": "from shop_airflow import dag\n",
        "shop/pipeline.py": "import shop_settings\n",
        "shop/expectations.json": "{}",
        "shop/.cache/seen": "1",
        "shop/__pycache__/model.cpython-311.pyc": "1",
        "shop_shared/__init__.py": "",
        "shop_shared/features.py": "import shop_numbers\nscale = 1.0\n",
        "shop_shared/table.csv": "1,2\n",
        "shop_numbers.py": "import numpy\n",
        "shop_settings.py": "batch = 3\n",
        "shop_unused.py": "1\n",
        "shop_airflow.py": "dag = 1\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def shop(dags: Path, pipeline: Pipeline) -> Pipeline:
    return replace(pipeline, name="shop", model="shop.model:build_model", examples="shop.model:examples")


@pytest.mark.parametrize(
    "file",
    ["model.py", "words.txt", "../shop_shared/features.py", "../shop_shared/table.csv", "../shop_numbers.py"],
)
def test_what_may_shape_a_model_is_in_the_digest(shop: Pipeline, dags: Path, file: str) -> None:
    before = code_digest(shop)
    with (dags / "shop" / file).open("a") as one:
        one.write("# more\n")
    assert code_digest(shop) != before


def test_a_new_file_or_another_function_is_other_code(shop: Pipeline, dags: Path) -> None:
    before = code_digest(shop)
    assert code_digest(replace(shop, examples="shop.model:other")) != before
    (dags / "shop" / "new.txt").write_text("")
    assert code_digest(shop) != before


@pytest.mark.parametrize(
    "file",
    [
        *("dag.py", "pipeline.py", "expectations.json", ".cache/seen", "__pycache__/model.cpython-311.pyc"),
        *("../shop_settings.py", "../shop_unused.py", "../shop_airflow.py"),
    ],
)
def test_when_to_run_and_what_nobody_imports_is_not(shop: Pipeline, dags: Path, file: str) -> None:
    before = code_digest(shop)
    (dags / "shop" / file).write_text("other")
    assert code_digest(shop) == before


def test_a_setting_that_the_model_imports_is_a_part_of_it(shop: Pipeline, dags: Path) -> None:
    (dags / "shop" / "model.py").write_text("from shop.pipeline import SCALE\n")
    before = code_digest(shop)
    (dags / "shop" / "pipeline.py").write_text("SCALE = 0.0\n")
    assert code_digest(shop) != before


def test_a_manifest_of_before_is_known_by_its_own_digest(shop: Pipeline, dags: Path) -> None:
    then = legacy_code_digest(shop.folder)
    assert then != code_digest(shop)
    assert is_code_of_today(shop, then)
    assert is_code_of_today(shop, code_digest(shop))
    (dags / "shop" / "model.py").write_text("1\n")
    assert not is_code_of_today(shop, then)


# --- what is refused ------------------------------------------------------------------------------

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("shop/.env", "TOKEN=1", "a name that secrets have"),
        ("shop/server.pem", "", "a name that secrets have"),
        ("shop/data/id_rsa", "", "a name that secrets have"),
        ("shop_shared/gcs-Credentials.json", "{}", "a name that secrets have"),
        ("shop/notes.txt", KEY, "no private key"),
        (
            "shop_shared/account.json",
            '{"type" : "service_account"}',
            "no private key and no service account's key",
        ),
    ],
)
def test_what_looks_like_a_secret_is_refused_by_name(
    shop: Pipeline, dags: Path, name: str, text: str, allowed: str
) -> None:
    (dags / name).parent.mkdir(exist_ok=True)
    (dags / name).write_text(text)
    with pytest.raises(BadInput, match=allowed) as caught:
        code_of(shop)
    assert caught.value.value == name
    assert "MIIE" not in str(caught.value)
    assert "Airflow's connections" in caught.value.next


def test_more_than_the_limit_is_refused(shop: Pipeline, dags: Path) -> None:
    with (dags / "shop" / "table.bin").open("wb") as file:
        file.truncate(LIMIT)
    with pytest.raises(BadInput, match="at most 32 MB in all files") as caught:
        code_of(shop)
    assert caught.value.value == "shop/table.bin"


def test_a_link_that_leads_out_of_the_folder_is_refused(shop: Pipeline, dags: Path, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "table.csv").write_text("1")
    link = dags / "shop" / "link"
    for target in ("private/table.csv", "private", "nowhere"):
        link.symlink_to(tmp_path / target)
        with pytest.raises(BadInput, match="shop/link") as caught:
            code_of(shop)
        assert "leads out of" in str(caught.value) or "leads nowhere" in str(caught.value)
        link.unlink()
    link.symlink_to(dags)
    with pytest.raises(BadInput, match="a folder that the link is in"):
        code_of(shop)


def test_a_link_within_is_the_file_that_it_leads_to(shop: Pipeline, dags: Path) -> None:
    (dags / "shop" / "table.csv").symlink_to(dags / "shop_shared" / "table.csv")
    assert code_of(shop).files["shop/table.csv"] == b"1,2\n"


# --- keeping it -----------------------------------------------------------------------------------


def test_the_whole_folder_and_all_that_it_imports_are_kept(
    shop: Pipeline, dags: Path, store: LocalStore, tmp_path: Path
) -> None:
    name = keep_code(store, replace(shop, inputs="shop.model:inputs"), code_of(shop))
    kept = read_code(store, name)
    assert kept.functions == Functions(
        model="shop.model:build_model", examples="shop.model:examples", inputs="shop.model:inputs"
    )
    kept.unpack(tmp_path / "out")
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert found == {
        *(f"shop/{one}" for one in ("__init__.py", "dag.py", "expectations.json", "model.py", "pipeline.py")),
        *("shop/words.py", "shop/words.txt", "shop_shared/__init__.py", "shop_shared/features.py"),
        *("shop_shared/table.csv", "shop_numbers.py", "shop_settings.py", "shop_airflow.py"),
    }
    assert (tmp_path / "out" / "shop" / "model.py").read_text() == MODEL


def test_the_same_code_is_kept_once_whenever_it_was_written(
    shop: Pipeline, dags: Path, store: LocalStore
) -> None:
    first = keep_code(store, shop, code_of(shop))
    (dags / "shop" / "model.py").write_text(MODEL)
    assert keep_code(store, shop, code_of(shop)) == first
    assert is_intact(first, store.get(first))


def test_code_that_was_changed_in_the_store_is_not_run(shop: Pipeline, store: LocalStore) -> None:
    name = keep_code(store, shop, code_of(shop))
    data = store.get(name)
    store.put(name, data.replace(b"scale = 1.0", b"scale = 0.0"))
    assert not is_intact(name, store.get(name))
    with pytest.raises(Corrupt, match="a different hash"):
        read_code(store, name)


def _member(name: str, change: Callable[[tarfile.TarInfo], None] = lambda member: None) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    change(member)
    return member


def _link(member: tarfile.TarInfo) -> None:
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"


@pytest.mark.parametrize(
    "member",
    [_member("/etc/cron.d/x"), _member("dags/../../x"), _member("x"), _member("dags/x", _link)],
    ids=["absolute", "above", "beside", "link"],
)
def test_an_archive_that_nobody_here_wrote_is_refused(store: LocalStore, member: tarfile.TarInfo) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        about = tarfile.TarInfo("about.json")
        about.size = 2
        archive.addfile(about, io.BytesIO(b"{}"))
        archive.addfile(member, io.BytesIO())
    name = code_name("shop", blake3.blake3(buffer.getvalue()).hexdigest())
    store.put(name, buffer.getvalue())
    with pytest.raises(Corrupt, match=r"is (no|not a valid) archive of a model's code"):
        read_code(store, name)


def test_it_is_refused_before_a_slice_is_pulled(shop: Pipeline, dags: Path, store: LocalStore) -> None:
    (dags / "shop" / "server.pem").write_text("")
    for asked in (
        lambda: pulling.pull(shop, store, "2013-01-06"),
        lambda: pulling.share_out(shop, "2013-01-06", at_most=2),
    ):
        with pytest.raises(BadInput, match=r"server\.pem"):
            asked()
