"""Counting: read = kept + removed + quarantined, per source, per stage and for the whole run; and
the guard rails on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from curate.errors import GuardRailError, StageError
from curate.kernels import dictionary
from curate.pipeline.read import READ_STAGE
from curate.pipeline.spec.model import StageEntry

FATES = ("read", "kept", "removed", "quarantined")
UNUSUAL_FACTOR = 2.0
"""A filter that removes more than this times its published share is worth a warning."""


OTHER_LANGUAGE = "other_language"
"""Kind of the counts `other_language|<stage>|<language>`."""
NO_LANGUAGE = "none"
UNKNOWN_WORDS = "unknown_words"
"""Kind of the counts `unknown_words|<stage>`."""
STAGE_COUNT = "stage_count"
"""Kind of the counts `stage_count|<stage>|<name>`: what a stage counted beside its rows."""


@dataclass
class StageAccount:
    """Counts of one stage for one source."""

    read: int = 0
    kept: int = 0
    removed: int = 0
    quarantined: int = 0
    rules: Counter[str] = field(default_factory=Counter)

    def add(self, other: StageAccount) -> None:
        self.read += other.read
        self.kept += other.kept
        self.removed += other.removed
        self.quarantined += other.quarantined
        self.rules.update(other.rules)

    def balanced(self) -> bool:
        return self.read == self.kept + self.removed + self.quarantined

    def as_json(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in FATES},
            "rules": dict(sorted(self.rules.items())),
        }


@dataclass
class ExchangeAccount:
    """What an exchange cost. documents: emitted; rows: of its first phase; size_bytes: of all files
    it wrote. iterations: of its last `Repeat`, 0 for the short way, None without one.
    """

    documents: int = 0
    rows: int = 0
    size_bytes: int = 0
    iterations: int | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, counts: Mapping[str, int], size_bytes: int) -> None:
        """What one step counted and wrote."""
        self.counts.update(counts)
        self.size_bytes += size_bytes

    def as_json(self) -> dict[str, Any]:
        return {
            "documents": self.documents,
            "rows": self.rows,
            "bytes": self.size_bytes,
            "bytes_per_document": round(self.size_bytes / max(1, self.documents), 1),
            "iterations": self.iterations,
        }


@dataclass
class Accounts:
    """All counts of a run, filled from the records of its steps."""

    by_source: dict[str, dict[str, StageAccount]] = field(default_factory=dict)
    skipped: dict[str, Counter[str]] = field(default_factory=dict)
    read_text_bytes: int = 0
    other_languages: dict[str, Counter[str]] = field(default_factory=dict)
    """By stage: languages that its profile does not know."""
    unknown_words: Counter[str] = field(default_factory=Counter)
    """By stage: documents whose words nobody could tell."""
    stage_counts: dict[str, Counter[str]] = field(default_factory=dict)
    """By stage: what it counted beside its rows."""
    exchanges: dict[str, ExchangeAccount] = field(default_factory=dict)

    def add_read(
        self,
        source: str,
        documents: int,
        quarantined: int,
        counts: Mapping[str, int],
        over_limit: int,
    ) -> None:
        """What reading a source gave. over_limit: documents beyond its `limit`."""
        account = StageAccount(documents + quarantined, documents, 0, quarantined)
        self.by_source[source] = {READ_STAGE: account}
        prefix = "skipped|"
        skipped = Counter(
            {key.removeprefix(prefix): n for key, n in counts.items() if key.startswith(prefix)}
        )
        if over_limit:
            skipped["limit"] += over_limit
        self.skipped[source] = skipped
        self.read_text_bytes += counts.get("read|text_bytes", 0)

    def add_segment(self, source: str, counts: Mapping[str, int]) -> None:
        """What one segment of a source counted."""
        self.add_stage_counts(counts)
        for key, number in counts.items():
            kind, _, rest = key.partition("|")
            if kind == OTHER_LANGUAGE:
                stage, _, language = rest.partition("|")
                self.other_languages.setdefault(stage, Counter())[language] += number
            if kind == UNKNOWN_WORDS:
                self.unknown_words[rest] += number
            if kind != "stage":
                continue
            stage, what, *rule = rest.split("|")
            account = self.by_source[source].setdefault(stage, StageAccount())
            if rule:
                account.rules[rule[0]] += number
            else:
                setattr(account, what, getattr(account, what) + number)

    def add_stage_counts(self, counts: Mapping[str, int]) -> None:
        """What stages counted beside their rows."""
        for key, number in counts.items():
            kind, _, rest = key.partition("|")
            if kind == STAGE_COUNT:
                stage, _, name = rest.partition("|")
                self.stage_counts.setdefault(stage, Counter())[name] += number

    def add_exchange(self, stage: str, account: ExchangeAccount) -> None:
        """What a settled exchange cost and counted."""
        self.exchanges[stage] = account
        self.add_stage_counts(account.counts)

    def stages(self) -> dict[str, StageAccount]:
        """Over all sources, in order of first appearance."""
        total: dict[str, StageAccount] = {}
        for stages in self.by_source.values():
            for name, account in stages.items():
                total.setdefault(name, StageAccount()).add(account)
        return total

    def source_total(self, source: str) -> StageAccount:
        """read: entering the chain or failing to; removed and quarantined by any stage; kept: the
        rest, by the last stage.
        """
        stages = list(self.by_source[source].values())
        return StageAccount(
            read=stages[0].read,
            kept=stages[-1].kept,
            removed=sum(account.removed for account in stages),
            quarantined=sum(account.quarantined for account in stages),
        )

    def total(self) -> StageAccount:
        """The whole run."""
        result = StageAccount()
        for source in self.by_source:
            result.add(self.source_total(source))
        return result

    def check(self) -> None:
        """Raises StageError where the identity does not hold."""
        for source, stages in self.by_source.items():
            for name, account in stages.items():
                if not account.balanced():
                    raise StageError(
                        f"source '{source}', stage '{name}': counts do not add up: "
                        f"{account.as_json()}"
                    )
            names = list(stages)
            for before, after in pairwise(names):
                if stages[before].kept != stages[after].read:
                    raise StageError(
                        f"source '{source}': '{before}' kept {stages[before].kept} documents, "
                        f"'{after}' read {stages[after].read}"
                    )
            if not self.source_total(source).balanced():
                raise StageError(
                    f"source '{source}': counts do not add up: "
                    f"{self.source_total(source).as_json()}"
                )


def check_expectations(
    accounts: Accounts, entries: Iterable[StageEntry], finished: set[str]
) -> None:
    """Judge `expect_kept` of stages whose documents have all passed. Raises GuardRailError."""
    totals = accounts.stages()
    for entry in entries:
        account = totals.get(entry.name)
        if (
            entry.expect_kept is None
            or account is None
            or entry.name not in finished
            or not account.read
        ):
            continue
        low, high = entry.expect_kept
        share = account.kept / account.read
        if not low <= share <= high:
            rules = (
                ", ".join(f"{name} {count:,}" for name, count in account.rules.most_common(3))
                or "none"
            )
            raise GuardRailError(
                f"stage '{entry.name}' kept {share:.1%} of {account.read:,} documents; "
                f"expect_kept is [{low:g}, {high:g}]. "
                f"Most removals by rule: {rules}. Look at removed documents with `curate "
                "explain`, or widen expect_kept."
            )


def unusual_removals(accounts: Accounts, entries: Iterable[StageEntry]) -> list[str]:
    """A sentence for every stage that removed more than twice the share its paper published."""
    totals = accounts.stages()
    found = []
    for entry in entries:
        account, published = totals.get(entry.name), entry.published_removal
        if published is None or account is None or not account.read:
            continue
        share = account.removed / account.read
        if share > UNUSUAL_FACTOR * published:
            rule, count = account.rules.most_common(1)[0]
            found.append(
                f"stage '{entry.name}' removed {share:.1%} of {account.read:,} documents, its "
                f"paper {published:.1%}; most by the rule {rule} ({count:,}). Is the input what "
                "the recipe was made for? `curate explain` shows single documents."
            )
    return found


def other_languages(accounts: Accounts) -> list[str]:
    """A sentence for every stage whose profile had no bounds for some documents' languages."""
    return [
        f"stage '{stage}': {found.total():,} documents are in languages that its profile was not "
        "measured for and were judged by the default bounds: "
        + ", ".join(f"{language} {count:,}" for language, count in found.most_common(8))
        + (f" and {len(found) - 8} more" if len(found) > 8 else "")
        for stage, found in sorted(accounts.other_languages.items())
    ]


