"""The page and the API around the pipeline.

services.py   what the page needs of the pipeline, as callables: tests hand in fakes
jobs.py       one visitor's result, and the private folders it lives in
check.py      what can be refused before the queue: clip, address, languages, key, look
views.py      records to HTML: gallery, timeline, transcript, progress
page.py       the widgets and their events
api.py        the named endpoints for scripts and agents
style.py      theme, fonts, CSS, script
"""
