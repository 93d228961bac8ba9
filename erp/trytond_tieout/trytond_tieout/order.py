"""Sales orders of contracts: confirmed, and left there, because tieout bills and recognises them.

An order is changed, held or cancelled by taking it back to a draft first: trytond lets no other order be changed.
"""

from decimal import Decimal

from trytond.pool import Pool, PoolMeta

from .refusal import Refusal

_PRICE_DIGITS = Decimal("0.0001")
_OPEN = ("draft", "quotation", "confirmed")


class Sale(metaclass=PoolMeta):
    """Orders that a command made are not processed: trytond would bill and ship them itself."""

    __name__ = "sale.sale"

    @classmethod
    def process(cls, sales):
        Command = Pool().get("tieout.command")
        registered = Command.search([("document", "in", [str(sale) for sale in sales])])
        ours = {command.document for command in registered}
        super().process([sale for sale in sales if sale not in ours])


def put(entry, references, sale):
    """Make the order, or bring ``sale`` to the lines of the entry; confirmed. Returns it."""
    Sale = Pool().get("sale.sale")
    party = references.get("party.party", entry["party"])
    lines = [("create", [_line(line, references) for line in entry["lines"]])]
    if sale is None:
        address = party.address_get(type="invoice")
        sale, *_ = Sale.create(
            [
                {
                    "company": references.company.id,
                    "party": party.id,
                    "invoice_address": address and address.id,
                    "shipment_address": address and address.id,
                    "currency": references.get("currency.currency", entry["currency"]).id,
                    "sale_date": entry["date"],
                    "reference": entry["reference"],
                    "description": entry.get("description"),
                    "invoice_method": "manual",
                    "shipment_method": "manual",
                    "lines": lines,
                }
            ]
        )
    else:
        _open_again(sale)
        gone = [("delete", [line.id for line in sale.lines])] if sale.lines else []
        Sale.write([sale], {"lines": gone + lines, "description": entry.get("description")})
    confirm(sale)
    return sale


def hold(entry, sale):
    """Take the order back to a draft, which nobody fulfils, and say why."""
    _open_again(sale)
    Pool().get("sale.sale").write([sale], {"comment": entry.get("description")})


def release(entry, sale):
    """Confirm a held order again; one that is not held stays as it is."""
    if sale.state not in _OPEN:
        raise _wrong_state(sale)
    Pool().get("sale.sale").write([sale], {"comment": entry.get("description")})
    if sale.state == "draft":
        confirm(sale)


def cancel(entry, sale):
    """Cancel the order and say why."""
    Sale = Pool().get("sale.sale")
    _open_again(sale)
    Sale.write([sale], {"comment": entry.get("description")})
    Sale.cancel([sale])


def confirm(sale):
    """Quote and confirm a draft."""
    Sale = Pool().get("sale.sale")
    Sale.quote([sale])
    Sale.confirm([sale])


def _open_again(sale):
    if sale.state not in _OPEN:
        raise _wrong_state(sale)
    if sale.state != "draft":
        Pool().get("sale.sale").draft([sale])


def _wrong_state(sale):
    return Refusal("DOCUMENT_STATE", "msg_document_state", document=sale.rec_name, state=sale.state)


def _line(line, references):
    """One line at its exact amount: where the price of a unit has too many digits, one lot at the whole price."""
    product = references.get("product.product", line["item"])
    quantity, amount = line["quantity"], line["amount"]
    price = (amount / quantity).quantize(_PRICE_DIGITS) if quantity else Decimal(0)
    digits = product.default_uom.digits
    exact = price * quantity == amount and round(quantity, digits) == quantity
    return {
        "type": "line",
        "product": product.id,
        "unit": product.default_uom.id,
        "quantity": float(quantity) if exact else 1.0,
        "unit_price": price if exact else amount,
        "description": line["description"],
    }
