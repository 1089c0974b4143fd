"""The named endpoints, called as a script calls them."""

from __future__ import annotations

import json
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.options import Options
from pipeline.progress import Clock
from pipeline.records import Analysis, Stage
from pipeline.settings import Settings
from pipeline.web import limits
from tests import fakes
from tests.fixtures_web import PATIENT, served

pytest.importorskip("gradio_client")

from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

ENDPOINTS = {
    "/translate_video", "/transcribe", "/render", "/edit", "/retranslate", "/preview", "/import", "/languages", "/health",
}  # fmt: skip
KEY = "5e0ca3b1-dead-4bee-9f00-0123456789ab:fx"  #: nobody's


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("page")
    with served(fakes.services(folder, examples=(fakes.make_example(folder),))) as address:
        yield address


@pytest.fixture
def client(url: str, tmp_path: Path) -> Client:
    return connect(url, tmp_path)


def connect(url: str, folder: Path, address: str = "203.0.113.1") -> Client:
    headers = {"x-forwarded-for": address}
    return Client(
        url, download_files=str(folder / "downloads"), verbose=False, headers=headers, httpx_kwargs=dict(PATIENT)
    )


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_only_the_named_endpoints_are_public(client: Client) -> None:
    api = client.view_api(return_format="dict", print_info=False)
    assert set(api["named_endpoints"]) == ENDPOINTS
    assert not api["unnamed_endpoints"]


def test_every_parameter_has_a_name_and_what_need_not_be_given_a_default(client: Client) -> None:
    api = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    required = {
        name: [p["parameter_name"] for p in info["parameters"] if not p["parameter_has_default"]]
        for name, info in api.items()
    }
    assert required == {
        "/translate_video": [],  # a video or an address
        "/transcribe": [],
        "/render": ["video", "transcript"],
        "/edit": ["transcript", "edits"],
        "/retranslate": ["transcript"],
        "/preview": ["video", "transcript"],
        "/import": ["video"],
        "/languages": [],
        "/health": [],
    }
    assert not [p for info in api.values() for p in info["parameters"] if p["parameter_name"].startswith("param_")]
    assert all(info["description"] for info in api.values())


def test_translate_video_gives_a_video_files_and_the_transcript(client: Client, clip: Path) -> None:
    video, files, transcript = client.predict(
        video=handle_file(str(clip)), target_language="English", api_name="/translate_video"
    )
    assert Path(video).stat().st_size > 1000
    assert fakes._duration(Path(video)) == pytest.approx(fakes.DURATION, abs=0.2)
    names = {Path(file).name for file in files}
    assert names == {
        "subtitles.srt", "subtitles.vtt", "subtitles.ass", "transcript.json", "project.json", "faces.zip",
    }  # fmt: skip
    written = next(Path(file) for file in files if file.endswith("transcript.json"))
    assert json.loads(written.read_text(encoding="utf-8")) == transcript
    assert transcript["version"] == 1
    faces = next(Path(file) for file in files if file.endswith(".zip"))
    assert len(zipfile.ZipFile(faces).namelist()) == 2


def test_progress_comes_through_the_job(client: Client, clip: Path) -> None:
    job = client.submit(video=handle_file(str(clip)), target_language="EN-US", api_name="/translate_video")
    seen = []
    while not job.done():
        data = job.status().progress_data
        if data and data[0].desc:
            seen.append((data[0].desc, data[0].progress))
        time.sleep(0.03)
    assert job.exception() is None
    fractions = [fraction for _, fraction in seen if fraction is not None]
    assert len({name for name, _ in seen}) >= 3
    assert fractions == sorted(fractions)


def test_transcribe_draws_nothing_and_its_transcript_renders(client: Client, clip: Path) -> None:
    before = len(fakes.RENDERED)
    _files, transcript = client.predict(video=handle_file(str(clip)), api_name="/transcribe")
    assert len(fakes.RENDERED) == before
    assert transcript["target_language"] == ""
    transcript["people"][0]["name"] = "Ada"
    video, _ = client.predict(video=handle_file(str(clip)), transcript=transcript, look="classic", api_name="/render")
    assert Path(video).stat().st_size > 1000
    assert fakes.RENDERED[-1].people[0].name == "Ada"


def test_languages_say_what_needs_a_key(client: Client) -> None:
    answer = client.predict(api_name="/languages")
    targets = {item["code"]: item for item in answer["targets"]}
    assert targets["PL"]["needs_key"]
    assert not targets["EN-US"]["needs_key"]
    assert any(item["code"] == "PL" for item in answer["sources"])


