"""The custom resources as values: their fields, what these may hold, and every condition.

Pure. The CustomResourceDefinitions in `crds/` are printed from these types (`api.crd`): one truth.
"""
