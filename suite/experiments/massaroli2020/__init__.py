"""Massaroli, Poli, Park, Yamashita and Asama, "Dissecting Neural ODEs", NeurIPS 2020."""
