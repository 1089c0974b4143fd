"""The frozen records that flow between the stages.

Times are seconds on the clip's clock (t = 0 is one instant for sound, picture and cues), boxes are pixels of the
upright picture with square pixels, `left, top, right, bottom`. Sequences are tuples. Every record pickles; `Analysis`
goes to JSON and back (`transcript.json`, version 1).

Words: *segment*/*word* as Whisper heard them; *turn* a stretch in which one voice speaks; *phrase* a piece of
transcript with one speaker; *cue* a subtitle on screen; *shot* between two cuts; *detection* a face in a frame; *track*
one face followed inside a shot; *person* a cluster of tracks and/or voices; *speaker* a voice.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, TypeVar

from pipeline.brought import Given

T = TypeVar("T")

#: How pictures are written where a record becomes JSON.
BASE64 = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}


# --- progress ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage has got. A stage is a generator of these that returns its result; closing it cancels it."""

    stage: str  #: one of `STAGES`
    fraction: float = 0.0  #: of this stage, 0..1
    message: str = ""  #: a few words for a person, optional
    preview: Preview | None = None  #: partial results that can be shown already
    overall: float | None = None  #: of the whole run, 0..1; filled in by `run`
    seconds_left: float | None = None  #: estimate for the whole run; filled in by `run`


@dataclass(frozen=True, slots=True)
class Preview:
    """Partial results that a page can show before the end; fields without news are None."""

    clip: Clip | None = None
    transcript: Transcript | None = None  #: as far as it has been heard
    faces: Faces | None = None  #: as far as the picture has been searched
    attribution: Attribution | None = None  #: its phrases have translations once they are known


STAGES = ("fetch", "probe", "speech", "voices", "faces", "people", "translate", "render")

Stage = Generator[Progress, None, T]


# --- the clip ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clip:
    """The properties of a file; `width`, `height` are of the upright picture with square pixels, as it is shown."""

    path: Path
    duration: float  #: s, of the longer of picture and sound, from t = 0
    has_video: bool
    has_audio: bool
    width: int = 0  #: px, 0 without a picture
    height: int = 0
    frame_rate: Fraction = Fraction(0)  #: nominal, 0 without a picture
    variable_rate: bool = False
    rotation: int = 0  #: degrees clockwise to turn the stored picture upright: 0, 90, 180, 270
    sample_aspect: Fraction = Fraction(1)
    video_start: float = (
        0.0  #: s on the clip's clock at which the first frame is shown (0 unless the picture starts late)
    )
    audio_start: float = 0.0  #: s on the clip's clock at which the sound starts
    video_codec: str = ""
    audio_codec: str = ""
    container: str = ""
    origin: float = 0.0  #: s, the file's own timestamp of t = 0
    video_stream: int = -1  #: index of the picture among the file's streams, -1 without one
    audio_stream: int = -1  #: index of the sound we listen to, -1 without one
    audio_rate: int = 0  #: Hz
    audio_channels: int = 0
    audio_track: int = 0  #: number of that sound among those that can be heard, from 1; 0 without one
    audio_tracks: int = 0  #: how many sounds can be heard
    video_delay: float = 0.0  #: s by which the file's timestamps of the picture are late against its sound
    counted: bool = False  #: the picture has frames without timestamps, so all are counted from `video_start`
    interlaced: bool = False
    full_range: bool = False  #: luma 0..255 instead of 16..235
    colour_matrix: str = ""  #: "bt709", "bt601", "bt2020", "rgb"; "" where the file does not say
    colour_transfer: str = ""  #: "pq" or "hlg" for HDR, else ""
    transparent: bool = False  #: the picture has an alpha channel, which is in use
    missing: float = 0.0  #: s that the header promises and the file does not hold (it was cut off)
    skip: float = 0.0  #: s of the file before t = 0: above 0 for a part of a long recording


