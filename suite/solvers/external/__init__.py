"""Methods of scipy behind the same call: its ``solve_ivp``, and the Adams methods of VODE."""