def test_health_names_models_and_limits(client: Client) -> None:
    answer = client.predict(api_name="/health")
    assert answer["status"] == "ok"
    assert answer["models"]["speech"] == "fake"
    assert answer["limits"]["duration_s"] == 300
    assert answer["key"] is False


def test_a_language_without_its_key_stays_in_the_original_and_says_so(client: Client, clip: Path) -> None:
    _, transcript = client.predict(video=handle_file(str(clip)), target_language="Polish", api_name="/transcribe")
    assert transcript["target_language"] == "PL"
    assert [notice["code"] for notice in transcript["notices"]] == ["no_key"]
    assert not any(phrase["translation"] for phrase in transcript["phrases"])


def test_what_drawing_has_to_say_is_in_the_transcript(client: Client, clip: Path) -> None:
    given = {"video": handle_file(str(clip)), "text_size": 0.5}
    _, files, transcript = client.predict(**given, target_language="PL", api_name="/translate_video")
    assert [notice["code"] for notice in transcript["notices"]] == ["no_key", "small"]
    assert (
        json.loads(Path(next(f for f in files if f.endswith("transcript.json"))).read_text(encoding="utf-8"))
        == transcript
    )
    _, files = client.predict(**given, transcript=transcript, api_name="/render")
    assert (
        json.loads(Path(next(f for f in files if f.endswith("transcript.json"))).read_text(encoding="utf-8"))
        == transcript
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"target_language": "Klingon"}, "not a language"),
        ({"source_language": "Elvish"}, "not a language"),
        ({"speakers": -3}, "whole number"),
        ({"speakers": 900}, "whole number"),
        ({"look": "baroque"}, "look must be one of"),
        ({"text_size": 9}, "text size"),
        ({"formality": "rude"}, "formality must be one of"),
        ({"glossary": "no terms"}, "term = translation"),
        ({"audio_track": -1}, "sound track must be a number from"),
        ({"deepl_key": "no key at all"}, "does not look like a DeepL key"),
        ({"address": "https://example.com/film.mp4"}, "both a clip and a web address; remove one"),
        ({"video": None}, "There is no clip yet"),
        ({"video": None, "address": "file:///etc/hostname"}, "not a web address"),
    ],
)
def test_wrong_choices_are_refused_before_the_queue_in_a_sentence(
    client: Client, clip: Path, arguments: dict[str, str] | dict[str, int], sentence: str
) -> None:
    before = len(fakes.RENDERED)
    with pytest.raises(Exception, match=sentence) as caught:
        client.predict(
            **{"video": handle_file(str(clip)), "target_language": "EN-US", **arguments}, api_name="/translate_video"
        )
    assert "Traceback" not in str(caught.value)
    assert "no key at all" not in str(caught.value)
    assert len(fakes.RENDERED) == before


@pytest.mark.parametrize(
    "arguments",
    [
        {"speakers": "many"},
        {"speakers": [1]},
        {"text_size": "big"},
        {"target_language": {"a": 1}},
        {"reduced_motion": "maybe", "look": 7},
        {"deepl_key": ["a"]},
        {"video": "/etc/hostname"},
        {"video": {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}},
        {"video": 17},
    ],
)
def test_wrong_types_give_a_clean_error(client: Client, clip: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"\w") as caught:
        client.predict(
            **{"video": handle_file(str(clip)), "target_language": "EN-US", **arguments}, api_name="/translate_video"
        )
    text = str(caught.value)
    assert "Traceback" not in text
    assert 'File "' not in text
    assert "site-packages" not in text


@pytest.mark.parametrize("given", ["many", [1], {"a": 1}, "1e999"])
def test_a_number_that_is_none_is_named(client: Client, clip: Path, given: str | list[int] | dict[str, int]) -> None:
    with pytest.raises(Exception, match="speakers: The number of speakers must be a whole number"):
        client.predict(video=handle_file(str(clip)), speakers=given, api_name="/transcribe")


