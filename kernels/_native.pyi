import numpy as np
import pyarrow as pa

def bpe_train_bytes(
    token_offsets: pa.Buffer,
    token_data: pa.Buffer,
    first_token: int,
    tokens: int,
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    counts: np.ndarray,
    token_of_byte: np.ndarray,
    merges: int,
    min_frequency: int,
    max_token_bytes: int,
    phase_ratio: int,
    /,
) -> tuple[np.ndarray, np.ndarray]: ...
def bpe_train_characters(
    token_offsets: pa.Buffer,
    token_data: pa.Buffer,
    first_token: int,
    tokens: int,
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    counts: np.ndarray,
    characters: np.ndarray,
    token_of_character: np.ndarray,
    merges: int,
    min_frequency: int,
    max_token_bytes: int,
    phase_ratio: int,
    /,
) -> tuple[np.ndarray, np.ndarray]: ...
def bpe_train_tokens(
    token_offsets: pa.Buffer,
    token_data: pa.Buffer,
    first_token: int,
    tokens: int,
    offsets: np.ndarray,
    words: np.ndarray,
    counts: np.ndarray,
    merges: int,
    min_frequency: int,
    max_token_bytes: int,
    phase_ratio: int,
    /,
) -> tuple[np.ndarray, np.ndarray]: ...
def c4_lines(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    phrase_offsets: pa.Buffer,
    phrase_data: pa.Buffer,
    phrase_first: int,
    phrase_rows: int,
    sentences: bool,
    max_word_characters: int,
    min_words: int,
    remove_citations: bool,
    require_terminal_punctuation: bool,
    remove_javascript: bool,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...
def long_line_counts(
    offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, min_characters: int, /
) -> np.ndarray: ...
def dclm_lines(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    max_uppercase: float | None,
    max_numeric: float | None,
    counter_words: tuple[str, ...],
    min_words: int,
    max_phrase_words: int,
    phrases_anywhere: tuple[str, ...],
    phrases_at_end: tuple[str, ...],
    phrases_at_start: tuple[str, ...],
    dot_is_any_character: bool,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...
def line_table(
    offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...
def without_lines(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    drop: np.ndarray,
    drop_repeated: bool,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...
def text_hash_128(offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /) -> np.ndarray: ...
def hashed_features(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    bucket_bits: int,
    word_pairs: bool,
    characters: int,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...
def embedded_features(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    bucket_bits: int,
    word_pairs: bool,
    characters: int,
    weights: np.ndarray,
    count_weights: np.ndarray,
    table: np.ndarray,
    /,
) -> np.ndarray: ...
def prefixed_hash_64(
    prefix: bytes, offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /
) -> np.ndarray: ...
def close_documents_16(
    ids: np.ndarray, offsets: np.ndarray, allowed: np.ndarray, end: int, /
) -> tuple[np.ndarray, int]: ...
def close_documents_32(
    ids: np.ndarray, offsets: np.ndarray, allowed: np.ndarray, end: int, /
) -> tuple[np.ndarray, int]: ...
def encode_bytes_16(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    table: np.ndarray,
    end: int,
    /,
) -> np.ndarray: ...
def encode_bytes_32(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    table: np.ndarray,
    end: int,
    /,
) -> np.ndarray: ...
def measure(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    segmenter: str,
    given: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None,
    dictionary: Dictionary | None,
    requests: list[tuple[str, list[int]]],
    /,
) -> tuple[np.ndarray, list[list[np.ndarray]]]: ...
def families() -> list[tuple[str, list[tuple[str, str, bool]]]]: ...
def word_spans(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    segmenter: str,
    dictionary: Dictionary | None,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...
def shingle_hash(shingle: bytes, sha1: bool, /) -> int: ...
def minhash_signatures(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    spec: tuple[bool | int, ...],
    dictionary: Dictionary | None,
    multipliers: np.ndarray,
    summands: np.ndarray,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...
def minhash_band_keys(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    spec: tuple[bool | int, ...],
    dictionary: Dictionary | None,
    multipliers: np.ndarray,
    summands: np.ndarray,
    bands: int,
    band_rows: int,
    wide: bool,
    salts: object,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...
def shingle_sets(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    spec: tuple[bool | int, ...],
    dictionary: Dictionary | None,
    /,
) -> tuple[np.ndarray, np.ndarray]: ...
def jaccard(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    left: np.ndarray,
    right: np.ndarray,
    /,
) -> np.ndarray: ...
def normalized_text(
    offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /
) -> tuple[np.ndarray, np.ndarray]: ...
def sentence_counts(
    offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /
) -> np.ndarray: ...
def sentence_spans(
    offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /
) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...
def normalize_whitespace(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    keep_indentation: bool,
    max_newlines: int,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...

class PhraseAutomaton:
    def __init__(
        self,
        offsets: pa.Buffer,
        data: pa.Buffer,
        first: int,
        rows: int,
        groups: np.ndarray,
        group_count: int,
        ignore_case: bool,
        whole_words: bool,
        /,
    ) -> None: ...
    def counts(
        self, offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...
    def lines(
        self, offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...

def page_facts(html: str, /) -> list[tuple[str, str, str]]: ...
def suspect_lines(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    form: int,
    ligatures: bool,
    know_mojibake: bool,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...
def remove_markup(
    offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, html: bool, wiki: bool, /
) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...
def code_points(offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /) -> np.ndarray: ...
def substring_anchors(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    unit_bytes: int,
    window: int,
    gram: int,
    seeds: np.ndarray,
    /,
) -> tuple[np.ndarray, np.ndarray]: ...
def substring_fragments(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    unit_bytes: int,
    window: int,
    gram: int,
    part: int,
    told_apart: int,
    seeds: np.ndarray,
    starts: np.ndarray,
    marks: np.ndarray,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...
def substring_windows(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    unit_bytes: int,
    window: int,
    told_apart: int,
    seeds: np.ndarray,
    starts: np.ndarray,
    kind: np.ndarray,
    begin: np.ndarray,
    end: np.ndarray,
    documents: np.ndarray,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...
def cut_spans(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    starts: np.ndarray,
    values: np.ndarray,
    merge_gap: int,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...

class RepeatSettler:
    def __init__(self, window: int, copies: int, keep_first: bool, compare: bool, /) -> None: ...
    def feed(
        self,
        keys: np.ndarray,
        fragment: np.ndarray,
        address: np.ndarray,
        carried: np.ndarray,
        windows: np.ndarray,
        starts: np.ndarray,
        places: np.ndarray,
        /,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...
    def finish(
        self, /
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...

class TextSet:
    def __init__(self, offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /) -> None: ...
    def find(self, offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /) -> np.ndarray: ...
    def find_parents(
        self, offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /
    ) -> np.ndarray: ...
    def count_tokens(
        self, offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /
    ) -> np.ndarray: ...

def unit_table(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    kind: int,
    normalize: bool,
    sentences: int,
    /,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...
def without_units(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    kind: int,
    normalize: bool,
    sentences: int,
    wanted_first: np.ndarray,
    wanted: np.ndarray,
    /,
) -> tuple[
    np.ndarray,
    np.ndarray,
    np.ndarray,
    np.ndarray,
    np.ndarray,
    np.ndarray,
    np.ndarray,
    np.ndarray,
    np.ndarray,
]: ...
def normal_forms(
    offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /
) -> tuple[np.ndarray, np.ndarray]: ...
def instruction_set() -> str: ...
def main_text(markup: str, /) -> tuple[str, str, str]: ...

class Dictionary:
    def __init__(self, data: object, /) -> None: ...
    @property
    def version(self) -> int: ...
    @property
    def words(self) -> int: ...

_Column = tuple[pa.Buffer | None, int, int]

def encode_rows(
    keys: _Column | None, columns: list[tuple[_Column, int, int]], words: np.ndarray, /
) -> None: ...
def order_rows(words: np.ndarray, /) -> np.ndarray: ...
def partition_rows(keys: _Column, partitions: int, /) -> np.ndarray: ...
def group_starts(keys: _Column, before: bytes | None, /) -> np.ndarray: ...
def gather_fixed(
    batches: np.ndarray, rows: np.ndarray, columns: list[_Column], width: int, /
) -> np.ndarray: ...
def gather_bits(
    batches: np.ndarray, rows: np.ndarray, columns: list[_Column], /
) -> tuple[np.ndarray, int]: ...
def gather_variable_32(
    batches: np.ndarray,
    rows: np.ndarray,
    offsets: list[_Column],
    items: list[_Column],
    item_bytes: int,
    /,
) -> tuple[np.ndarray, np.ndarray]: ...
def gather_variable_64(
    batches: np.ndarray,
    rows: np.ndarray,
    offsets: list[_Column],
    items: list[_Column],
    item_bytes: int,
    /,
) -> tuple[np.ndarray, np.ndarray]: ...

class RowMerge:
    """A loser tree over streams of sort keys (`row_merge.hpp`)."""

    def __init__(self, streams: int, width: int, /) -> None: ...
    def feed(self, stream: int, words: np.ndarray, batch: int, row_bytes: float, /) -> None:
        """The next batch of the stream that `advance` named."""
    def close(self, stream: int, /) -> None:
        """The stream that `advance` named has ended."""
    def advance(self, output_bytes: float, /) -> int:
        """The number of a stream that is dry, FULL (`output_bytes` planned) or FINISHED."""
    def take(self) -> tuple[np.ndarray, np.ndarray]:
        """The plan since the last call: batch number and row of every row, uint32."""

class ClusterChooser:
    def __init__(self, verified: bool, /) -> None: ...
    def take(
        self,
        starts: np.ndarray,
        document: np.ndarray,
        other: np.ndarray,
        similarity: np.ndarray,
        content: np.ndarray,
        /,
    ) -> tuple[np.ndarray, ...]: ...
    def finish(self) -> tuple[np.ndarray, ...]: ...

def count_characters(
    offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, counts: np.ndarray, /
) -> tuple[np.ndarray, np.ndarray]: ...
def train_unigram(
    offsets: pa.Buffer,
    data: pa.Buffer,
    first: int,
    rows: int,
    counts: np.ndarray,
    alphabet: np.ndarray,
    pieces: int,
    seed_pieces: int,
    seed_symbols: int,
    piece_characters: int,
    piece_bytes: int,
    min_frequency: int,
    shrinking_factor: float,
    sub_iterations: int,
    /,
) -> tuple[np.ndarray, bytes, np.ndarray]: ...

class PretokenCounter:
    def __init__(self, pattern: int, digits: int, /) -> None: ...
    def add(self, offsets: pa.Buffer, data: pa.Buffer, first: int, rows: int, /) -> None: ...
    def sort(self) -> None: ...
    def take(self, rows: int, /) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...
    @property
    def distinct(self) -> int: ...
    @property
    def memory_bytes(self) -> int: ...

def merge_counted(
    streams: list[tuple[pa.Buffer, pa.Buffer, int, int, np.ndarray, bool]], /
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], list[int]]: ...
