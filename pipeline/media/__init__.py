"""Clips in and out: what a file holds, its sound and its frames on one clock, and the finished video.

    probing    what a clip holds            scan       reads headers and packets, in a child process
    decoding   its sound and its frames     encoding   the finished video
    shape      sizes, rates and colours     child      the child processes: ffmpeg and the scan

The clip's clock starts at the earliest first timestamp of the chosen picture and sound (`Clip.origin`). ffmpeg is
always run with `-copyts` and told that origin, because its own idea of the start depends on version, container and on
which streams are mapped. Frames leave here at a constant rate, t = k / rate; a clip with a variable rate is put on that
grid by its timestamps, so nothing outside this package counts frames.

Files come from strangers. They are opened only as `file:` plus an absolute path, with a list of demuxers and no
protocol but `file`, so a playlist cannot make ffmpeg open other files or addresses; frames above the pixel limit are
refused by the header before one is decoded; every file is read by child processes with limits of their own.
"""

from pipeline.media.child import ffmpeg_binary
from pipeline.media.decoding import (
    SAMPLE_RATE,
    blocks_of_sound,
    cut_sound,
    extract_sound,
    frames,
    read_channels,
    read_sound,
)
from pipeline.media.encoding import OVERLAYS, add_cover, cut, still_clip, transcode_plain, write_video
from pipeline.media.probing import probe
from pipeline.media.shape import frame_count, output_rate, output_size, video_matrix
from pipeline.media.written import find as find_written

__all__ = [
    "OVERLAYS",
    "SAMPLE_RATE",
    "add_cover",
    "blocks_of_sound",
    "cut",
    "cut_sound",
    "extract_sound",
    "ffmpeg_binary",
    "find_written",
    "frame_count",
    "frames",
    "output_rate",
    "output_size",
    "probe",
    "read_channels",
    "read_sound",
    "still_clip",
    "transcode_plain",
    "video_matrix",
    "write_video",
]
