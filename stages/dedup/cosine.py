"""Cosines of int8 vectors, exact: a dot product of two rows is an integer below 2^24 for up to
1,024 dimensions, so float32 sums are exact in any order and BLAS may compute them in any way.
"""

from __future__ import annotations

import numpy as np

MOST_DIMENSIONS = 1_024


def squared_norms(vectors: np.ndarray) -> np.ndarray:
    """float64[n], integers."""
    wide = vectors.astype(np.int64)
    squares: np.ndarray = (wide * wide).sum(axis=1).astype(np.float64)
    return squares


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """float64[n, m] between rows of int8 matrices; 0 where a row is zero. The same on every CPU."""
    dots = left.astype(np.float32) @ right.astype(np.float32).T
    lengths = np.sqrt(np.outer(squared_norms(left), squared_norms(right)))
    found: np.ndarray = dots / np.where(lengths > 0, lengths, 1.0)
    return found


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """float64 rows of length one; no row may be zero."""
    rows: np.ndarray = vectors / np.sqrt(squared_norms(vectors))[:, None]
    return rows


def nearest_centres(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """int64[n]: the centre of the highest cosine, the first of equals."""
    found = np.zeros(len(vectors), np.int64)
    for start in range(0, len(vectors), 1024):
        part = cosines(vectors[start : start + 1024], centres)
        found[start : start + 1024] = part.argmax(axis=1)
    return found


class KeptVectors:
    """The kept documents of one cluster, in keeping order, and which of them each next document is
    near. At most `most` are held: later ones are still compared with these, and kept when they are
    far from all, but nothing is compared with them.
    """

    def __init__(self, dimensions: int, threshold: float, most: int) -> None:
        self._threshold, self._most = threshold, most
        self._vectors = np.empty((64, dimensions), np.int8)
        self._squares = np.empty(64)
        self.count = 0

    def place(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For the next documents: int64[n], the number of the most similar kept one before it (the
        first of equals), -1 for a document that is kept; float64[n] the cosine; and the places of
        those that are kept and held, which get the next numbers. How documents are cut into calls
        changes nothing.
        """
        keeper, similarity = self._among_held(vectors)
        inside = cosines(vectors, vectors)
        near = np.tril(inside >= self._threshold, -1)
        held = np.zeros(len(vectors), np.bool_)
        room = self._most - self.count
        for row in np.flatnonzero(keeper < 0):
            if room == 0:
                break
            held[row] = not (near[row, :row] & held[:row]).any()
            room -= int(held[row])
        places = np.flatnonzero(held)
        if len(places):
            among = np.where(near[:, places], inside[:, places], -1.0)
            best = among.argmax(axis=1)
            alike = among[np.arange(len(vectors)), best]
            better = alike > similarity
            keeper = np.where(better, self.count + best, keeper)
            similarity = np.where(better, alike, similarity)
        self.hold(vectors[places])
        return keeper, similarity, places

    def _among_held(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        keeper = np.full(len(vectors), -1, np.int64)
        similarity = np.full(len(vectors), -1.0)
        wide = vectors.astype(np.float32)
        squares = squared_norms(vectors)
        lengths = (self._threshold * (1 - 1e-5) * np.sqrt(squares)).astype(np.float32)
        for start in range(0, self.count, 8192):
            part = slice(start, min(start + 8192, self.count))
            dots = wide @ self._vectors[part].astype(np.float32).T
            bounds = np.outer(lengths, np.sqrt(self._squares[part]).astype(np.float32))
            row, column = np.nonzero(dots >= bounds)
            exact = dots[row, column] / np.sqrt(squares[row] * self._squares[part][column])
            near = exact >= self._threshold
            row, column, exact = row[near], column[near], exact[near]
            # Of a row's hits the highest cosine, of equal ones the first, stands last.
            last = np.lexsort((-column, exact, row))
            row, column, exact = row[last], column[last], exact[last]
            ends = np.flatnonzero(np.append(row[1:] != row[:-1], True)) if len(row) else row
            row, column, exact = row[ends], column[ends], exact[ends]
            better = exact > similarity[row]
            keeper[row[better]] = start + column[better]
            similarity[row[better]] = exact[better]
        return keeper, similarity

    def hold(self, vectors: np.ndarray) -> int:
        """Take the next vectors as kept, without comparing them; how many there was room for."""
        vectors = vectors[: self._most - self.count]
        needed = self.count + len(vectors)
        if needed > len(self._vectors):
            larger = np.empty((2 * needed, self._vectors.shape[1]), np.int8)
            larger[: self.count] = self._vectors[: self.count]
            self._vectors = larger
            self._squares = np.concatenate([self._squares, np.empty(len(larger))])[: len(larger)]
        self._vectors[self.count : needed] = vectors
        self._squares[self.count : needed] = squared_norms(vectors)
        self.count = needed
        return len(vectors)