# --- speech -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    """One word as written, with punctuation, without spaces around it; in `ja`, `zh`, `th` ... any timed piece."""

    start: float
    end: float
    text: str
    probability: float = 1.0  #: of the recogniser, 0..1; not in transcript.json


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech that Whisper returned as one."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...]
    language: str = ""  #: ISO 639-1, when the recogniser says it per segment
    channel: int = 0  #: 1 or 2 where a call is heard channel by channel: only a voice of that channel said it


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that was heard. Without speech, `segments` is ()."""

    language: str  #: ISO 639-1 as Whisper names it ("en", "pl", "zh"), "" when nothing was heard
    language_confidence: float
    segments: tuple[Segment, ...]
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch in which one voice speaks. Turns of different speakers may overlap, turns of one speaker do not."""

    start: float
    end: float
    speaker: str  #: "v1", "v2" ... in order of appearance
    embedding: tuple[float, ...] = ()  #: of this turn alone, unit length; empty where the diarizer gives none
    clean_s: float = 0.0  #: s of this voice alone that the embedding was computed from
    channel: int = 0  #: 1 or 2 where a call is heard channel by channel


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike an embedder's vectors are, as cosine similarities; fitted by a script on people with known names."""

    same: float  #: mean similarity of two long samples of one person
    different: float  #: mean similarity of samples of two people
    dimensions: float  #: number of independent directions in which people differ
    per_second: float = 0.0  #: similarity that a sample of one second lacks against a long one; falls as 1 / seconds


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker as the diarizer knows them."""

    speaker: str
    embedding: tuple[float, ...] = ()  #: unit length; empty where the diarizer gives none
    confidence: float = 1.0  #: how well the voice stands apart from the others, 0..1


@dataclass(frozen=True, slots=True)
class Diarization:
    """Who spoke when, by voice alone. If nobody spoke, `turns` is ()."""

    turns: tuple[Turn, ...]
    voices: tuple[Voice, ...]
    envelope: tuple[float, ...] = ()  #: loudness of the speech band, 0..1, `ENVELOPE_HZ` values a second from t = 0
    notices: tuple[Notice, ...] = ()
    strangers: float = 0.0  #: cosine similarity of two people's embeddings on good sound
    likeness: Likeness | None = None  #: of the turns' embeddings; None where they have none


ENVELOPE_HZ = 25

#: Values of speaking evidence a second (`FaceTrack.speaking`), on the clip's clock.
EVIDENCE_HZ = 25


# --- faces ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shot:
    """A stretch of the picture between two cuts."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Written:
    """Text that is burned into the picture, from `start` to `end` s; px of the clip's picture."""

    start: float
    end: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Box:
    """A face at one instant; px of the upright picture."""

    t: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One face followed inside one shot."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = BASE64

    id: int
    shot: int  #: index into `Faces.shots`
    boxes: tuple[Box, ...]  #: smoothed, in time order, dense enough to interpolate linearly
    embedding: tuple[float, ...] = ()  #: unit length; empty where no face of the track was good enough
    cluster: int | None = None  #: the face cluster, None where there is no embedding
    quality: float = 0.0  #: of the best face, 0..1
    portrait: bytes = b""  #: JPEG of the best face, well framed
    speaking: tuple[float | None, ...] = ()  #: log-odds that this face says the sound, EVIDENCE_HZ values a second;
    #: value k is for the instant (speaking_from + k + 0.5) / EVIDENCE_HZ; None where it cannot be known
    speaking_from: int = 0  #: index of the first value on the clip's clock

    def is_beside(self, other: FaceTrack) -> bool:
        """Return whether both are in one picture at some time, so that they are two people."""
        first, last = max(self.boxes[0].t, other.boxes[0].t), min(self.boxes[-1].t, other.boxes[-1].t)
        return self.id != other.id and self.shot == other.shot and first <= last


@dataclass(frozen=True, slots=True)
class Faces:
    """All that was seen. Without faces, `tracks` is ()."""

    shots: tuple[Shot, ...]
    tracks: tuple[FaceTrack, ...]
    notices: tuple[Notice, ...] = ()
    same: float = 0.0  #: cosine distance below which two embeddings are one person's; 0 where that is not known
    likeness: Likeness | None = None  #: of the tracks' embeddings; None where they have none


# --- the answer -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know that is not an error. `code` is stable and machine-readable."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The reasons for which a phrase was given to a person."""

    confidence: float  #: 0..1; higher is more often right (calibrated on the benchmark)
    voice: float | None = None  #: similarity of the phrase's voice to the person's, 0..1
    lips: float | None = None  #: share of lip evidence that speaks for the person, 0..1; None without evidence
    runner_up: str | None = None  #: the second most likely person
    reason: str = ""  #: a few words: "voice and lips agree", "off screen: no visible mouth moves" ...


