"""The pipeline file: YAML to a typed, checked `PipelineSpec`, every error with its position."""
