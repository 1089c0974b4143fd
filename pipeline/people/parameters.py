"""The probabilities and log-odds of the inference, each with its meaning."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.records import Likeness


@dataclass(frozen=True, slots=True)
class Parameters:
    """Everything the inference weighs with.

    `looks_per_second` and `deceptive` are near what `benchmarks/fit_people.py` fits with people left out; the
    confidence is a logistic regression on the composed clips. The others are stated; `benchmarks/fit_weights.py` found
    no values that are better on people who were left out.
    """

    #: Independent looks a second at a mouth: neighbouring values of speaking evidence say nearly the same.
    looks_per_second: float = 1.75
    #: The same for single words: an error of the detector seldom lasts as long as a word, so neighbouring words err
    #: alone.
    word_looks_per_second: float = 4.0
    #: Probability that a mouth that speaks cannot be read in a piece of a turn (turned away, covered, hardly moved), so
    #: that its evidence means nothing. Bounds how much a still mouth can say against a person. People who talk to a
    #: camera, as in the composed clips, give 0.017; an actor in a film scene may hardly move his lips. Not fitted, but
    #: chosen by looking at one film scene and at `benchmarks.perceive --judge`, whose accuracies change by less than
    #: 0.005 between 0.017 and 0.2.
    unreadable: float = 0.18
    #: Probability that a mouth that is silent moves like one that speaks (laughter, chewing, dubbed pictures).
    #: Bounds how much a moving mouth can say for a person.
    deceptive: float = 0.011
    #: Probability that a turn or a track is unlike the others of its person: a shout, another room, a face half in the
    #: dark. Bounds how much one embedding can say against a person.
    unusual: float = 0.1
    #: Share of the noise of faces that is common to a shot (its light, its pose), and of the noise of voices that is
    #: common to turns less than `SESSION_S` apart (their room, their microphone).
    face_session: float = 0.6
    voice_session: float = 0.8
    #: Probability that somebody is heard over a picture of themselves in which they are silent, for a shot.
    voice_over: float = 0.02
    #: Probability that the person who speaks is in the picture, of those who are seen in the clip at all.
    shown: float = 0.75
    #: Pseudo-counts of shots in which a person who is silent is in the picture or out of it.
    shown_silent: float = 1.0
    hidden_silent: float = 1.0
    #: Probability that somebody who speaks is seen in the clip at all, where the clip shows faces.
    has_face: float = 0.75
    #: Log-odds over every other face below which a person is shown without one: 0.4 is six to four.
    doubt: float = 0.4
    #: Log-odds for one more person who speaks, and for one more face.
    new_voice: float = -2.5
    new_face: float = -1.5
    #: Log-odds that two pieces of one turn, and that two turns of one voice that follow each other are one person's,
    #: and that two turns of different voices are two people's, beyond what their embeddings say: the diarizer heard the
    #: sound between them.
    same_turn: float = 8.0
    same_label: float = 2.0
    other_label: float = 1.5
    #: Log-odds that a track which begins where another of the same shot has ended is the same face.
    resumed: float = 2.0
    #: Log-odds against a change of person between two words: one in 150 inside a sentence, one in 12 after one, every
    #: third where a cut is there, too; what a pause (a second), the end of a sentence, a cut, the end of a turn, and
    #: the beginning of another voice take off.
    change: float = 5.0
    change_pause: float = 3.0
    change_sentence: float = 2.5
    change_cut: float = 1.5
    change_turn: float = 2.0
    change_voice: float = 4.0
    #: Weight of the voice in words: log-odds a turn is clipped to this many a second.
    voice_per_second: float = 3.0
    #: The least that a turn of another voice speaks against a person, a second.
    label_per_second: float = 2.0
    #: Calibration of the confidence: logit = bias + person x logit(person) + face x logit(face).
    confidence_bias: float = -0.9
    confidence_person: float = 0.25
    confidence_face: float = 0.2


#: Used where a stage brings no statistics of its own (records of another program): dlib's ResNet and CAM++.
FACE_LIKENESS = Likeness(same=0.95, different=0.87, dimensions=10.0, per_second=0.01)
VOICE_LIKENESS = Likeness(same=0.72, different=0.23, dimensions=19.0, per_second=0.29)
#: For a diarizer that gives no embeddings: its names of the voices stand for them.
LABEL_LIKENESS = Likeness(same=0.70, different=0.01, dimensions=12.0, per_second=0.30)