def test_a_file_of_the_server_cannot_be_named(url: str, tmp_path: Path) -> None:
    """Over plain HTTP a caller may write any path; only uploads are taken."""
    import httpx

    from pipeline.web import jobs

    private = jobs.new_folder() / "clip"
    fakes.make_clip(private)
    for path in ("/etc/hostname", str(private), str(Path(__file__))):
        given = {"path": path, "meta": {"_type": "gradio.FileData"}}
        answer = httpx.post(
            f"{url}gradio_api/call/transcribe", json={"data": [given, "none", "", 0, "", "default", ""]}, timeout=30
        )
        assert answer.status_code >= 400
        assert httpx.get(f"{url}gradio_api/file={path}", timeout=30).status_code in (403, 404)
    private.unlink()
    private.parent.rmdir()


def test_a_file_that_is_no_video_and_one_that_is_too_long_are_refused(client: Client, tmp_path: Path) -> None:
    poem = tmp_path / "poem.mp4"
    poem.write_text("Shall I compare thee to a summer's day?")
    with pytest.raises(Exception, match="no video"):
        client.predict(video=handle_file(str(poem)), api_name="/transcribe")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with pytest.raises(Exception, match=r"\w"):
        client.predict(video=handle_file(str(empty)), api_name="/transcribe")


@pytest.mark.parametrize("broken", [{}, {"version": 2}, {"version": 1, "people": 5}, [], "text", None])
def test_a_transcript_that_is_none_is_refused(client: Client, clip: Path, broken: Any) -> None:
    with pytest.raises(Exception, match=r"transcript") as caught:
        client.predict(video=handle_file(str(clip)), transcript=broken, api_name="/render")
    assert "Traceback" not in str(caught.value)


def test_an_error_in_the_run_has_a_title_and_a_sentence(client: Client, clip: Path) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(
            video=handle_file(str(clip)), target_language="PL", deepl_key=fakes.REFUSED_KEY, api_name="/translate_video"
        )
    assert caught.value.title == "DeepL refused the key"
    assert "check it in your DeepL account" in str(caught.value)
    assert fakes.REFUSED_KEY not in str(caught.value)


def test_a_cancelled_job_stops_and_leaves_nothing(client: Client, clip: Path) -> None:
    from pipeline.web import jobs

    before = set(jobs.root().glob("job-*"))  # results of other sessions that are still open
    job = client.submit(video=handle_file(str(clip)), target_language="EN-US", api_name="/translate_video")
    assert wait_until(lambda: "analyse" in fakes.OPEN)
    assert set(jobs.root().glob("job-*")) - before
    job.cancel()
    assert wait_until(lambda: not fakes.OPEN)
    assert wait_until(lambda: not set(jobs.root().glob("job-*")) - before)


def test_two_at_once_are_not_mixed_up(url: str, tmp_path: Path) -> None:
    clips = {
        colour: fakes.make_clip(tmp_path / f"{n}.mp4", marker=colour) for n, colour in enumerate(("#c00000", "#0000c0"))
    }
    jobs = {
        colour: connect(url, tmp_path / colour[1:]).submit(
            video=handle_file(str(clip)), target_language="EN-US", api_name="/translate_video"
        )
        for colour, clip in clips.items()
    }
    for colour, job in jobs.items():
        video, _, transcript = job.result(timeout=60)
        own = fakes._marker(clips[colour])
        assert transcript["people"][0]["name"] == f"Speaker {own}"
        assert fakes._marker(Path(video)) == own


def test_thirty_at_once_are_each_answered_or_refused(tmp_path: Path, clip: Path) -> None:
    """Ten visitors with three clips each."""
    slow = fakes.services(tmp_path, steps=2)
    answers: list[str] = []
    lock = threading.Lock()

    with served(slow) as url:
        visitors = [connect(url, tmp_path / str(n), f"203.0.113.{n + 10}") for n in range(10)]

        def call(n: int) -> None:
            try:
                visitors[n % 10].predict(video=handle_file(str(clip)), target_language="EN-US", api_name="/transcribe")
                said = "answered"
            except Exception as error:
                said = str(error)
            with lock:
                answers.append(said)

        threads = [threading.Thread(target=call, args=(n,)) for n in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=180)
    assert len(answers) == 30
    refused = [said for said in answers if said != "answered"]
    assert len(refused) <= 10
    assert all(re.search("queue is full", said, re.IGNORECASE) for said in refused), refused


