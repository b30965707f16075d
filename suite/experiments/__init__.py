"""What the papers did: one package per paper, one module per published artefact."""
