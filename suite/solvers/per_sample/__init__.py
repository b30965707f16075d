"""Step-size control of every sample's own: each has its time and its step."""
