"""Read what a media file holds, in a process of its own: headers, packet timestamps and one frame of each stream.

Run as `python -I -S scan.py LIBRARIES MEMORY_BYTES CPU_SECONDS` with an order on stdin, both as JSON. It imports PyAV
and nothing of this package, so that a file that crashes libav, keeps it busy or makes it fill the memory costs this
process alone and the process starts in 60 ms. `pipeline/media/probing.py` gives the order and judges the answer.

Order: {"path", "demuxers", "max_pixels", "longest_s", "max_packets"}.
Answer: {"container", "streams": [...], "packets", "error": "", "open" or "memory"}.
"""

from __future__ import annotations

import itertools
import json
import sys
from fractions import Fraction
from typing import Any

STANDARD_RATES = tuple(
    Fraction(n, d) for n, d in (
        (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48000, 1001), (48, 1), (50, 1), (60000, 1001), (60,
        1),
        (90, 1), (100, 1), (120000, 1001), (120, 1), (240, 1), (1, 1), (2, 1), (5, 1), (10, 1), (12, 1), (15, 1), (20,
        1),
    )
)  # fmt: skip


def read(order: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of the file that `order` names."""
    import av

    options = {
        "format_whitelist": order["demuxers"],
        "protocol_whitelist": "file",
        "max_pixels": str(order["max_pixels"]),
    }
    try:
        container = av.open(f"file:{order['path']}", options=options, metadata_errors="replace")
    except MemoryError:
        return {"error": "memory"}
    except (av.error.FFmpegError, ValueError, OSError):
        return {"error": "open"}
    with container:
        streams = {stream.index: Stream(stream) for stream in container.streams if stream.type in ("video", "audio")}
        packets = max((stream.stream.frames for stream in streams.values()), default=0)  # as far as the header tells
        if packets <= order["max_packets"]:
            packets = walk(container, streams, order["longest_s"], order["max_packets"])
        avi = container.format.name == "avi"
        facts = [stream.facts(without_presentation_times=avi) for stream in streams.values()]
        return {"error": "", "container": container.format.name, "streams": facts, "packets": packets}


def walk(container: Any, streams: dict[int, Stream], longest_s: float, max_packets: int) -> int:
    """Read every packet up to the end, or up to a limit, and decode the first frame of each stream.

    Returns the number of packets. Walking five minutes takes 0.1 s.
    """
    import av

    packets = 0
    try:
        for packet in container.demux([stream.stream for stream in streams.values()]):
            stream = streams[packet.stream_index]
            stream.decode(packet)
            if packet.size == 0 or packet.is_corrupt or packet.is_discard:
                continue
            stream.add(packet)
            packets += 1
            if packets > max_packets or stream.end - stream.start > longest_s:
                break
    except (av.error.FFmpegError, OSError):
        pass  # a cut-off file ends here; what was read so far is the clip
    return packets


class Stream:
    """One picture or sound of the file, with its timestamps in s of the file's own clock."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.start = float("inf")
        self.end = float("-inf")
        self.times: list[float] = []  # where each packet is shown
        self.decode_start = float("inf")  # the first decoding time
        self.leading = 0  # packets without a timestamp before the first that has one
        self.packets = 0
        self.has_durations = True
        self.frame: Any = None  # the first that was decoded
        if stream.type == "video" and stream.codec_context is not None:
            stream.codec_context.thread_count = 1  # frame threads would hold back the first frame

    def add(self, packet: Any) -> None:
        """Note the timestamps of a whole packet."""
        base = packet.time_base
        self.packets += 1
        if packet.dts is not None:
            self.decode_start = min(self.decode_start, float(packet.dts * base))
        shown = packet.pts if packet.pts is not None else packet.dts
        if shown is None:
            self.leading += not self.times
            return
        start, duration = float(shown * base), float((packet.duration or 0) * base)
        self.start = min(self.start, start)
        self.end = max(self.end, start + duration)
        self.has_durations = self.has_durations and duration > 0
        self.times.append(start)

    def decode(self, packet: Any) -> None:
        """Decode the packet if no frame of this stream is known yet."""
        import av

        if self.frame is not None or self.stream.codec_context is None:
            return
        try:
            frames = packet.decode()
        except (av.error.FFmpegError, OSError):
            return  # a damaged packet; the next may be whole
        if frames:
            self.frame = frames[0]

    def facts(self, *, without_presentation_times: bool) -> dict[str, Any]:
        """Return what is known of the stream, for JSON. `codec` is "" where there is no decoder."""
        from av.stream import Disposition

        stream, codec = self.stream, self.stream.codec_context
        facts = {
            "type": stream.type, "index": stream.index, "codec": codec.name if codec is not None else "",
            "default": bool(stream.disposition & Disposition.default),
            "cover": bool(stream.disposition & Disposition.attached_pic),
            "packets": self.packets, "decodes": self.frame is not None, "delay": 0.0, "counted": False,
            "promised": float(stream.duration * stream.time_base) if stream.duration is not None else 0.0,
        }  # fmt: skip
        if stream.type == "video":
            self._add_picture(facts, without_presentation_times)
        else:
            self._add_sound(facts)
        if self.times:
            facts |= {"start": self.start, "end": self.end}
        return facts

    def _add_picture(self, facts: dict[str, Any], without_presentation_times: bool) -> None:
        stream, codec, frame = self.stream, self.stream.codec_context, self.frame
        rate, variable = frame_rate(sorted(self.times), stream)
        if self.leading or (self.packets and not self.times):
            # The first frames have no time: all are counted, back from the first that has one.
            self.start = self.start - self.leading / float(rate) if self.times else 0.0
            self.end = self.start + self.packets / float(rate)
            self.times = [self.start]
            variable = False
            facts["counted"] = True
        elif self.times and not self.has_durations:
            self.end = max(self.end, max(self.times) + float(1 / rate))
        if without_presentation_times and self.times and self.start > self.decode_start:
            # AVI tells when a frame is decoded; libav adds the delay of B-frames, which no player shows.
            facts["delay"] = self.start - self.decode_start
        facts |= {"rate": str(rate), "variable": variable}
        if codec is not None:
            aspect = stream.sample_aspect_ratio or codec.sample_aspect_ratio or 1
            facts |= {"width": codec.width, "height": codec.height, "aspect": str(Fraction(aspect))}
        if frame is not None:
            field_order = int(getattr(codec, "field_order", 0) or 0)
            facts |= {
                "rotation": float(frame.rotation), "interlaced": bool(frame.interlaced_frame) or field_order >= 2,
                "pixels": frame.format.name, "rgb": frame.format.is_rgb, "matrix": int(frame.colorspace),
                "transfer": int(frame.color_trc), "range": int(frame.color_range), "alpha": has_alpha(frame),
            }  # fmt: skip

    def _add_sound(self, facts: dict[str, Any]) -> None:
        codec = self.stream.codec_context
        if codec is not None:
            facts |= {"rate": codec.sample_rate or 0, "channels": codec.channels or 0}
        if not self.times and self.packets and self.frame is not None:
            self.start = self.frame.time or 0.0
            self.end = self.start + facts["promised"]
            self.times = [self.start]
        elif self.frame is not None and self.frame.time is not None:
            self.start = self.frame.time  # after what the encoder put before the first sample


def has_alpha(frame: Any) -> bool:
    """Return whether a decoded frame has an alpha channel that is in use.

    Programs that record 32 bits a pixel often leave it at zero in every frame, and mean an opaque picture.
    """
    if not any(component.is_alpha for component in frame.format.components):
        return False
    return any(bytes(frame.reformat(64, 36, "rgba").planes[0])[3::4])


def frame_rate(times: list[float], stream: Any) -> tuple[Fraction, bool]:
    """Return the nominal rate of sorted timestamps, and whether they leave it.

    A variable rate is that of its fastest tenth. `stream.average_rate` is what the header says.
    """
    told = Fraction(stream.average_rate or 0)
    gaps = sorted(b - a for a, b in itertools.pairwise(times) if b > a)
    if not gaps:
        return (told if 0 < told <= 240 else Fraction(25)), False
    middle = gaps[len(gaps) // 2]
    # Containers that count in milliseconds write 33, 33, 34: up to 1.5 ms off is still the same gap.
    odd = sum(abs(gap - middle) > max(0.0015, 0.1 * middle) for gap in gaps)
    variable = odd > 0.05 * len(gaps)
    if variable:
        exact = 1 / gaps[len(gaps) // 10]
    else:
        kept = [gap for gap in gaps if abs(gap - middle) <= max(0.0015, 0.1 * middle)]
        exact = len(kept) / sum(kept)
        if told and abs(told / Fraction(exact) - 1) < 0.0003:  # 24 and 24000/1001 are 0.001 apart
            return told, False
    near = min(STANDARD_RATES, key=lambda rate: abs(float(rate) / exact - 1))
    if abs(float(near) / exact - 1) < (0.04 if variable else 0.002):
        return near, variable
    return max(Fraction(exact).limit_denominator(100), Fraction(1, 100)), variable


def _limit(memory_bytes: int, cpu_s: int) -> None:
    """Bound what this process may use, for good: memory, processor time, and files written (none)."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def main() -> None:
    """Answer the order on stdin."""
    libraries, memory_bytes, cpu_s = sys.argv[1:]
    sys.path.append(libraries)
    order = json.loads(sys.stdin.buffer.read())
    _limit(int(memory_bytes), int(cpu_s))
    try:
        answer = read(order)
    except MemoryError:
        answer = {"error": "memory"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
