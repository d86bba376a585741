"""The engines by the name a pipeline file uses. Only the one that is asked for is imported."""

from __future__ import annotations

from functools import cache

from curate.stages.extract.base import EngineName, Extractor


@cache
def engine(name: EngineName) -> Extractor:
    """The engine of this process. Raises SpecError with the install command when its library is
    missing."""
    if name == "curate":
        from curate.stages.extract.curate import Curate

        return Curate()
    if name == "resiliparse":
        from curate.stages.extract.resiliparse import Resiliparse

        return Resiliparse()
    if name == "trafilatura":
        from curate.stages.extract.trafilatura import Trafilatura

        return Trafilatura()
    from curate.stages.extract.justext import Justext

    return Justext()
