"""How numbers are written on the pages: with the digits that their uncertainty leaves, and with their units."""

from __future__ import annotations

import math

_MINUS = "\N{MINUS SIGN}"
_TIMES = "\N{MULTIPLICATION SIGN}"
_SPACE = "\N{NO-BREAK SPACE}"
_THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def number(value: float, digits: int = 4) -> str:
    """Write a number with ``digits`` significant digits: ``208 266``, ``0.42``, or a power of ten.

    Integers below 10^9 keep all their digits, in groups of three from five digits on.
    """
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: f"{_MINUS}∞"}.get(value, "not a number")
    if value == 0:
        return "0"
    if float(value).is_integer() and abs(value) < 1e9:
        return _grouped(f"{value:.0f}")
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -3 or exponent >= 9:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}{_SPACE}{_TIMES}{_SPACE}10{str(int(power)).translate(_SUPERSCRIPTS)}".replace("-", _MINUS)
    text = f"{value:.{max(digits - 1 - exponent, 0)}f}"
    return _grouped(text.rstrip("0").rstrip(".") if "." in text else text)


def with_unit(text: str, unit: str) -> str:
    """Put a unit behind a written number; the unit ``1`` marks a pure number and is not shown."""
    return text if unit in ("", "1") else f"{text}{_THIN_SPACE}{unit}"


def estimate(value: float, low: float, high: float, unit: str = "") -> str:
    """Write a value with its interval, to two digits of its half width: ``0.42 [0.35, 0.49] %``.

    An interval without width, of one sample or of equal ones up to rounding, is not shown.
    """
    rounding = 1e-12 * max(abs(low), abs(high))
    if high - low <= rounding or not (math.isfinite(low) and math.isfinite(high)):
        return with_unit(number(value), unit)
    decimals = 1 - math.floor(math.log10((high - low) / 2))
    if decimals > 6 or max(abs(low), abs(high)) >= 1e9:
        digits = max(2, 2 + math.floor(math.log10(max(abs(low), abs(high)) / (high - low) * 2)))
        written = [number(each, digits) for each in (value, low, high)]
    else:
        written = [_grouped(f"{each:.{max(decimals, 0)}f}") for each in (value, low, high)]
    return with_unit(f"{written[0]} [{written[1]}, {written[2]}]", unit)


def seconds(value: float) -> str:
    """Write a duration in the unit that suits it: ``0.8 s``, ``4 min 05 s``, ``2 h 10 min``."""
    if not math.isfinite(value):
        return "unknown"
    if value < 60:
        return with_unit(number(value, 2), "s")
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def _grouped(text: str) -> str:
    whole, _, fraction = text.lstrip("-").partition(".")
    if len(whole) > 4:
        whole = f"{int(whole):,}".replace(",", _THIN_SPACE)
    sign = _MINUS if text.startswith("-") else ""
    return f"{sign}{whole}{'.' if fraction else ''}{fraction}"
