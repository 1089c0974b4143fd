"""The situations: who is seen and who is heard, as films, talks and calls arrange it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.compose import footage
from benchmarks.compose.footage import Cast, Take, Talker
from benchmarks.compose.scene import Composition, View, row, silent, speaking


@dataclass(frozen=True)
class Situation:
    """How to make one, and what a cast must have for it."""

    make: Callable[[Composition, Cast], None]
    both_talk: bool = False  #: the second person talks, too
    narrated: bool = False  #: there is a voice without a face

    @property
    def name(self) -> str:
        return self.make.__name__

    def suits(self, cast: Cast) -> bool:
        return (bool(cast.b.lines) or not self.both_talk) and (cast.narrator is not None or not self.narrated)


def _two(c: Composition, cast: Cast, take: Take, swapped: bool = False) -> None:
    """`take` in a picture of both, its speaker on the side that is theirs."""
    talks = cast.a if take.who == cast.a.who else cast.b
    views = [speaking(person, take) if person is talks else silent(person) for person in (cast.a, cast.b)]
    number = 0 if talks is cast.a else 1
    if swapped:
        views, number = views[::-1], 1 - number
    c.talk(take, *views, place=row(2, number))


def _alone(c: Composition, talker: Talker, take: Take) -> None:
    c.talk(take, speaking(talker, take), place="any")


def _narrator(cast: Cast) -> Talker:
    assert cast.narrator is not None
    return cast.narrator


def _long(talker: Talker, seconds: float = 5.0) -> Take:
    """Their longest stretch, or as many lines of it as make `seconds`."""
    speech = talker.speech()
    inside = [line for line in talker.lines if speech.start <= line[0] and line[1] <= speech.end]
    for end in range(1, len(inside) + 1):
        if inside[end - 1][1] - speech.start >= seconds:
            return Take(speech.clip, speech.who, speech.start, inside[end - 1][1], " ".join(x[2] for x in inside[:end]))
    return speech


# --- two people -------------------------------------------------------------------------------------------------------


def two_shot(c: Composition, cast: Cast) -> None:
    """Two people side by side, one after the other."""
    _two(c, cast, _long(cast.a))
    _two(c, cast, _long(cast.b))


def quick_turns(c: Composition, cast: Cast) -> None:
    """Turns of 1 to 4 s side by side, without a pause."""
    for number in range(3):
        _two(c, cast, cast.a.take(number))
        _two(c, cast, cast.b.take(number))
        if c.seconds > 12:
            return


def cuts(c: Composition, cast: Cast) -> None:
    """Shot and reverse shot: whoever speaks is alone in the picture."""
    for number in range(2):
        _alone(c, cast.a, cast.a.take(number))
        _alone(c, cast.b, cast.b.take(number))


def reaction(c: Composition, cast: Cast) -> None:
    """The picture cuts to the listener while the other goes on talking, and back."""
    listener = cast.b if cast.b.idle[1] - cast.b.idle[0] > 1 else cast.listener or cast.b
    take = _long(cast.a, 7.0)
    third = take.seconds / 3
    first, last = take.part(0, third), take.part(2 * third, take.seconds)
    start = c.seconds
    c.sounds.append((start, take))
    c.state(take.who, start, start + third, "any", take.text)
    c.state(take.who, start + third, start + 2 * third, None)
    c.state(take.who, start + 2 * third, start + take.seconds, "any")
    c.show(third, speaking(cast.a, first))
    c.show(third, silent(listener))
    c.show(third, speaking(cast.a, last))
    if cast.b.lines:
        _alone(c, cast.b, cast.b.take(1))


def swapped_sides(c: Composition, cast: Cast) -> None:
    """Two people side by side; after a cut they have changed places."""
    _two(c, cast, cast.a.take(0))
    _two(c, cast, cast.b.take(0))
    _two(c, cast, cast.a.take(1), swapped=True)
    _two(c, cast, cast.b.take(1), swapped=True)


def both_at_once(c: Composition, cast: Cast) -> None:
    """The second voice starts 1.5 s before the first ends."""
    first, second = _long(cast.a, 3.0), _long(cast.b, 3.0)
    starts = first.seconds - 1.5
    c.hear(first, c.seconds, "left")
    c.hear(second, c.seconds + starts, "right")
    c.show(starts, speaking(cast.a, first), silent(cast.b))
    c.show(1.5, speaking(cast.a, first.part(starts, first.seconds)), speaking(cast.b, second.part(0, 1.5)))
    c.show(second.seconds - 1.5, silent(cast.a), speaking(cast.b, second.part(1.5, second.seconds)))
    _two(c, cast, cast.a.take(0))


def backchannels(c: Composition, cast: Cast) -> None:
    """One talks; the other puts in a word, once into a pause and once over the speech."""
    first, second = cast.a.take(0), _long(cast.a, 3.0) if len(cast.a.lines) < 2 else cast.a.take(1)
    word = cast.b.word()
    _two(c, cast, first)
    _two(c, cast, word)
    middle = second.seconds / 2
    start = c.seconds
    c.hear(second, start, "left")
    c.hear(word, start + middle, "right")
    c.show(middle, speaking(cast.a, second), silent(cast.b))
    c.show(word.seconds, speaking(cast.a, second.part(middle, middle + word.seconds)), speaking(cast.b, word))
    rest = second.part(middle + word.seconds, second.seconds)
    c.show(rest.seconds, speaking(cast.a, rest), silent(cast.b))
    if c.seconds < 8:
        _two(c, cast, _long(cast.b))


def inside_a_sentence(c: Composition, cast: Cast) -> None:
    """The speaker changes in the middle of the sentence, without a pause."""
    for number in range(3):
        for person in (cast.a, cast.b):
            take = person.take(number)
            half = take.part(0, take.seconds * 0.6)
            _two(c, cast, half)


def chewing(c: Composition, cast: Cast) -> None:
    """The listener's mouth moves too: their own speech at two thirds of its speed, without its sound."""
    take, other = _long(cast.a), cast.b.speech()
    c.talk(take, speaking(cast.a, take), View(cast.b, other.start, other.end, speed=0.67), place="left")
    _two(c, cast, _long(cast.b))


