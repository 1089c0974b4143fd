"""The colours of what is drawn on: matrices and ranges, HDR and transparency, through real ffmpeg."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline import media
from pipeline.records import Clip
from tests.fixtures_clips import encoders, ffmpeg
from tests.integration.test_media import SETTINGS, rendered

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("tags", "full"),
    [
        (["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"], False),
        (
            [
                "-colorspace",
                "smpte170m",
                "-color_primaries",
                "smpte170m",
                "-color_trc",
                "smpte170m",
                "-color_range",
                "tv",
            ],
            False,
        ),
        ([], False),
        ([], True),
    ],
)
def test_colours_survive_a_render_with_nothing_drawn(tags: dict[str, str], full: bool, tmp_path: Path) -> None:
    path = tmp_path / "colours.mp4"
    matrix = "bt709" if "bt709" in tags else "smpte170m"
    pixels = "yuvj420p" if full else "yuv420p"
    filters = f"format=rgb24,scale=out_color_matrix={matrix}:out_range={'pc' if full else 'tv'},format={pixels}"
    colour = ["-f", "lavfi", "-i", "color=0xC04080:s=320x180:r=25:d=1"]
    ffmpeg(*colour, "-vf", filters, "-c:v", "libx264", "-crf", "1", "-pix_fmt", pixels, *tags, path)
    clip = media.probe(path, SETTINGS)
    assert clip.full_range is full
    before = next(media.frames(clip, width=320, height=180))[1][90, 160].astype(int)
    out = rendered(clip, tmp_path / "out.mp4")
    after = next(media.frames(out, width=320, height=180))[1][90, 160].astype(int)
    assert np.abs(before - (0xC0, 0x40, 0x80)).max() <= 6
    assert np.abs(after - before).max() <= 5
    assert (out.full_range, out.colour_matrix) == (False, media.video_matrix(clip))


PATCHES = (0xC89678, 0x808080, 0x303840, 0x304878, 0xB03020, 0xFFFFFF)  #: skin first, white last
TRANSFERS = {"hlg": "arib-std-b67", "pq": "smpte2084"}


def hdr(path: Path, transfer: str, tags: str) -> Clip:
    """The patches side by side as HDR, in which their white is that of paper (ITU-R BT.2408); `tags` of x265."""
    if "libx265" not in encoders():
        pytest.skip("ffmpeg has no libx265")
    patches = "".join(f"color=0x{c:06x}:s=60x90:r=10:d=0.3,format=gbrp[{n}];" for n, c in enumerate(PATCHES))
    row = (
        "".join(f"[{n}]" for n in range(len(PATCHES)))
        + f"hstack={len(PATCHES)},scale=out_color_matrix=bt709:out_range=tv"
    )
    plain = "format=yuv444p,setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
    linear = "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt2020"
    wide = f"zscale=t={TRANSFERS[transfer]}:m=bt2020nc:r=tv:npl=203,format=yuv420p10le"
    ffmpeg(
        "-filter_complex", f"{patches}{row},{plain},{linear},{wide}[v]", "-map", "[v]", "-c:v", "libx265",
        "-x265-params", f"log-level=none:crf=4:transfer={TRANSFERS[transfer]}{tags}", path,
    )  # fmt: skip
    return media.probe(path, SETTINGS)


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize(
    "tags", [":colorprim=bt2020:colormatrix=bt2020nc", ":colorprim=bt2020", ""], ids=["all", "no matrix", "no tags"]
)
def test_hdr_is_shown_in_the_colours_of_the_picture_it_was_made_of(transfer: str, tags: str, tmp_path: Path) -> None:
    """It was dull, white at 193 of 255, and failed after the models had run where the clip did not tell its matrix."""
    clip = hdr(tmp_path / "hdr.mp4", transfer, tags)
    assert clip.colour_transfer == transfer
    for shown in (clip, rendered(clip, tmp_path / "out.mp4")):
        frame = next(media.frames(shown, width=360, height=90))[1].astype(int)
        found = [frame[45, 60 * i + 30] for i in range(len(PATCHES))]
        for colour, patch in zip(PATCHES[:-1], found, strict=False):
            assert np.abs(patch - (colour >> 16, colour >> 8 & 255, colour & 255)).max() <= 10
        assert found[-1].min() >= 220


def test_hdr_of_constant_luminance_can_be_read(tmp_path: Path) -> None:
    clip = hdr(tmp_path / "hdr.mp4", "pq", ":colorprim=bt2020:colormatrix=bt2020c")
    frame = next(media.frames(clip, width=360, height=90))[1]
    assert frame[45, 330].min() >= 220


@pytest.mark.parametrize(
    ("name", "codec"),
    [("clip.mov", ["prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"]), ("clip.mov", ["qtrle", "-pix_fmt", "argb"]),
     ("clip.mkv", ["ffv1", "-pix_fmt", "yuva420p"])],
    ids=["prores", "qtrle", "ffv1"],
)  # fmt: skip
@pytest.mark.parametrize("used", [True, False])
def test_what_is_transparent_becomes_black(name: str, codec: list[str], used: bool, tmp_path: Path) -> None:
    """The colours below it were shown. Recorders that leave the whole alpha channel at zero mean an opaque picture."""
    alpha = "if(lt(X,80),255,if(lt(X,160),128,0))" if used else "0"
    below = f"format=yuva444p,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='{alpha}'"
    ffmpeg("-f", "lavfi", "-i", f"color=0xC08040:s=240x90:r=10:d=0.3,{below}", "-c:v", *codec, tmp_path / name)
    clip = media.probe(tmp_path / name, SETTINGS)
    assert clip.transparent is used
    expected = [(192, 128, 64), (96, 64, 32), (0, 0, 0)] if used else [(192, 128, 64)] * 3
    for shown in (clip, rendered(clip, tmp_path / "out.mp4")):
        frame = next(media.frames(shown, width=240, height=90))[1].astype(int)
        assert np.abs(frame[45, 40::80] - expected).max() <= 6
