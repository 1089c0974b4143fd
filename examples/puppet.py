"""A still portrait that speaks: jaw, lips, eyelids and head follow a sound, everything else stays a photograph.

The face mesh (MediaPipe, 468 points) finds the features once. A frame is one `cv2.remap` of the photograph: every
output pixel asks where it comes from after the head moved, the jaw opened, the lips rounded and the lids closed.
What the photograph does not have, the inside of the mouth, is painted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

RIGHT_LID, LEFT_LID = (
    ((33, 160, 159, 158, 133), (33, 144, 145, 153, 133)),
    ((362, 385, 386, 387, 263), (362, 380, 374, 373, 263)),
)
UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)  #: mesh points along the inner edge of the lips
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)


def find_points(image: np.ndarray, face: tuple[float, float, float, float], model: Path) -> np.ndarray:
    """The mesh of the face inside the box `face` (left, top, right, bottom) of an RGB `image`, as (468, 2) px."""
    net = cv2.dnn.readNetFromTFLite(str(model))
    left, top, right, bottom = face
    scale = 192 / (1.5 * max(right - left, bottom - top))  # the model wants a quarter of the box around the face
    to_crop = np.array([[scale, 0, 96 - (left + right) / 2 * scale], [0, scale, 96 - (top + bottom) / 2 * scale]])
    crop = cv2.warpAffine(image, to_crop, (192, 192))
    net.setInput(cv2.dnn.blobFromImage(crop, 1 / 255, (192, 192)))
    return (net.forward().reshape(468, 3)[:, :2] - to_crop[:, 2]) / scale


@dataclass
class Pose:
    """What a face does at one instant. Lengths in units of the distance between the eyes."""

    jaw: float = 0.0  #: how far the lower lip is down, 0..0.35
    wide: float = 0.0  #: lips spread (> 0) or rounded (< 0), -0.15..0.1
    lids: float = 0.0  #: 0 open, 1 closed
    x: float = 0.0  #: shift of the head
    y: float = 0.0
    roll: float = 0.0  #: radians


class Puppet:
    """A portrait at the size it is shown, ready to be posed."""

    def __init__(self, image: np.ndarray, points: np.ndarray, *, teeth: bool) -> None:
        """`image` RGB (h, w, 3) uint8, `points` (468, 2) px in it; `teeth`: the photograph shows the upper teeth,
        so the mouth opens below them.
        """
        self.image, self.points, self.teeth = image, points, teeth
        height, width = image.shape[:2]
        self.grid = np.mgrid[0:height, 0:width].astype(np.float32)[::-1].copy()  # x, y
        self.unit = float(np.linalg.norm(points[[33, 133]].mean(0) - points[[362, 263]].mean(0)))
        middle = points[[10, 152]].mean(0)
        dx, dy = (self.grid[0] - middle[0]) / (1.7 * self.unit), (self.grid[1] - middle[1]) / (2.0 * self.unit)
        self.head = np.exp(-((dx**2 + dy**2) ** 2)).astype(np.float32)  # 1 on the face, 0 in the background
        neck = points[152] + (0, 0.5 * self.unit)
        self.arm = (self.grid - neck[:, None, None].astype(np.float32)) * self.head  # what a roll turns

        self.centre = points[[78, 308]].mean(0)
        self.half = float(points[308, 0] - points[78, 0]) / 2
        self.chin = float(points[152, 1] - self.centre[1])
        self.mouth = self._patch(self.centre[0], self.centre[1] + 0.5 * self.chin, 2.6 * self.half, 1.7 * self.chin)
        inner = points[list(LOWER_INNER)] if teeth else (points[list(UPPER_INNER)] + points[list(LOWER_INNER)]) / 2
        self.line = _curve(inner, self.grid[0][self.mouth])
        self.eyes = []
        for upper, lower in (RIGHT_LID, LEFT_LID):
            (left, right), y = points[[upper[0], upper[-1]], 0], points[list(upper), 1].mean()
            patch = self._patch((left + right) / 2, y, 0.4 * self.unit, 0.4 * self.unit)
            x = self.grid[0][patch]
            across = np.clip((2 * x - left - right) / (right - left), -1, 1)
            lid, low = _curve(points[list(upper)], x), _curve(points[list(lower)], x)
            self.eyes.append((patch, across, lid, np.maximum(low, lid)))

    def draw(self, pose: Pose) -> np.ndarray:
        """The portrait in `pose`, RGB (h, w, 3) uint8."""
        face = self.image.copy()
        self._speak(face, pose)
        if pose.lids > 0.02:
            self._blink(face, pose.lids)
        cos, sin = np.cos(pose.roll) - 1, np.sin(pose.roll)
        x = self.grid[0] + cos * self.arm[0] + sin * self.arm[1] - pose.x * self.unit * self.head
        y = self.grid[1] - sin * self.arm[0] + cos * self.arm[1] - pose.y * self.unit * self.head
        return _look_up(face, x, y)

    def _patch(self, x: float, y: float, half_width: float, half_height: float) -> tuple[slice, slice]:
        height, width = self.image.shape[:2]
        return (
            slice(max(0, int(y - half_height)), min(height, int(y + half_height))),
            slice(max(0, int(x - half_width)), min(width, int(x + half_width))),
        )

    def _speak(self, face: np.ndarray, pose: Pose) -> None:
        """Opens the mouth in `face`, in place: lips apart, chin down, the neck stays."""
        x, y = self.grid[0][self.mouth], self.grid[1][self.mouth]
        opened = pose.jaw * self.unit
        rise = 0.0 if self.teeth else 0.12  # share of the opening that is the upper lip's
        reach = (0.82 if self.teeth else 0.9) * self.half * (1 + pose.wide)  # the corners of the lips stay together
        across = np.clip((x - self.centre[0]) / reach, -1, 1)
        lens = (1 - across**2) ** 0.75
        depth = np.clip((y - self.line) / self.chin, 0, None)
        blend = np.clip(
            depth / 0.5, 0, 1
        )  # right below the lip the outline of the opening, further down the whole chin
        chin = 0.8 * np.exp(-(((x - self.centre[0]) / (1.9 * self.half)) ** 4))
        down = 0.9 * opened * (lens * (1 - blend) + chin * blend) * np.clip((1.9 - depth) / 0.9, 0, 1)
        up = rise * opened * lens * np.clip(1 - (self.line - y) / (0.35 * self.unit), 0, 1)
        from_y = np.where(y > self.line, np.maximum(y - down, self.line), np.minimum(y + up, self.line))
        near = np.exp(
            -(((x - self.centre[0]) / (2 * self.half)) ** 4) - ((y - self.centre[1]) / (0.5 * self.unit)) ** 4
        )
        from_x = x - (x - self.centre[0]) * pose.wide * near
        patch = _look_up(face, from_x, from_y)
        if opened > 0.4:
            upper, lower = self.line - rise * opened * lens, self.line + 0.9 * opened * lens
            patch = self._inside(patch, y, upper, lower, across, opened)
        face[self.mouth] = patch

    def _inside(self, patch, y, upper, lower, across, opened) -> np.ndarray:
        """Paints what the photograph does not have between the lips: dark, upper teeth, tongue."""
        soft = max(1.0, 0.012 * self.unit)
        alpha = np.clip((y - upper) / soft, 0, 1) * np.clip((lower - y) / soft, 0, 1) * (np.abs(across) < 0.97)
        alpha *= min(1.0, opened / 2)
        v = np.clip((y - upper) / np.maximum(lower - upper, 1e-3), 0, 1)
        colour = np.full((*y.shape, 3), (46, 16, 16), np.float32)
        tongue = np.clip((v - 0.62) / 0.38, 0, 1) * min(1.0, opened / (0.2 * self.unit)) * (1 - across**2)
        colour += tongue[..., None] * (np.array((150, 72, 70), np.float32) - colour) * 0.75
        if not self.teeth:
            length = 0.06 * self.unit
            tooth = np.clip((length - (y - upper)) / (0.5 * length), 0, 1) * np.clip(1.15 - across**2 * 1.6, 0, 1)
            colour += tooth[..., None] * (np.array((150, 136, 122), np.float32) - colour) * 0.8
        colour *= (1 - 0.35 * across**2)[..., None]
        return (patch + (colour - patch) * alpha[..., None]).clip(0, 255).astype(np.uint8)

    def _blink(self, face: np.ndarray, closed: float) -> None:
        """Draws the upper lids down over the eyes in `face`, in place: the skin above them stretches."""
        for patch, across, lid, low in self.eyes:
            x, y = self.grid[0][patch], self.grid[1][patch]
            start = lid - 0.16 * self.unit * np.sqrt(np.clip(1 - across**2, 0.05, 1))
            moved = lid + closed * (low - lid)
            stretched = start + (y - start) * (lid - start) / np.maximum(moved - start, 1e-3)
            skin = (np.abs(across) < 1) & (y > start) & (y < moved)
            face[patch] = _look_up(face, x, np.where(skin, stretched, y))


def _curve(points: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The parabola through `points` (n, 2), at `x`."""
    return np.polynomial.Polynomial.fit(*points.T, 2)(x).astype(np.float32)


def _look_up(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return cv2.remap(image, x.astype(np.float32), y.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
