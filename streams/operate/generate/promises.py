"""What a contract promises: products, quantities, list prices and discounts of its lines.

Invariant: SSPs are list prices of the entity, stated per month, day, unit or whole, so that an allocation has
something to weigh; the price of a line lies 0 to 30 % below its SSP and is a whole number of minor units.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from tieout.avro.events import Day, Minor
from tieout.streams.operate.generate.calendar import month_end, month_number, month_start
from tieout.streams.operate.generate.reference_rows import PRODUCTS, Product
from tieout.streams.operate.generate.sketch import Promise, Sketch

_BY_MEASURE = {
    measure: tuple(product for product in PRODUCTS if product.measure == measure)
    for measure in ("time", "point", "units", "amount")
}


def months_between(first: Day, last: Day) -> Fraction:
    """Months of service in [first, last]: a day weighs one over the days of its month."""
    total = Fraction(0)
    for month in range(month_number(first), month_number(last) + 1):
        begin, end = month_start(month), month_end(month)
        total += Fraction(min(last, end) - max(first, begin) + 1, end - begin + 1)
    return total


def list_price(promise: Promise) -> Fraction:
    """SSP of the whole promise: rate times quantity times term."""
    quantity = Fraction(promise.quantity, 10**promise.scale)
    if promise.ssp_per == "month":
        return promise.rate * quantity * months_between(promise.first, promise.last)
    if promise.ssp_per == "day":
        return promise.rate * quantity * (promise.last - promise.first + 1)
    return promise.rate * quantity if promise.ssp_per == "unit" else Fraction(promise.rate)


def share_left(promise: Promise, day: Day) -> Fraction:
    """Share of a time promise that is still to be served after ``day``."""
    if day < promise.first:
        return Fraction(1)
    if day >= promise.last:
        return Fraction(0)
    return Fraction(promise.last - day, promise.last - promise.first + 1)


def add_promise(
    sketch: Sketch, measure: str, *, version: int, first: Day, last: Day, separate: bool = False
) -> Promise:
    """Choose a product of ``measure`` and price it: at SSP when ``separate``, else at a discount."""
    rng = sketch.rng
    product = _choose(sketch, measure)
    quantity, scale = _quantity(sketch, product)
    rate = max(1, product.list_price * sketch.entity.price_percent // 100)
    letter = {"time": "S", "point": "D", "units": "Q", "amount": "U"}[measure]
    po = f"{letter}{len(sketch.promises) + 1}"
    promise = Promise(
        po=po,
        product=product,
        version=version,
        first=first,
        last=last,
        quantity=quantity,
        scale=scale,
        rate=rate,
        price=0,
        separate=separate,
    )
    if measure != "amount":
        full = list_price(promise)
        discount = Fraction(0) if separate else Fraction(rng.choice((0, 0, 5, 10, 15, 20, 30)), 100)
        promise.price = floor(full * (1 - discount))
        assert not separate or promise.price == full, f"{po} must be priced at SSP exactly"
    sketch.promises.append(promise)
    return promise


def _choose(sketch: Sketch, measure: str) -> Product:
    return sketch.rng.choice(_BY_MEASURE[measure])


def _quantity(sketch: Sketch, product: Product) -> tuple[int, int]:
    """(quantity, scale): seats in a skewed spread, units sometimes with decimals."""
    rng = sketch.rng
    if product.measure == "time":
        return min(2_000, int(rng.paretovariate(1.1))), 0
    if product.measure == "units":
        if product.code == "TRAINING-DAYS" and sketch.chance(0.3):
            return rng.randint(2, 40) * 5, 1
        return rng.randint(2, 120), 0
    return 1, 0


def fixed_price(promises: list[Promise]) -> Minor:
    """Fixed consideration of these promises; usage has none."""
    return sum(promise.price for promise in promises)
