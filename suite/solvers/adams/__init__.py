"""Adams methods on a fixed grid: explicit (Bashforth) and implicit (Moulton), of any order and on unequal steps."""
