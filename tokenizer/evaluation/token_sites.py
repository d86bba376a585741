"""How often each token occurs on each web site (or in each source, where a document has no url).

A token that one site uses almost alone was learned from that site; a model trained on other data
never meets it, as ` SolidGoldMagikarp` shows. Counts are exact: sorted arrays of (token, site)
pairs, 16 bytes each, merged when a buffer is full.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.stages.urls import domains_of

BUFFERED_PAIRS = 4_000_000
DOMINANT_SHARE = 0.9
FEWEST_OCCURRENCES = 20
"""Below this a token's share of one site says little."""


class SiteCounts:
    """Counts of (token, site); parts can be merged in any order."""

    def __init__(self) -> None:
        self._sites: dict[str, int] = {}
        self._keys = np.zeros(0, dtype=np.uint64)
        self._counts = np.zeros(0, dtype=np.int64)
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []

    def add(
        self, ids: np.ndarray, offsets: np.ndarray, urls: pa.StringArray, sources: pa.StringArray
    ) -> None:
        """Add documents: ids cut by offsets[n + 1], an address (or null) and a source for each."""
        names = pc.coalesce(
            domains_of(urls.cast(pa.large_string())), sources.cast(pa.large_string())
        )
        encoded = pc.fill_null(names, "").dictionary_encode()
        numbers = [
            self._sites.setdefault(name, len(self._sites))
            for name in encoded.dictionary.to_pylist()
        ]
        of_document = np.array(numbers, np.uint64)[encoded.indices.to_numpy(zero_copy_only=False)]
        of_token = np.repeat(of_document, np.diff(offsets))
        keys, counts = np.unique(
            (ids.astype(np.uint64) << np.uint64(32)) | of_token, return_counts=True
        )
        self._put(keys, counts.astype(np.int64))

    def merge(self, other: SiteCounts) -> None:
        """Add what was counted elsewhere."""
        other._fold()
        names = list(other._sites)
        numbers = [self._sites.setdefault(name, len(self._sites)) for name in names]
        own = np.array(numbers, np.uint64)[(other._keys & np.uint64(0xFFFFFFFF)).astype(np.int64)]
        self._put((other._keys & ~np.uint64(0xFFFFFFFF)) | own, other._counts)

    def _put(self, keys: np.ndarray, counts: np.ndarray) -> None:
        self._waiting.append((keys, counts))
        if sum(len(waiting) for waiting, _ in self._waiting) > BUFFERED_PAIRS:
            self._fold()

    def _fold(self) -> None:
        if not self._waiting:
            return
        keys = np.concatenate([self._keys, *(each for each, _ in self._waiting)])
        counts = np.concatenate([self._counts, *(each for _, each in self._waiting)])
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
        self._keys, self._waiting = keys[first], []
        self._counts = np.add.reduceat(counts, first) if len(first) else counts

    def dominated(
        self,
        share: float = DOMINANT_SHARE,
        fewest: int = FEWEST_OCCURRENCES,
    ) -> list[dict[str, Any]]:
        """Tokens of which one site has more than `share` (and not as much of all tokens), those
        with most occurrences first.
        """
        self._fold()
        if not len(self._keys):
            return []
        tokens = (self._keys >> np.uint64(32)).astype(np.int64)
        sites = (self._keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
        totals = np.bincount(tokens, self._counts).astype(np.int64)
        of_site = np.bincount(sites, self._counts, len(self._sites)) / self._counts.sum()
        shares = self._counts / totals[tokens]
        found = np.flatnonzero(
            (shares > share) & (totals[tokens] >= fewest) & (of_site[sites] < 0.5)
        )
        names = list(self._sites)
        rows = [
            {
                "id": int(tokens[row]),
                "site": names[sites[row]],
                "occurrences": int(totals[tokens[row]]),
                "share": float(shares[row]),
            }
            for row in found
        ]
        return sorted(rows, key=lambda row: (-row["occurrences"], row["id"]))
