"""The sidecar's process: its endpoints, and the flow that takes a bundle into use."""