def nodding(c: Composition, cast: Cast) -> None:
    """The listener nods all the time."""
    take = _long(cast.a, 7.0)
    c.talk(take, speaking(cast.a, take), silent(cast.listener or cast.b, nods=True), place="left")
    if cast.b.lines:
        _two(c, cast, cast.b.take(0))
    else:
        c.talk(cast.a.take(0), silent(cast.b, nods=True), speaking(cast.a, cast.a.take(0)), place="right")


def pan(c: Composition, cast: Cast) -> None:
    """The camera pans from the speaker to the listener, who answers; the speaker is gone while they still talk."""
    take = _long(cast.a, 6.0)
    start, middle = c.seconds, take.seconds / 2
    c.sounds.append((start, take))
    c.state(take.who, start, start + middle - 0.5, "any", take.text)
    c.state(take.who, start + middle + 0.5, start + take.seconds, None)
    c.show(take.seconds, speaking(cast.a, take), silent(cast.b), pan=True)
    if cast.b.lines:
        _alone(c, cast.b, cast.b.take(0))
    else:
        _alone(c, cast.a, cast.a.take(0))


# --- one person -------------------------------------------------------------------------------------------------------


def portrait(c: Composition, cast: Cast) -> None:
    """One person talks all the time and nobody else is seen or heard."""
    for person in (cast.a,) if cast.b.lines else (footage.BOSS, footage.BOSS_LATER):
        for take in person.takes():
            _alone(c, person, take)
            if c.seconds > 12:
                return


