"""Exchanges on files: emit or visit -> partition -> sort -> settle -> verdicts, never rewriting a
shard.

A segment writes one sliced file of emitted rows, sorted, a slice per partition (`rows`). One
settling job per partition merges its slices (`settle`) and passes on what the phase settles: to the
next phase's partitions, to the shards whose documents the next phase visits (`visit`), or as
verdicts sliced by shard ordinal and links sliced by groups of shards. Lookup jobs turn the address
of a representative into its id and source (`lookup`); the next segment joins both by row number
(`verdicts`). `course` is the driver's side: which jobs run in which order, and when a repetition
has come to rest.
"""
