"""One adapter per ODE library: the same call, their code. The only package that imports another ODE library."""