def other_portrait(c: Composition, cast: Cast) -> None:
    """The same with the other person, mirrored from line to line."""
    for number, take in enumerate(cast.b.takes()):
        c.talk(take, View(cast.b, take.start, take.end, mirrored=number % 2 == 1), place="any")
    if c.seconds < 7:
        _alone(c, cast.b, cast.b.take(0))


def poster(c: Composition, cast: Cast) -> None:
    """One person talks beside a photograph of another."""
    photo = View(cast.b, *cast.b.idle, still=True)
    for take in cast.a.takes():
        c.talk(take, photo, speaking(cast.a, take), place="right")
        if c.seconds > 8:
            return


# --- a voice without a face -------------------------------------------------------------------------------------------


def _voice(c: Composition, talker: Talker, seconds: float) -> float:
    """The narrator's lines, one after another, until they last `seconds`; returns how long they last."""
    at = c.seconds
    for take in talker.takes():
        c.hear(take, at, None)
        at += take.seconds
        if at - c.seconds >= seconds:
            break
    return at - c.seconds


def interviewer(c: Composition, cast: Cast) -> None:
    """Somebody who is never seen asks, the person in the picture answers, twice."""
    asks = _narrator(cast)
    for number in range(2):
        question = asks.take(number)
        c.talk(question, silent(cast.a), place=None)
        _alone(c, cast.a, cast.a.take(number))


def narrated_talk(c: Composition, cast: Cast) -> None:
    """A narrator over people who talk, whose own voices are not heard."""
    c.hard = OTHER_SOUND
    lasts = _voice(c, _narrator(cast), 8.0)
    people = (cast.a, cast.b) if cast.b.lines else (footage.BOSS, footage.BOSS_LATER)
    for person in people:
        speech = person.speech()
        c.show(lasts / 2, speaking(person, speech))


def narrated_silence(c: Composition, cast: Cast) -> None:
    """A narrator over two silent people, then one of them talks."""
    lasts = _voice(c, _narrator(cast), 5.0)
    c.show(lasts, silent(cast.a), silent(cast.b))
    take = _long(cast.a, 3.0)
    c.talk(take, speaking(cast.a, take), silent(cast.b), place="left")


def narrator_and_talk(c: Composition, cast: Cast) -> None:
    """A narrator over a moving mouth, then the same person is heard, then the narrator again."""
    c.hard = OTHER_SOUND
    voice = _narrator(cast)
    speech = cast.a.speech()
    first, last = voice.take(0), voice.take(1)
    c.talk(first, speaking(cast.a, speech), place=None)
    _alone(c, cast.a, _long(cast.a, 3.0))
    c.talk(last, speaking(cast.a, speech), place=None)


def slide(c: Composition, cast: Cast) -> None:
    """A voice over a picture without a face, then the person it belongs to."""
    take = _long(cast.a, 3.0)
    c.talk(take, View(footage.SLIDE, *footage.SLIDE.idle), place=None)
    for number in range(2):
        _alone(c, cast.a, cast.a.take(number + 1))


TWO = tuple(Situation(make, both_talk=True) for make in (two_shot, cuts))
MORE = (
    Situation(quick_turns, both_talk=True),
    Situation(reaction),
    Situation(swapped_sides, both_talk=True),
    Situation(both_at_once, both_talk=True),
    Situation(backchannels, both_talk=True),
    Situation(inside_a_sentence, both_talk=True),
    Situation(chewing, both_talk=True),
    Situation(nodding),
    Situation(pan),
    Situation(portrait),
    Situation(other_portrait, both_talk=True),
    Situation(poster),
    Situation(interviewer, narrated=True),
    Situation(narrated_talk, narrated=True),
    Situation(narrated_silence, narrated=True),
    Situation(narrator_and_talk, narrated=True),
    Situation(slide),
)


# --- many people ------------------------------------------------------------------------------------------------------


