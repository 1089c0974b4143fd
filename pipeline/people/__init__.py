"""People: who says what, and whose face it is.

One inference weighs voices, faces, lips and presence together. `score` says how likely it is that some turns and some
tracks are one person, by adding up log-odds; `partition` divides the clip into people so that the sum is highest;
`words` finds the most likely speaker of every word; `phrases` cuts what was said into subtitles.
"""

from pipeline.people.attribution import attribute

__all__ = ["attribute"]
