"""Fills a new database with what a client needs to post: companies, periods, accounts, a tax, products, a user with a key.

Run in Tryton's own environment, with no server running::

    TRYTOND_CONFIG=trytond.conf python -m trytond_tieout.fill DATABASE COMPANIES_FILE

``COMPANIES_FILE`` is JSON: ``{first_year, last_year, items: [code], currencies: {code: decimals}, companies: [{code,
currency, accounts: [{code, name, like}]}]}``; ``like`` is the code of an account of the universal chart whose type and
party rule the account takes over. Prints ``{"posting_key": ..., "accountant_key": ...}``: application keys for the REST
interface, of the user that posts, and of one that closes periods and keeps the master data.

Every period has a number series of its own, because posting locks the series: two periods can then be posted to at once.
"""

import datetime as dt
import json
import sys
from decimal import Decimal
from pathlib import Path

from proteus import Model, Wizard, config
from trytond.modules.account.tests.tools import create_chart

POSTING = ("Accounting", "Party Administration", "Sales", "Tieout Posting")
ACCOUNTANT = (
    "Accounting",
    "Accounting Administration",
    "Currency Administration",
    "Party Administration",
    "Sales",
)
_REVENUE, _TAX = "4.2.2", "2.2.3"


def main(database, file):
    """Fill ``database`` with what ``file`` asks for."""
    spec = json.loads(Path(file).read_text("utf-8"))
    config.set_trytond(database, user="admin")
    companies = []
    for code, decimals in spec["currencies"].items():
        make_currency(code, decimals)
    for each in spec["companies"]:
        company = make_company(each)
        companies.append(company)
        with_company(company)
        chart = make_accounts(company, each["accounts"])
        make_years(company, range(spec["first_year"], spec["last_year"] + 1))
        make_tax(company, chart[_TAX])
        if len(companies) == 1:
            make_items(spec["items"], chart[_REVENUE])
        else:
            same_category(chart[_REVENUE])
    keys = {
        "posting_key": make_user("tieout", POSTING, companies),
        "accountant_key": make_user("accountant", ACCOUNTANT, companies),
    }
    print(json.dumps(keys))  # noqa: T201 - the answer to who ran this


def with_company(company):
    """Let what follows be of this company, as the administrator's own choice would."""
    User = Model.get("res.user")
    admin = User(config.get_config().user)
    if company.id not in {each.id for each in admin.companies}:
        admin.companies.append(Model.get("company.company")(company.id))
    admin.company = Model.get("company.company")(company.id)
    admin.save()
    config.get_config()._context = User.get_preferences(True, {})  # noqa: FBT003, SLF001 - as proteus' own tools do


def make_currency(code, decimals):
    """A currency without rates: what it is worth is for commands to say, or for an accountant."""
    rounding = Decimal(1).scaleb(-decimals)
    Model.get("currency.currency")(name=code, code=code, digits=decimals, rounding=rounding).save()


def make_company(spec):
    """A company whose party's code is the entity's."""
    Party, Company = Model.get("party.party"), Model.get("company.company")
    party = Party(name=spec["code"], code=spec["code"])
    party.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party = party
    (wizard.form.currency,) = Model.get("currency.currency").find([("code", "=", spec["currency"])])
    wizard.execute("add")
    return Company.find([("party", "=", party.id)])[0]


def make_accounts(company, accounts):
    """The universal chart, and the accounts asked for beside those whose type they have. Returns the chart by code."""
    Account = Model.get("account.account")
    create_chart(company)
    chart = {each.code: each for each in Account.find([("company", "=", company.id), ("code", "!=", None)])}
    for spec in accounts:
        like = chart[spec["like"]]
        Account(
            name=spec["name"],
            code=spec["code"],
            type=like.type,
            parent=like.parent,
            company=company,
            reconcile=False,
            party_required=like.party_required,
        ).save()
    return chart


def make_years(company, years):
    """Fiscal years of twelve periods."""
    FiscalYear = Model.get("account.fiscalyear")
    for year in years:
        record = FiscalYear(name=f"{year}", company=company)
        record.start_date, record.end_date = dt.date(year, 1, 1), dt.date(year, 12, 31)
        record.move_sequence = series("Account Move", f"{company.party.code}-{year}", company)
        (invoices,) = record.invoice_sequences
        numbers = series("Invoice", f"{company.party.code}-INV-{year}", company)
        invoices.out_invoice_sequence = invoices.out_credit_note_sequence = numbers
        invoices.in_invoice_sequence = invoices.in_credit_note_sequence = numbers
        record.save()
        record.click("create_period")
        for period in record.periods:
            period.move_sequence = series("Account Move", f"{company.party.code}-{period.name}", company)
            period.save()


def series(kind, name, company):
    """A number series: no gaps."""
    Sequence, SequenceType = Model.get("ir.sequence.strict"), Model.get("ir.sequence.type")
    (kind_of,) = SequenceType.find([("name", "=", kind)], limit=1)
    record = Sequence(name=name, sequence_type=kind_of, company=company, prefix=f"{name}/", padding=6)
    record.save()
    return record


def make_tax(company, account):
    """A tax, for whoever makes invoices in Tryton by hand."""
    Model.get("account.tax")(
        name="Sales tax 10%",
        description="Sales tax 10%",
        type="percentage",
        rate=Decimal("0.10"),
        company=company,
        invoice_account=account,
        credit_note_account=account,
    ).save()


def make_items(codes, revenue):
    """A service to sell for each code."""
    Template = Model.get("product.template")
    category = Model.get("product.category")(name="Subscriptions", accounting=True)
    category.account_revenue = revenue
    category.save()
    (unit,) = Model.get("product.uom").find([("name", "=", "Unit")])
    for code in codes:
        template = Template(name=code, type="service", default_uom=unit, salable=True)
        template.list_price, template.account_category = Decimal(0), category
        template.code = code
        template.save()


def same_category(revenue):
    """The category's revenue account in a further company."""
    (category,) = Model.get("product.category").find([("name", "=", "Subscriptions")])
    category.account_revenue = revenue
    category.save()


def make_user(login, groups, companies):
    """A user that is no administrator, and its application key."""
    User, Group, Company = Model.get("res.user"), Model.get("res.group"), Model.get("company.company")
    user = User(name=login, login=login)
    for group in Group.find([("name", "in", groups)]):
        user.groups.append(Group(group.id))
    for company in companies:
        user.companies.append(Company(company.id))
    user.company = Company(companies[0].id)
    user.company_filter = "all"  # else it sees and posts to the first one alone
    user.save()
    key = Model.get("res.user.application")(user=user, application="rest")
    key.save()
    if key.state != "validated":
        key.click("validate_")
    return key.key


if __name__ == "__main__":
    main(*sys.argv[1:])
