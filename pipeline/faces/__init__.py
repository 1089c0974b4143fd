"""Faces: shots, detections, tracks, lips and identities. `find_faces` is the stage."""

from pipeline.faces.find import find_faces

__all__ = ["find_faces"]
