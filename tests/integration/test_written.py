"""Text that is burned into a clip is found, and nothing else is taken for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline import media
from pipeline.records import Shot, Written
from pipeline.settings import Settings

EXAMPLES = Path(__file__).parents[2] / "examples"
FONT = Path(__file__).parents[2] / "fonts" / "NotoSans-Bold.ttf"
LINES = ("We never knew what it was", "until somebody told us", "that it had been there", "all of the time")
SUBTITLES = ",".join(
    f"drawtext=fontfile={FONT}:text='{text}':fontsize=h/16:fontcolor=white:borderw=3:x=(w-tw)/2:y=h*0.87:"
    f"enable='between(t,{2 * k},{2 * k + 1.8})'"
    for k, text in enumerate(LINES)
)
TICKER = (
    f"drawbox=y=ih*0.88:h=ih*0.09:w=iw:color=red:t=fill,drawtext=fontfile={FONT}:fontsize=h/22:fontcolor=white:"
    "text='BREAKING NEWS  the parliament has voted tonight  markets are calm':x=w-mod(t*120\\,w*2):y=h*0.905"
)


def found(tmp_path: Path, picture: str) -> tuple[Written, ...]:
    clip = tmp_path / "clip.mp4"
    subprocess.run(
        [media.ffmpeg_binary(), "-v", "error", "-i", EXAMPLES / "europa_pl.mp4", "-t", "8", "-an", "-vf", picture,
         "-preset", "veryfast", "-g", "50", clip],
        check=True,
    )  # fmt: skip
    probed = media.probe(clip, Settings(cache_dir=tmp_path / "cache"))
    return media.find_written(probed, (Shot(0, 4.5), Shot(4.5, 8)))


@pytest.mark.parametrize("picture", [SUBTITLES, TICKER], ids=["subtitles", "ticker"])
def test_burned_in_text_is_found_in_every_shot(picture: str, tmp_path: Path) -> None:
    boxes = found(tmp_path, picture)
    assert [(box.start, box.end) for box in boxes] == [(0, 4.5), (4.5, 8)]
    for box in boxes:
        assert 0.75 * 720 < box.top < 0.92 * 720
        assert 0.92 * 720 < box.bottom < 0.98 * 720


def test_a_clip_without_text_has_none(tmp_path: Path) -> None:
    assert found(tmp_path, "null") == ()