def test_a_visitor_with_many_clips_at_once_is_told_to_wait_and_the_first_are_done(tmp_path: Path, clip: Path) -> None:
    with served(fakes.services(tmp_path, steps=2)) as url:
        client = connect(url, tmp_path)
        jobs = [
            client.submit(video=handle_file(str(clip)), target_language="EN-US", api_name="/transcribe")
            for _ in range(limits.JOBS_PER_SESSION + 3)
        ]
        ends = [job.exception(timeout=60) for job in jobs]
        refused = [str(end) for end in ends if end is not None]
        assert 1 <= len(refused) <= 3
        assert all("429" in said for said in refused), refused
        assert client.predict(video=handle_file(str(clip)), api_name="/transcribe")


def test_the_tools_for_agents_are_the_endpoints_described(url: str) -> None:
    import httpx

    schema = httpx.get(f"{url}gradio_api/mcp/schema", timeout=30).json()
    tools = {tool["name"]: tool for tool in schema}
    assert {re.sub(f"^.*?({'|'.join(name[1:] for name in ENDPOINTS)})$", r"/\1", name) for name in tools} == ENDPOINTS
    translate = next(tool for name, tool in tools.items() if name.endswith("translate_video"))
    assert "turn into the target language" in translate["description"]
    properties = translate["inputSchema"]["properties"]
    assert "DeepL code or English name" in properties["target_language"]["description"]


def test_a_clip_can_be_given_as_an_address(client: Client) -> None:
    files, transcript = client.predict(address="https://example.com/film.mp4", api_name="/transcribe")
    assert transcript["phrases"]
    assert files
    video, _, _ = client.predict(address="https://example.com/film.mp4", api_name="/translate_video")
    assert Path(video).stat().st_size > 1000


def test_an_agent_can_give_an_address(url: str) -> None:
    """Agents cannot upload. What is at an address given as the video is never fetched by Gradio, which knows no limit."""
    import httpx

    def called(**arguments: str) -> str:
        return httpx.post(
            f"{url}gradio_api/mcp/",
            json={
                "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "transcribe", "arguments": arguments}
            },
            headers={"accept": "application/json, text/event-stream", "x-forwarded-for": "203.0.113.77"},
            timeout=60,
        ).text  # fmt: skip

    assert "Everyone here is working" in called(address="https://example.com/film.mp4")
    assert "Everyone here is working" not in called(video="https://example.com/film.mp4")


def test_the_documented_examples_run(url: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 3
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    names: dict[str, object] = {}
    for block in blocks:
        exec(re.sub(r"Client\(\"[^\"]*\"", f'Client("{url}", httpx_kwargs={PATIENT}', block), names)


def test_a_key_is_nowhere(
    tmp_path: Path, clip: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grep everything a run with a key wrote, said and answered."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    import logging
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)
    from pipeline.web import jobs

    jobs.root.cache_clear()
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    log = tmp_path / "tmp" / "log.txt"
    handler = logging.FileHandler(log)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    settings = Settings(models="light", cache_dir=tmp_path / "tmp" / "cache")
    answers = []

    broken = fakes.services(tmp_path / "tmp", settings=settings)

    def analyse(path: Path, options: Options, clock: Clock) -> Stage[Analysis]:
        if options.speakers == 3:
            raise RuntimeError(f"a defect that quotes its input: {options.keys}")
        return (yield from fakes.services(tmp_path / "tmp", settings=settings).analyse(path, options, clock))

    from dataclasses import replace

    with served(replace(broken, analyse=analyse)) as url:
        client = connect(url, tmp_path / "tmp")
        for key, speakers in ((KEY, 0), (KEY, 3), (fakes.REFUSED_KEY, 0), ("not a key " + KEY, 0)):
            try:
                answers.append(
                    client.predict(
                        video=handle_file(str(clip)), target_language="PL", deepl_key=key, speakers=speakers,
                        api_name="/translate_video",
                    )
                )  # fmt: skip
            except Exception as error:
                answers.append((str(error), repr(error), vars(error)))
        answers.append(client.predict(api_name="/health"))
        answers.append(client.view_api(return_format="dict", print_info=False))
        import httpx

        answers += [
            httpx.get(url + path, timeout=30).text for path in ("config", "gradio_api/info", "monitoring/summary")
        ]
        written = [file for file in (tmp_path / "tmp").rglob("*") if file.is_file()]
        assert len(written) > 5
        for secret in (KEY, fakes.REFUSED_KEY):
            core = secret.split(":")[0]
            assert [file for file in written if core.encode() in file.read_bytes()] == []
            assert core not in repr(answers)
            out, err = capfd.readouterr()
            assert core not in out + err
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
    jobs.root.cache_clear()
    assert "Our mistake" in repr(answers) or "our side" in repr(answers)
