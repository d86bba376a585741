"""The `tokenizer:` and `pack:` sections of a pipeline file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from curate.tokenizer.packing.rows import PackingSettings, Strategy

BYTE_ALPHABET_SIZE = 256
BYTES_PER_PRETOKEN = 64
"""Memory that a distinct pre-token is taken for, beside its own bytes."""

Pattern = Literal["gpt2", "gpt4", "llama3", "metaspace", "words"]
"""Where text is cut before tokens are made; `training/patterns.py` says what each one does."""

Normalization = Literal["none", "nfc", "nfkc"]


class TokenizerConfig(BaseModel):
    """Train a tokenizer on the train split of the kept documents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Literal["bpe", "unigram", "wordpiece", "bytes"] = Field(
        "bpe",
        description=(
            "bpe (Sennrich et al. 2016; Radford et al. 2019), unigram (Kudo 2018), wordpiece "
            "(Schuster and Nakajima 2012), bytes (Xue et al. 2022, ByT5)"
        ),
    )
    alphabet: Literal["bytes", "characters"] | None = Field(
        None,
        description=(
            "what bpe merges: bytes, or characters with byte fallback (as Llama 2); null is bytes "
            "for bpe and characters for unigram and wordpiece"
        ),
    )
    pattern: Pattern | None = Field(
        None,
        description=(
            "where text is cut first: gpt2, gpt4, llama3, metaspace (at blanks, as SentencePiece) "
            "or words (BERT: blanks and punctuation); null is gpt4 for bpe on bytes, metaspace for "
            "unigram and bpe on characters, words for wordpiece"
        ),
    )
    digits: Literal["pattern", "single", "triples"] = Field(
        "pattern", description="how runs of digits are cut: as the pattern does, one by one, by 3"
    )
    normalization: Normalization = Field(
        "none", description="Unicode normal form that the tokenizer itself applies"
    )
    vocab_size: int = Field(
        32_000,
        ge=257,
        le=1_000_000,
        description="tokens, special and reserved ones included (bytes: 256 and those)",
    )
    pad_vocabulary_to: int = Field(
        1, ge=1, le=65_536, description="reserved tokens are added up to a multiple of this"
    )
    min_frequency: int = Field(
        2,
        ge=1,
        description="fewest occurrences of a pair that is merged (unigram: of a seed piece)",
    )
    max_token_bytes: int = Field(64, ge=1, le=1024, description="longest token learned, bytes")
    character_coverage: float = Field(
        0.9995,
        gt=0,
        le=1,
        description=(
            "share of characters (by occurrence) that get a token of their own where the alphabet "
            "is characters; the rest are bytes (0.9995: SentencePiece)"
        ),
    )
    special_tokens: tuple[str, ...] = Field(
        ("<|endoftext|>",), min_length=1, description="first one ends a document"
    )
    reserved_tokens: int = Field(
        0, ge=0, le=100_000, description="unused ids after the special tokens, for later"
    )
    language_temperature: float | None = Field(
        None,
        ge=1,
        le=1000,
        description=(
            "train on languages in proportion to bytes^(1/T), by drawing documents: 1 as they are, "
            "2 as XLM (Conneau and Lample 2019); null draws nothing"
        ),
    )
    count_memory_bytes: int = Field(
        2 * 2**30,
        ge=2**20,
        description=(
            "memory for the distinct pre-tokens while training, bytes (64 and its own for each); "
            "above it the rarest are left out and the share of the text they make up is reported"
        ),
    )

    @field_validator("special_tokens")
    @classmethod
    def _distinct(cls, tokens: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(tokens)) != len(tokens) or not all(tokens):
            raise ValueError("special tokens must be distinct and not empty")
        return tokens

    @model_validator(mode="after")
    def _room_for_all_bytes(self) -> Self:
        needed = BYTE_ALPHABET_SIZE + len(self.special_tokens) + self.reserved_tokens
        if self.vocab_size < needed:
            raise ValueError(
                f"vocab_size {self.vocab_size} is below {needed}: 256 byte values and "
                f"{len(self.special_tokens)} special tokens need a token each"
            )
        return self

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        """Models other than bpe exist in one form, so that the same keys cannot mean two things."""
        forms = {
            "unigram": ("characters", "metaspace"),
            "wordpiece": ("characters", "words"),
            "bytes": ("bytes", None),
        }
        if self.model not in forms:
            return self
        alphabet, pattern = forms[self.model]
        if self.alphabet not in (None, alphabet):
            raise ValueError(f"model {self.model} has no alphabet {self.alphabet!r}; leave it out")
        if self.pattern not in (None, pattern):
            raise ValueError(f"model {self.model} has no pattern {self.pattern!r}; leave it out")
        if self.model == "bytes" and (self.digits, self.normalization) != ("pattern", "none"):
            raise ValueError("model bytes takes text as it is; leave out digits and normalization")
        return self

    @model_validator(mode="after")
    def _text_comes_back(self) -> Self:
        if self.model == "bpe" and self.pattern == "words":
            raise ValueError(
                "pattern: words drops the blanks between words, which tokens of bpe do not mark; "
                "use gpt2, gpt4, llama3 or metaspace"
            )
        return self

    @property
    def end_of_document(self) -> str:
        """The special token that ends every document."""
        return self.special_tokens[0]

    @property
    def chosen_alphabet(self) -> Literal["bytes", "characters"]:
        """`alphabet`, or what the model has without it."""
        return self.alphabet or (
            "characters" if self.model in ("unigram", "wordpiece") else "bytes"
        )

    @property
    def chosen_pattern(self) -> Pattern:
        """`pattern`, or what the model has without it."""
        if self.pattern is not None:
            return self.pattern
        if self.model == "wordpiece":
            return "words"
        return "metaspace" if self.chosen_alphabet == "characters" else "gpt4"


