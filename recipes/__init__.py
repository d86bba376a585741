"""Chains of stages that the field has published, one YAML file each; `recipe: <name>` in a pipeline
file unfolds one (`curate.pipeline.spec.recipes` reads them)."""
