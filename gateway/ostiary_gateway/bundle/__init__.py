"""Where bundles come from: a folder on disk, and in the cluster the API server, which is written to that folder."""
