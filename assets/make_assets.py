#!/usr/bin/env python3
"""Draws the scenes' icons: white on transparent, so that a scene tints them.

Only the standard library is used. Run it from anywhere; it writes into `icons/` beside itself. Each icon is drawn on
a field of 32 by 32 units, once at 32 pixels (shown at 16) and once at 96 pixels (shown at 48), so that a display with
twice the pixels stays sharp.
"""

import math
import pathlib
import struct
import zlib

SIZES = (32, 96)
SAMPLES = 4


def disc(cx, cy, radius):
    return lambda x, y: math.hypot(x - cx, y - cy) <= radius


def ring(cx, cy, radius, width):
    return lambda x, y: abs(math.hypot(x - cx, y - cy) - radius) <= width / 2


def stroke(ax, ay, bx, by, width):
    """A line with round ends."""
    dx, dy = bx - ax, by - ay
    length_squared = dx * dx + dy * dy

    def inside(x, y):
        along = max(0.0, min(1.0, ((x - ax) * dx + (y - ay) * dy) / length_squared))
        return math.hypot(x - ax - along * dx, y - ay - along * dy) <= width / 2

    return inside


def path(width, *points):
    return union(*(stroke(*a, *b, width) for a, b in zip(points, points[1:])))


def rounded(left, top, right, bottom, radius):
    def inside(x, y):
        dx = max(left + radius - x, 0.0, x - (right - radius))
        dy = max(top + radius - y, 0.0, y - (bottom - radius))
        return math.hypot(dx, dy) <= radius

    return inside


def polygon(*corners):
    def inside(x, y):
        is_inside = False
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1]):
            if (ay > y) != (by > y) and x < ax + (bx - ax) * (y - ay) / (by - ay):
                is_inside = not is_inside
        return is_inside

    return inside


def union(*shapes):
    return lambda x, y: any(shape(x, y) for shape in shapes)


def without(shape, *holes):
    return lambda x, y: shape(x, y) and not any(hole(x, y) for hole in holes)


def above(shape, limit):
    return lambda x, y: y <= limit and shape(x, y)


def arc_up(cx, cy, radius, width):
    """The upper quarter of a ring, with round ends."""
    spread = math.radians(45)
    ends = [
        disc(cx + radius * math.sin(side * spread), cy - radius * math.cos(spread), width / 2) for side in (-1, 1)
    ]
    quarter = ring(cx, cy, radius, width)
    return union(lambda x, y: quarter(x, y) and abs(math.atan2(x - cx, cy - y)) <= spread, *ends)


def person(cx, head_y, scale):
    shoulders_y = head_y + 14 * scale
    return union(
        disc(cx, head_y, 5 * scale),
        above(disc(cx, shoulders_y, 8.5 * scale), shoulders_y + 0.5 * scale),
    )


def person_outline(cx, head_y, scale, margin):
    shoulders_y = head_y + 14 * scale
    return union(
        disc(cx, head_y, 5 * scale + margin),
        above(disc(cx, shoulders_y, 8.5 * scale + margin), shoulders_y + 0.5 * scale + margin),
    )


ICONS = {
    "info": union(ring(16, 16, 12, 3), disc(16, 10.2, 2), stroke(16, 15.5, 16, 22, 3)),
    "good": union(ring(16, 16, 12, 3), path(3, (10.5, 16.5), (14.5, 20.5), (21.5, 12.5))),
    "warn": union(
        path(3, (16, 4.5), (28.5, 26.5), (3.5, 26.5), (16, 4.5)),
        stroke(16, 12.5, 16, 18, 3),
        disc(16, 22.4, 1.9),
    ),
    "bad": union(ring(16, 16, 12, 3), stroke(11.8, 11.8, 20.2, 20.2, 3), stroke(20.2, 11.8, 11.8, 20.2, 3)),
    "check": path(4, (5, 17), (12.5, 24.5), (27, 8)),
    "invite": union(
        without(rounded(3, 7, 29, 26, 4), rounded(6, 10, 26, 23, 1.5)),
        path(2.8, (5.5, 9.8), (16, 18), (26.5, 9.8)),
    ),
    "chat": union(
        without(rounded(3, 5, 29, 23, 6), rounded(6, 8, 26, 20, 3)),
        path(3, (9.5, 22), (9.5, 28), (16, 22)),
        stroke(11, 14, 11.01, 14, 3),
        stroke(16, 14, 16.01, 14, 3),
        stroke(21, 14, 21.01, 14, 3),
    ),
    "people": union(
        without(person(22.5, 9.5, 0.85), person_outline(11.5, 10, 1.05, 1.8)),
        person(11.5, 10, 1.05),
    ),
    "signal": union(disc(16, 25, 2.6), arc_up(16, 25, 9, 3), arc_up(16, 25, 16.5, 3)),
    "unplugged": without(
        union(disc(16, 25, 2.6), arc_up(16, 25, 9, 3), arc_up(16, 25, 16.5, 3), stroke(5, 5, 27, 27, 3)),
        stroke(8.6, 4.2, 29, 24.6, 2),
    ),
    "blocked": union(ring(16, 16, 12, 3), stroke(8, 8, 24, 24, 3)),
    "cross": union(stroke(6, 6, 26, 26, 4.5), stroke(26, 6, 6, 26, 4.5)),
    "nought": ring(16, 16, 11, 4.5),
    "cursor": polygon((4, 3), (4, 26), (10, 20.5), (14.2, 29.5), (18.6, 27.5), (14.4, 18.6), (22, 18)),
}


def coverage(shape, size):
    """Rows of alpha values, each pixel the mean of a grid of samples."""
    step = 32 / size
    offsets = [(sample + 0.5) / SAMPLES for sample in range(SAMPLES)]
    for row in range(size):
        yield bytes(
            round(
                255
                * sum(shape((column + dx) * step, (row + dy) * step) for dy in offsets for dx in offsets)
                / SAMPLES**2
            )
            for column in range(size)
        )


def png(size, rows):
    """A PNG of white pixels with the rows as alpha."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = b"".join(b"\0" + b"".join(b"\xff\xff\xff" + bytes((alpha,)) for alpha in row) for row in rows)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)),
            chunk(b"IDAT", zlib.compress(pixels, 9)),
            chunk(b"IEND", b""),
        )
    )


def main():
    folder = pathlib.Path(__file__).resolve().parent / "icons"
    folder.mkdir(exist_ok=True)
    for name, shape in ICONS.items():
        for size in SIZES:
            (folder / f"{name}_{size}.png").write_bytes(png(size, coverage(shape, size)))


if __name__ == "__main__":
    main()
