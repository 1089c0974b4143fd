"""Long recordings: cut into windows, analysed one by one or side by side, and put together as one clip.

windows     where it is cut: at silences, near shot cuts
work        the analysis of one window
merge       the windows' answers become one: people are joined by voice and face, in one pure step
recording   all of it in order: an `Analysis` of the whole
"""

from pipeline.long.recording import analyse, is_long, lifted, process

__all__ = ["analyse", "is_long", "lifted", "process"]