@dataclass(frozen=True, slots=True)
class Phrase:
    """A piece of transcript with one speaker. `translation` is None if there is none, never the source."""

    id: int
    start: float
    end: float
    person: str | None
    source: str
    words: tuple[Word, ...]
    translation: str | None = None
    evidence: Evidence = Evidence(0.0)
    language: str = ""  #: of the source where it differs from the clip's, else ""
    misheard: bool = False  #: the recogniser doubts it: it is marked wherever it is shown


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who speaks or is seen speaking. `face` says whether there is a portrait."""

    id: str  #: "p1", "p2" ... in order of first speech
    name: str
    colour: str  #: "#rrggbb"
    face: bool
    confidence: float
    speaking_s: float


@dataclass(frozen=True, slots=True)
class PersonTurn:
    """A stretch in which one person speaks: like `Turn`, after voices became people."""

    start: float
    end: float
    person: str


@dataclass(frozen=True, slots=True)
class Track:
    """The boxes of one face through one shot, for drawing. `person` is None for faces nobody was matched with."""

    person: str | None
    boxes: tuple[Box, ...]
    face: str = ""  #: "f1", "f2" ...: tracks with the same one show the same face, whoever it belongs to


@dataclass(frozen=True, slots=True)
class Media:
    """The clip's properties in transcript.json."""

    duration: float
    width: int
    height: int
    frame_rate: Fraction
    audio_track: int = 0  #: number of the sound track that was heard, from 1; 0 where the clip has only one


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who says which phrase: the result of `attribute`."""

    people: tuple[Person, ...]
    phrases: tuple[Phrase, ...]
    turns: tuple[PersonTurn, ...]
    tracks: tuple[Track, ...]
    #: JPEG by the id of a person, and by the id of a face (`Track.face`) that was given to nobody
    portraits: Mapping[str, bytes] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that is known of a clip; `render` needs nothing else.

    transcript.json is this without `portraits`, which are written beside it as faces/<person id>.jpg.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = BASE64

    media: Media
    language: str
    target_language: str  #: DeepL code ("PL", "EN-US"); "" without translation
    models: Mapping[str, str]  #: what ran, by job
    people: tuple[Person, ...]
    phrases: tuple[Phrase, ...]
    turns: tuple[PersonTurn, ...]
    tracks: tuple[Track, ...]
    notices: tuple[Notice, ...]
    timings: Mapping[str, float]  #: s by stage
    shots: tuple[Shot, ...] = ()
    written: tuple[Written, ...] = ()  #: subtitles, tickers and the like that are in the picture
    portraits: Mapping[str, bytes] = field(default_factory=dict, compare=False, repr=False)


#: How a line is revealed: "live" as a whole at its first word, turning at once; "spoken" typed as it is said, then
#: turning; "none" without any change.
REVEALS = ("live", "spoken", "none")
TEXTS = ("morph", "both", "original", "translation")


@dataclass(frozen=True, slots=True)
class PersonStyle:
    """The settings of a look for one person."""

    colour: str = ""  #: "#rrggbb"; "" for the person's own
    #: of the lower middle of the person's panels, as shares of the picture's width and height; None for the look's
    position: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The settings for drawing the result."""

    name: str = "cyberpunk"  #: a module of `subtitles.looks`
    position: str = "auto"  #: "auto": over the speaker's head; "bottom": lower third
    text_size: float = 1.0  #: factor on the look's own size, 0.5..2
    texts: str = "morph"  #: one of `TEXTS`
    markers: bool = True  #: mark the speaking face
    reduced_motion: bool = False  #: no flicker, no typing, no gliding
    reveal: str = "live"  #: one of `REVEALS`
    font: str = ""  #: a family of `fonts/`, or the absolute path of a font file; "" for the look's own
    panel_opacity: float | None = None  #: of the glass behind the text, 0..1; None for the look's own
    people: Mapping[str, PersonStyle] = field(default_factory=dict)  #: by the id of a person, or their name


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody whose name is known before the clip is seen, by embeddings of portraits and of a sample of the voice."""

    name: str
    faces: tuple[tuple[float, ...], ...] = ()  #: an embedding for each portrait, unit length
    voice: tuple[float, ...] = ()  #: unit length; empty without a sample
    voice_s: float = 0.0  #: s of sound in that sample


# --- what is asked of the models, and what they find ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Findings:
    """The results of the stages for one clip, kept for another run on the identical clip."""

    transcript: Transcript | None = None
    diarization: Diarization | None = None
    faces: Faces | None = None

    def also(self, other: Findings) -> Findings:
        """Return these findings, with those of `other` where these have none."""
        return Findings(
            self.transcript if self.transcript is not None else other.transcript,
            self.diarization if self.diarization is not None else other.diarization,
            self.faces if self.faces is not None else other.faces,
        )


@dataclass(frozen=True, slots=True)
class Job:
    """The work asked of the models for one clip. It is pickled into a GPU worker as it is."""

    clip: Clip
    sound: Path  #: the clip's sound, a 16 kHz mono WAV
    source: str | None = None  #: ISO 639-1 of the spoken language, None to detect it
    speakers: int | None = None  #: how many people speak, None to find it
    fallback_target: str = ""  #: DeepL code of the language of the key-free translation, "" for none
    known: Findings = Findings()  #: of an earlier run
    given: Given = field(default_factory=Given)  #: lines to be timed by what is heard
    again: tuple[Phrase, ...] = ()  #: phrases in `language` whose key-free translation is all that is asked for
    language: str = ""  #: ISO 639-1 of the phrases in `again`


@dataclass(frozen=True, slots=True)
class KeyFree:
    """A translation without a key: one text or None per phrase, and what made it."""

    texts: tuple[str | None, ...]
    model: str = ""  #: as it goes into transcript.json
    heard: bool = False  #: some of it is from the sound, whatever the phrases' texts say
    notices: tuple[Notice, ...] = ()  #: why nothing was translated

    @classmethod
    def together(cls, texts: Sequence[str | None], parts: Sequence[KeyFree]) -> KeyFree:
        """Return `texts`, which are those of the `parts` in another order, as one translation."""
        models = dict.fromkeys(part.model for part in parts if part.model)
        notices = dict.fromkeys(notice for part in parts for notice in part.notices)
        return cls(tuple(texts), ", ".join(models), any(part.heard for part in parts), tuple(notices))


@dataclass(frozen=True, slots=True)
class Perception:
    """All that the models found in a clip."""

    transcript: Transcript
    diarization: Diarization
    faces: Faces
    attribution: Attribution
    translations: KeyFree | None  #: the key-free translation, where it was asked for
    timings: tuple[tuple[str, float], ...]  #: (stage, s)
