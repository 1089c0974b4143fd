"""Many clips: a folder or a list of them becomes a folder of results each, and a summary.

jobs        what is to be done, read from a folder, a CSV or a JSON list
work        the two callables that do it: `Analyse` and `Draw`
pool        both in processes of this machine
on_ray      both as actors of Ray Data
records     what is finished, so that the next run does only the rest
table       the progress on a terminal
summary     summary.csv and summary.json
driver      all of it in order
"""
