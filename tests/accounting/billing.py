"""A group by hand with one arrangement, its billing and its cash, without any event."""

from accounting.agreements import ARRANGEMENT, CAUSE, day

from tieout.tables.contract import Contract, Group, GroupState
from tieout.tables.documents import Act, Cash, DocLine, Documents
from tieout.tables.extent import extent_of
from tieout.tables.facts import Facts

CONTRACT = Contract("C1", "X", None, "US", "USD", "active", 1, 0, 0, "")


def invoiced(number, at, amount, due=None, kind="invoice", *, unconditional=True):
    return DocLine(
        number, 1, 1, kind, "C1", "C1@1", None, day(at), day(due or at), amount, 0, None, None, None,
        unconditional=unconditional, ref=None, part=(1, 1), cause=CAUSE, object=number,
    )  # fmt: skip


def paid(name, at, amount):
    return Cash(f"s\x1fpayment\x1f{name}", "C1", day(at), amount, None, CAUSE)


def voided(number, at):
    return Act(f"void{number}", 1, "void", "C1", day(at), 0, number, "", CAUSE)


def group(*terms, lines=(), cash=(), acts=(), **facts):
    """A state that holds versions, documents in any order, cash and further facts."""
    known = Facts(terms=terms, **facts)
    documents = Documents(tuple(sorted(lines, key=lambda line: line.doc)), tuple(cash), tuple(acts))
    head = Group("t", "g", 0, contracts=(CONTRACT,), arrangements=(ARRANGEMENT,))
    return GroupState(head, known, documents, extent=extent_of(known, documents, ()))
