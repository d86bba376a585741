"""Dashboards: what a person looks at after a run. They read run folders through
`pipeline.run_folder`.
"""
