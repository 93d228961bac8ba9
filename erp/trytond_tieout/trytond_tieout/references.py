"""Codes in commands to records of this company, each code looked up once in a call."""

from trytond.pool import Pool

from .refusal import Refusal


class References:
    """Looks codes up as they are asked for and keeps them; ``load`` takes many at once."""

    def __init__(self, company):
        self.company = company
        self._found = {}

    def load(self, model, codes):
        """Look up all codes of one model in one search."""
        missing = {code for code in codes if code and (model, code) not in self._found}
        if not missing:
            return
        domain = [("code", "in", list(missing))]
        if model == "account.account":
            domain.append(("company", "=", self.company.id))
        for record in Pool().get(model).search(domain):
            self._found[model, record.code] = record

    def get(self, model, code):
        """The record. Refuses with UNKNOWN_REFERENCE."""
        self.load(model, [code])
        try:
            return self._found[model, code]
        except KeyError:
            what = Pool().get("ir.model").get_name(model).lower()
            raise Refusal("UNKNOWN_REFERENCE", "msg_unknown_reference", what=what, code=code) from None