class SourceSplit(BaseModel):
    """Shares of one source that differ from those of the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validation_fraction: float | None = Field(None, ge=0, lt=1, description="null: the common one")
    test_fraction: float | None = Field(None, ge=0, lt=1, description="null: the common one")


class PackConfig(BaseModel):
    """Encode every kept document into Megatron-Core files, and plan training rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence_length: int = Field(
        2048, ge=2, le=2**24, description="tokens that a training row gives to the model"
    )
    strategy: Strategy = Field(
        "best_fit",
        description=(
            "best_fit: no document up to a row's length is cut (Ding et al. 2024); concat: windows "
            "over all tokens, as Megatron-Core; buckets: rows of powers of two with one document "
            "each (Pouransari et al. 2024)"
        ),
    )
    shortest_bucket: int = Field(
        256,
        ge=1,
        description=(
            "strategy buckets: shortest row, tokens; what is left of a document is discarded "
            "(256: the authors' script)"
        ),
    )
    validation_fraction: float = Field(
        0.005, ge=0, lt=1, description="share of documents drawn into the validation split"
    )
    test_fraction: float = Field(
        0.0, ge=0, lt=1, description="share of documents drawn into the test split; 0: none"
    )
    split_by_source: dict[str, SourceSplit] = Field(
        {}, description="shares of sources that differ: {books: {validation_fraction: 0.02}}"
    )
    max_file_bytes: int = Field(
        8 * 2**30,
        ge=1024,
        description="largest .bin file, bytes; one longer document fills its own",
    )
    encoder: Literal["auto", "gigatoken", "tokenizers", "bytes"] = Field(
        "auto",
        description=(
            "what encodes; auto is bytes for a byte tokenizer, else gigatoken where it supports "
            "the tokenizer, else tokenizers"
        ),
    )

    @model_validator(mode="after")
    def _something_to_train_on(self) -> Self:
        common = (self.validation_fraction, self.test_fraction)
        shares = {"": common}
        for name, own in self.split_by_source.items():
            found = (own.validation_fraction, own.test_fraction)
            shares[f"split_by_source.{name}: "] = (
                common[0] if found[0] is None else found[0],
                common[1] if found[1] is None else found[1],
            )
        for where, (validation, test) in shares.items():
            if validation + test >= 1:
                raise ValueError(
                    f"{where}validation_fraction and test_fraction add up to "
                    f"{validation + test:g}; below 1 leaves something to train on"
                )
        return self

    @model_validator(mode="after")
    def _powers_of_two(self) -> Self:
        names = ("shortest_bucket", *(("sequence_length",) if self.strategy == "buckets" else ()))
        for name in names:
            value = getattr(self, name)
            if value & (value - 1):
                near = 1 << (value.bit_length() - 1)
                raise ValueError(
                    f"strategy buckets: {name} must be a power of two, not {value}; near are "
                    f"{near} and {2 * near}"
                )
        if self.strategy == "buckets" and self.shortest_bucket > self.sequence_length:
            raise ValueError(
                f"strategy buckets: shortest_bucket {self.shortest_bucket} is above "
                f"sequence_length {self.sequence_length}"
            )
        return self

    @property
    def packing(self) -> PackingSettings:
        """How rows are made."""
        return PackingSettings(self.strategy, self.sequence_length, self.shortest_bucket)
