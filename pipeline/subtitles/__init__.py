"""Cues, their places, and how they are drawn and written."""
