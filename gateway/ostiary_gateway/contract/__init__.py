"""What the control plane and the gateway say to each other, and what the gateway leaves behind.

Pure values and codecs. Nothing here knows of Kubernetes, and nothing here imports anything else of ours:
the operator writes these values, the gateway reads them.
"""
