"""Blocks that integrate every input to a depth of its own."""

from suite.models.adaptive_depth.adaptive_depth_block import AdaptiveDepthBlock, Sign

__all__ = ["AdaptiveDepthBlock", "Sign"]
