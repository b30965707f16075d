"""Poli, Massaroli, Yamashita, Asama and Park, "Hypersolvers: Toward Fast Continuous-Depth Models", NeurIPS 2020."""