def in_a_row(c: Composition, people: tuple[Talker, ...], talkers: tuple[int, ...]) -> None:
    """People side by side; those with the numbers `talkers` talk in turn."""
    for number in talkers:
        take = people[number].take(0) if people[number].take(0).seconds > 2 else people[number].take(1)
        views = (speaking(p, take) if i == number else silent(p) for i, p in enumerate(people))
        c.talk(take, *views, place=row(len(people), number))


def split_screen(c: Composition, people: tuple[Talker, ...], talkers: tuple[int, ...]) -> None:
    """Four people in two rows of two; those with the numbers `talkers` talk in turn."""
    for number in talkers:
        take = people[number].take(0) if people[number].take(0).seconds > 2 else people[number].take(1)
        views = (speaking(p, take) if i == number else silent(p) for i, p in enumerate(people))
        c.talk(take, *views, place=row(2, number % 2))


def in_turn(c: Composition, people: tuple[Talker, ...]) -> None:
    """A shot a person, each with a voice of their own."""
    for person in people:
        _alone(c, person, person.take(0) if person.take(0).seconds > 2 else person.take(1))


#: Measured: LR-ASD gives a mouth the same score with its own sound, with sound 2 s late and with another person's.
OTHER_SOUND = "the detector sees that a mouth speaks, not whether it says what is heard"


def dubbed(c: Composition, seen: Talker, heard: Talker) -> None:
    """Lips that move to another language than is heard."""
    lasts = _voice(c, heard, 6.0)
    c.show(lasts, speaking(seen, seen.speech()))
    c.hard = "the lips in view belong to a voice that was replaced"


def crowds() -> list[tuple[str, str, Callable[[Composition], None]]]:
    """(name, language, how) of the situations that mix the casts."""
    f = footage
    return [
        ("three_a", "en", lambda c: in_a_row(c, (f.SENATOR, f.ADMIRAL, f.SUIT_MAN), (0, 1, 2))),
        ("three_b", "en", lambda c: in_a_row(c, (f.BANK_WOMAN, f.MAP_MAN, f.GUEST), (2, 1, 0, 1))),
        ("three_c", "en", lambda c: in_a_row(c, (f.STAR, f.BOSS_LATER, f.HOST), (0, 1))),
        ("three_silent", "en", lambda c: in_a_row(c, (f.TEXTING, f.GUEST, f.HEADPHONES), (1, 1))),
        ("split_a", "en", lambda c: split_screen(c, (f.SENATOR, f.SUIT_MAN, f.ASTRONAUT, f.MAP_MAN), (0, 1, 2, 3))),
        ("split_b", "en", lambda c: split_screen(c, (f.GUEST, f.BANK_WOMAN, f.BOSS_LATER, f.STAR), (1, 0, 3, 2))),
        ("in_turn_a", "en", lambda c: in_turn(c, (f.SENATOR, f.ADMIRAL, f.MAP_MAN, f.ASTRONAUT))),
        ("in_turn_b", "en", lambda c: in_turn(c, (f.SHOW_HOST, f.BANK_WOMAN, f.BOSS, f.GUEST))),
        ("dubbed_de", "de", lambda c: dubbed(c, f.SUIT_MAN, f.LAWYER)),
        ("dubbed_ja", "ja", lambda c: dubbed(c, f.SENATOR, f.CAVER)),
        ("voice_over_de", "de", lambda c: _over_silence(c, f.LAWYER, f.GUEST, f.HOST)),
        ("voice_over_ja", "ja", lambda c: _over_silence(c, f.CAVER, f.TEXTING, f.ADMIRAL)),
    ]  # fmt: skip


def _over_silence(c: Composition, voice: Talker, *people: Talker) -> None:
    """A voice over silent people, a shot each, then both."""
    lasts = _voice(c, voice, 6.0)
    for person in people:
        c.show(lasts / 3, silent(person))
    c.show(lasts / 3, *(silent(person) for person in people))
