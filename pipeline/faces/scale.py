"""Reduction of pictures to a smaller size, fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def reduced(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return `image` reduced to `size` (width, height) px, as means over areas.

    Halving is done as far as it goes, because OpenCV does it with SIMD: a luma plane of 720p to 160 px takes 0.04 ms
    where one step takes 0.41 (1.0 where the factor is not whole), colour to 320 px 0.3 ms where one step takes 0.8.

    image: (h, w) or (h, w, c) uint8, not smaller than `size`.
    """
    import cv2

    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA)
    return image if image.shape[1::-1] == size else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
