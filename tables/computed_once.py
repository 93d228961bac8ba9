"""An attribute that is computed when it is first asked for, and kept.

Why not ``functools.cached_property``: that of Python 3.11 takes a lock on each first use, which costs more than most of
what is computed here, and targets are asked some ten such questions per decision. Invariant: who asks holds the only
reference that is being asked; nothing here is shared between threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

_Owner = TypeVar("_Owner")
_Value = TypeVar("_Value")


class computed_once(Generic[_Owner, _Value]):  # noqa: N801 - used as a decorator, as property is
    """Decorates a method without arguments: its value is kept in the object's ``__dict__`` under its name."""

    def __init__(self, compute: Callable[[_Owner], _Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, owner: None, kind: Any = None) -> computed_once[_Owner, _Value]: ...
    @overload
    def __get__(self, owner: _Owner, kind: Any = None) -> _Value: ...
    def __get__(self, owner: Any, kind: Any = None) -> Any:
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._compute(owner)
        return value