def unknown_words(accounts: Accounts) -> list[str]:
    """One sentence where documents have no known words, however many stages asked for them."""
    most = max(accounts.unknown_words.values(), default=0)
    if not most:
        return []
    remedy = (
        "no dictionary knows their script"
        if dictionary.is_installed()
        else "`pip install 'curate[segmentation]'` knows most such scripts"
    )
    return [
        f"{most:,} documents have no known words, so rules on words kept them: they are in scripts "
        f"without spaces, or in languages that `words: datatrove` leaves out; {remedy}"
    ]


def check_bad_fraction(accounts: Accounts, limit: float, evidence: Callable[[], str]) -> None:
    """Judge `max_bad_fraction`. evidence: reasons and examples, asked for only when it is broken.
    Raises GuardRailError.
    """
    total = accounts.total()
    if total.read and total.quarantined / total.read > limit:
        worst = max(
            accounts.by_source, key=lambda source: accounts.source_total(source).quarantined
        )
        raise GuardRailError(
            f"{total.quarantined:,} of {total.read:,} records "
            f"({total.quarantined / total.read:.2%}) are quarantined; "
            f"max_bad_fraction is {limit:.2%}. Most are in source '{worst}':\n{evidence()}\n"
            "Mend the input, or raise max_bad_fraction if these records may be lost."
        )
