"""The `tokenizer:` and `pack:` sections of a pipeline file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

BYTE_ALPHABET_SIZE = 256


class TokenizerConfig(BaseModel):
    """Train a tokenizer on the train split of the kept documents, or load one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Literal["bpe"] = Field(
        "bpe", description="byte-level BPE (Sennrich et al. 2016; Radford et al. 2019)"
    )
    vocab_size: int = Field(
        32_000, ge=257, le=1_000_000, description="tokens, special tokens included"
    )
    min_frequency: int = Field(2, ge=1, description="fewest occurrences of a pair that is merged")
    special_tokens: tuple[str, ...] = Field(
        ("<|endoftext|>",), min_length=1, description="first one ends a document"
    )
    training_bytes: int = Field(
        2_000_000_000,
        ge=1,
        le=2**31 - 1,
        description=(
            "text to train on, bytes; a larger corpus is sampled by draw (pair counts are "
            "32-bit, so never more)"
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
        needed = BYTE_ALPHABET_SIZE + len(self.special_tokens)
        if self.vocab_size < needed:
            raise ValueError(
                f"vocab_size {self.vocab_size} is below {needed}: 256 byte values and "
                f"{len(self.special_tokens)} special tokens need a token each"
            )
        return self

    @property
    def end_of_document(self) -> str:
        """The special token that ends every document."""
        return self.special_tokens[0]


class PackConfig(BaseModel):
    """Encode every kept document into Megatron-Core files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validation_fraction: float = Field(
        0.005, ge=0, lt=1, description="share of documents drawn into the validation split"
    )
    max_file_bytes: int = Field(
        8 * 2**30,
        ge=1024,
        description="largest .bin file, bytes; one longer document fills its own",
    )
    encoder: Literal["auto", "gigatoken", "tokenizers"] = Field(
        "auto",
        description="library that encodes; auto takes gigatoken where it supports the tokenizer",
    )
