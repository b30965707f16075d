"""One module for each artefact, mirroring the experiments: ``draw(evidence)`` returns its figures by name."""
