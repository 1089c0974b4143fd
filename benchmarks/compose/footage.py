"""The recordings that compositions are cut from: who is seen where, what they say when, and when they listen.

Times are seconds on the recording's clock. Lines begin and end at word boundaries as Whisper base hears them. The clips
of `examples/` are always there; those of the recorded clips only on some machines, and `casts()` names what this one
has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "clips"
EXAMPLES = ROOT / "examples"


@dataclass(frozen=True)
class Take:
    """Somebody says something: `start` to `end`, s on the clock of `clip`."""

    clip: Path
    who: str
    start: float
    end: float
    text: str

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def part(self, start: float, end: float, text: str = "") -> Take:
        """`start` to `end` s into this take."""
        return replace(self, start=self.start + start, end=self.start + end, text=text)


@dataclass(frozen=True)
class Talker:
    """One person in one recording: a voice and, where `crop` is given, a face."""

    who: str
    clip: Path
    lines: tuple[tuple[float, float, str], ...] = ()  #: (start, end, text) of what they say alone
    crop: tuple[int, int, int, int] | None = None  #: width, height, x, y of their picture, px of the recording
    face: float = 0.0  #: height of the face, hair excluded, over the height of `crop`
    idle: tuple[float, float] = (0.0, 0.0)  #: they are seen and say nothing
    short: tuple[float, float, str] | None = None  #: a word or two, for a backchannel
    language: str = "en"

    def take(self, number: int) -> Take:
        """One of their lines, counted modulo the number of lines."""
        return Take(self.clip, self.who, *self.lines[number % len(self.lines)])

    def takes(self) -> tuple[Take, ...]:
        return tuple(self.take(i) for i in range(len(self.lines)))

    def speech(self) -> Take:
        """Their longest stretch of lines with pauses of less than 1 s between them, as one take."""
        runs: list[list[tuple[float, float, str]]] = []
        for line in self.lines:
            if runs and 0 <= line[0] - runs[-1][-1][1] < 1.0:
                runs[-1].append(line)
            else:
                runs.append([line])
        run = max(runs, key=lambda run: run[-1][1] - run[0][0])
        return Take(self.clip, self.who, run[0][0], run[-1][1], " ".join(text for *_, text in run))

    def word(self) -> Take:
        """A word or two; the end of the last line where none was noted."""
        start, end, text = self.short or (self.lines[-1][1] - 0.8, self.lines[-1][1], "")
        return Take(self.clip, self.who, start, end, text)


@dataclass(frozen=True)
class Cast:
    """Somebody who talks, somebody beside them who may talk, a voice that is only heard, and somebody who only
    listens.
    """

    name: str
    a: Talker
    b: Talker
    narrator: Talker | None = None
    listener: Talker | None = None

    @property
    def language(self) -> str:
        return self.a.language


def _pair(name: str, side: int, **more: object) -> Talker:
    """One half of a recording of 1024 x 512."""
    return Talker(clip=SHARED / f"{name}.mp4", crop=(512, 512, 512 * side, 0), **more)  # type: ignore[arg-type]


ORBIT, EUROPA = EXAMPLES / "orbit_en.mp4", EXAMPLES / "europa_pl.mp4"
INTERVIEW, TALKSHOW, MEETING = (SHARED / f"real_{name}.mp4" for name in ("interview", "talkshow", "meeting"))

ASTRONAUT = Talker(
    "astronaut", ORBIT,
    ((0.65, 2.2, "Good evening from orbit."),
     (2.4, 6.75, "Here is a message for everyone on the ground, but not everyone speaks my language."),
     (13.9, 16.05, "So who decides which words are mine?"),
     (16.15, 17.75, "There are two of us in this picture."),
     (24.4, 26.95, "That is the best promise a machine ever made.")),
    (540, 540, 64, 136), 0.33, (7.3, 13.4), (1.2, 1.95, "from orbit."),
)  # fmt: skip
ADMIRAL = Talker(
    "admiral", ORBIT,
    ((7.2, 9.0, "Then let the picture speak it."),
     (9.2, 13.45, "Your words appear above you while you talk, and turn into mine before you finish."),
     (18.1, 20.3, "Your voice and your lips will tell."),
     (20.45, 23.85, "And if I stay silent, nobody will put words into my mouth.")),
    (540, 540, 676, 136), 0.36, (0.8, 6.6), (8.0, 8.8, "speak it."),
)  # fmt: skip
ASTRONAUT_PL = Talker(
    "astronaut", EUROPA,
    ((0.55, 2.1, "Dobry wieczór."), (2.1, 4.0, "Mam dla ciebie dobrą wiadomość."),
     (8.45, 11.2, "Tak, bo każdy głos jest ważny."), (11.2, 13.05, "I każdy ma prawo rozumieć.")),
    (636, 600, 644, 120), 0.35, (4.4, 8.0), (0.9, 1.85, "wieczór."), "pl",
)  # fmt: skip
ADMIRAL_PL = Talker(
    "admiral", EUROPA,
    ((4.35, 5.6, "Bardzo dobrze."), (5.7, 8.03, "Ale czy ludzie rozumieją, co mówimy?"),
     (13.45, 15.2, "To piękna historia."), (15.25, 17.0, "Dziękuję i do zobaczenia.")),
    (636, 600, 0, 120), 0.38, (8.5, 13.0), (4.65, 5.5, "dobrze."), "pl",
)  # fmt: skip
SENATOR = _pair(
    "two_shot", 0, who="flag woman",
    lines=((0.0, 3.14, "everyone here today endeavoring towards a better,"),
           (3.14, 6.4, "more just future for our country and our world."), (7.15, 8.0, "In fidelity")),
    face=0.5, idle=(6.42, 7.12), short=(7.15, 8.0, "In fidelity"),
)  # fmt: skip
MAP_MAN = _pair(
    "two_shot", 1, who="map man",
    lines=((8.0, 10.3, "and the heart of my California congressional district"),
           (10.3, 13.0, "where I chase my own dreams growing up.")),
    face=0.38, idle=(0.0, 6.0), short=(11.84, 12.85, "growing up."),
)  # fmt: skip
BANK_WOMAN = _pair(
    "two_shot_2", 0, who="bank woman",
    lines=((0.0, 2.72, "sign element. It represents the European Central Bank,"),
           (2.72, 6.62, "and it symbolizes the value of European Bank notes as central bank money.")),
    face=0.3, idle=(7.0, 12.5), short=(5.6, 6.6, "as central bank money."),
)  # fmt: skip
SUIT_MAN = _pair(
    "two_shot_2", 1, who="suit man",
    lines=((6.64, 9.15, "my biggest weaknesses is asking for help when I need it."),
           (10.05, 11.3, "I'd like to do better at that.")),
    face=0.28, idle=(11.45, 12.7), short=(10.1, 10.8, "I'd like to do"),
)  # fmt: skip
GUEST = Talker(
    "interview guest", INTERVIEW,
    ((7.92, 11.4, "Well, here in sunny Florida at the Innovate conference."),
     (11.45, 14.5, "as you said, and this is fantastic because"),
     (14.55, 19.5, "Kyocera is rolling out what they call TDS 2.0 to their")),
    (427, 480, 0, 0), 0.24, (0.2, 7.2), (8.0, 8.7, "Well, here"),
)  # fmt: skip
HOST = Talker(
    "interview host", INTERVIEW,
    ((0.0, 2.2, "CSR dealer conference Innovate 2018."),
     (2.2, 5.75, "I'm here with Bill Priemer, the president and CEO of Hyland Software."),
     (5.9, 7.6, "Bill, tell us what's going on with Hyland?")),
    (427, 480, 427, 0), 0.24, (8.5, 19.3), (5.9, 6.7, "Bill, tell us"),
)  # fmt: skip
STAR = Talker(
    "talk show guest", TALKSHOW,
    ((11.9, 13.55, "115 million views."),
     (13.6, 16.95, "and just under two weeks or something. I don't know what happened."),
     (17.1, 18.35, "I really don't know how that happened.")),
    (256, 288, 38, 0), 0.28, (4.4, 6.5), (12.8, 13.5, "million views."),
)  # fmt: skip
SHOW_HOST = Talker(
    "talk show host", TALKSHOW,
    ((6.95, 9.35, "hasn't even been out that long."), (9.45, 11.5, "It's 115 million or something.")),
    (256, 288, 55, 0), 0.27, (9.36, 9.44), (8.8, 9.35, "that long."),
)  # fmt: skip
BOSS = Talker(
    "boss", MEETING,
    ((2.2, 4.46, "So I think the big problem we're having really is"),
     (4.46, 6.95, "all about understanding who our customers are.")),
    (320, 360, 224, 0), 0.3, (6.96, 7.14), (6.3, 6.95, "customers are."),
)  # fmt: skip
BOSS_LATER = Talker(
    "boss", MEETING,
    ((44.85, 47.25, "Okay, we've been speaking long enough, I think we deserve a break."),
     (48.0, 50.7, "So if you want to take out your electronics, now's the time to do it, okay?")),
    (320, 360, 160, 0), 0.3, (47.3, 47.95), (50.0, 50.7, "do it, okay?"),
)  # fmt: skip
TEXTING = Talker("texting woman", MEETING, (), (320, 360, 235, 0), 0.25, (12.2, 14.6))
DANCING = Talker("dancing woman", MEETING, (), (320, 360, 72, 0), 0.25, (21.2, 23.2))
HEADPHONES = Talker("man with headphones", MEETING, (), (320, 360, 224, 0), 0.27, (25.0, 26.8))

PRESIDENT = Talker(
    "president", SHARED / "jfk.flac",
    ((0.25, 2.6, "And so my fellow Americans,"), (3.2, 7.7, "ask not what your country can do for you,"),
     (8.1, 10.5, "ask what you can do for your country.")),
)  # fmt: skip
ENGINEER = Talker(
    "engineer", SHARED / "meeting_trn03.flac",
    ((1.3, 4.5, "not 100% sure but I'm not having crashes at the moment,"),
     (8.1, 12.4, "we had a long problem about not finding out why"),
     (13.4, 16.3, "the time thinking up between the relative time"),
     (24.0, 26.9, "our best guess is that it was some stupid Java thing about if")),
)  # fmt: skip
TRANSCRIBER = Talker(
    "transcriber", SHARED / "meeting_trn05.flac",
    ((9.4, 11.9, "so the few of you and let's see,"),
     (20.6, 23.8, "So this is the second pass these transcriptions are receiving"),
     (25.8, 29.8, "That's pretty straightforward. I think you'll basically have an idea of what's involved")),
)  # fmt: skip
TRAINER = Talker(
    "trainer", MEETING,
    ((29.23, 30.9, "Have respect at meetings."),
     (30.9, 35.0, "First, put electronics away and turn off sound notifications."),
     (35.25, 39.7, "Second, if you are expecting an interruption, tell the person in charge in advance."),
     (40.1, 43.1, "And third, show respect by listening and responding.")),
)  # fmt: skip
SHEILA = Talker(
    "Sheila", SHARED / "phone_call.flac",
    ((14.7, 17.95, "And I'm Sheila in Texas, originally from Chicago."),
     (21.8, 27.5, "Well, there's not much difference. At least, you know, they all call me a Yankee down here.")),
)  # fmt: skip
DIANE = Talker(
    "Diane", SHARED / "phone_call.flac",
    ((12.5, 14.4, "This is Diane in New Jersey."),
     (18.65, 21.4, "I'm originally from Chicago also. I'm in New Jersey now though.")),
)  # fmt: skip
SENATE = Talker(
    "senate", SHARED / "polish.flac",
    ((0.25, 3.65, "Jeżeli nikt z państwa senatorów nie zgłosi do nich zastrzeżeń,"),
     (3.65, 7.45, "to zostaną one zatwierdzone przez wysoką izbę na następnym posiedzeniu.")),
    language="pl",
)  # fmt: skip
LAWYER = Talker(
    "lawyer", SHARED / "german.flac",
    ((1.2, 4.7, "Über unsere Homepage steht Ihnen unser Mandantenportal"),
     (4.7, 8.5, "zur sicheren und rechtsverbindlichen Kommunikation zur Verfügung.")),
    language="de",
)  # fmt: skip
CAVER = Talker(
    "caver", SHARED / "japanese.flac",
    ((0.25, 4.2, "前回の内容ではまだまだ表面までしか触れていませんでした。"),
     (4.7, 8.4, "奥に進むにつれ、誰も知らない事実が明らかになるでしょう。")),
    language="ja",
)  # fmt: skip

#: A picture without a face: a slide that is read aloud.
SLIDE = Talker("", MEETING, (), (640, 360, 0, 0), 0.0, (30.5, 42.0))
MUSIC = SHARED / "crowd_music.mp4"
#: Meetings whose people speak in no composition.
BABBLE = (SHARED / "meeting_dev01.flac", SHARED / "meeting_dev00.flac", SHARED / "meeting_trn04.flac")


def casts() -> tuple[Cast, ...]:
    """The casts of this machine. Nobody is in two of them but the astronaut and the admiral, who speak two languages,
    and the boss.
    """
    if not (SHARED / "two_shot.mp4").exists():
        return (Cast("orbit", ASTRONAUT, ADMIRAL), Cast("europa", ADMIRAL_PL, ASTRONAUT_PL))
    return (
        Cast("flag", SENATOR, MAP_MAN, PRESIDENT),
        Cast("bank", BANK_WOMAN, SUIT_MAN, ENGINEER),
        Cast("orbit", ASTRONAUT, ADMIRAL, TRANSCRIBER),
        Cast("fair", GUEST, HOST, SHEILA),
        Cast("show", STAR, SHOW_HOST, DIANE),
        Cast("europa", ADMIRAL_PL, ASTRONAUT_PL, SENATE),
        Cast("boss", BOSS_LATER, HEADPHONES, TRAINER, DANCING),
        Cast("problem", BOSS, TEXTING, TRAINER, HEADPHONES),
    )
