"""How clients randomise their waits: the jitter models of `backoff`, as small values. No I/O.

=================== ========================================== ===============================================
model               a wait that is meant to be *w*             who does that
=================== ========================================== ===============================================
a number *s*        U(*w*·(1 − *s*), *w*·(1 + *s*))            the common ± share; 0: no jitter
``proportional(s)`` the same                                   the same, where ``cap_after`` has to be said
``additive(s)``     *w* + U(−*s*, *s*), at least 0             python-socketio
``full()``          U(0, *w*)                                  redis-py FullJitterBackoff
``equal()``         *w*/2 + U(0, *w*/2)                        redis-py EqualJitterBackoff
``decorrelated()``  U(first, 3 × the previous wait)            redis-py DecorrelatedJitterBackoff
``backo2(s)``       *w* − *d* or *w* + *d*, see there          Socket.IO's JavaScript client
=================== ========================================== ===============================================

U(a, b) is a draw that lies evenly from *a* to *b*. "Full", "equal" and "decorrelated" are the names of Marc Brooker's
article "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).

The cap limits *w* before the jitter, so that a wait can be longer than the cap, or the wait itself, after it
(``cap_after``): min(cap, U(0, *w*)), which is redis-py's ExponentialWithJitterBackoff, is ``full(cap_after=True)``.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar

from .faults import check_duration, check_number
from .law import Law, Piece, uniform

#: The largest number of times the previous wait; a larger one is a slip.
_MOST = 1000.0
#: Socket.IO's sign depends on the tenth that its draw lies in.
_TENTHS = 10


@dataclass(frozen=True, repr=False)
class Jitter:
    """A way to randomise a wait. Use one of the subclasses."""

    #: Whether what is meant to be waited grows by the policy's factor.
    grows: ClassVar[bool] = True

    #: Whether the cap is applied to the randomised wait, and not before.
    cap_after: bool = field(default=False, kw_only=True)

    def law(self, meant: float, previous: float) -> Law:
        """Return the law of a wait that is meant to be ``meant``, after one of ``previous`` seconds."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Write the call that makes it."""
        said = [repr(getattr(self, each.name)) for each in fields(self) if _is_said(self, each) and not each.kw_only]
        said += ["cap_after=True"] if any(_is_said(self, each) and each.kw_only for each in fields(self)) else []
        return f"{type(self).__name__}({', '.join(said)})"


def _is_said(model: Jitter, part: Field[Any]) -> bool:
    return part.init and getattr(model, part.name) != part.default


@dataclass(frozen=True, repr=False)
class proportional(Jitter):  # noqa: N801 - the class is the call that a test writes
    """A wait is longer or shorter by up to ``share`` of itself; ``backoff(…, jitter=0.2)`` is short for it.

    Raises:
        TypeError: ``share`` isn't a number.
        ValueError: It's out of 0 to 1.
    """

    share: float

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_number("jitter", self.share, low=0, high=1)

    def law(self, meant: float, previous: float) -> Law:  # noqa: ARG002 - other models need it
        """Return U(w − share·w, w + share·w)."""
        return uniform(meant - self.share * meant, meant + self.share * meant)


@dataclass(frozen=True, repr=False)
class additive(Jitter):  # noqa: N801 - the class is the call that a test writes
    """A wait is longer or shorter by up to ``seconds``, however long it is meant to be; never less than 0.

    Raises:
        TypeError: ``seconds`` isn't a number.
        ValueError: It's out of range.
    """

    seconds: float

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_duration("seconds of jitter", self.seconds)

    def law(self, meant: float, previous: float) -> Law:  # noqa: ARG002 - other models need it
        """Return U(w − seconds, w + seconds)."""
        return uniform(meant - self.seconds, meant + self.seconds)


@dataclass(frozen=True, repr=False)
class full(Jitter):  # noqa: N801 - the class is the call that a test writes
    """A wait is drawn from 0 to what it is meant to be: its mean is half of that."""

    def law(self, meant: float, previous: float) -> Law:  # noqa: ARG002 - other models need it
        """Return U(0, w)."""
        return uniform(0.0, meant)


@dataclass(frozen=True, repr=False)
class equal(Jitter):  # noqa: N801 - the class is the call that a test writes
    """One half of a wait is kept, the other is drawn."""

    def law(self, meant: float, previous: float) -> Law:  # noqa: ARG002 - other models need it
        """Return U(w/2, w)."""
        return uniform(meant / 2, meant)


@dataclass(frozen=True, repr=False)
class decorrelated(Jitter):  # noqa: N801 - the class is the call that a test writes
    """A wait is drawn from ``first`` to ``times`` the wait before it, and then capped. It has no ``factor``.

    Before the first wait stands one of ``first`` seconds: it's drawn from ``first`` to ``times`` × ``first``.

    Raises:
        TypeError: ``times`` isn't a number.
        ValueError: It's out of 1 to 1000.
    """

    grows: ClassVar[bool] = False

    times: float = 3.0
    #: Always: the wait that was drawn is what the next one is drawn from.
    cap_after: bool = field(default=True, init=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_number("times", self.times, low=1, high=_MOST)

    def law(self, meant: float, previous: float) -> Law:
        """Return U(first, times·previous)."""
        return uniform(meant, max(meant, self.times * previous))


@dataclass(frozen=True, repr=False)
class backo2(Jitter):  # noqa: N801 - the class is the call that a test writes
    """What Socket.IO's JavaScript client does: a wait is longer or shorter by up to ``share``, and then capped.

    One draw *r* from 0 to 1 gives the deviation *d* = *r* × ``share`` × *w*, and its sign: minus where the first
    decimal of *r* is even. So a wait is at least *w*·(1 − 0.9 × ``share``), and slightly more often long than short.
    Source: ``build/cjs/contrib/backo2.js`` of socket.io-client 4.8.4. It also cuts waits off to whole milliseconds;
    `backoff` allows for that.

    Raises:
        TypeError: ``share`` isn't a number.
        ValueError: It's out of 0 to 1.
    """

    share: float
    #: Always.
    cap_after: bool = field(default=True, init=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_number("jitter", self.share, low=0, high=1)

    def law(self, meant: float, previous: float) -> Law:  # noqa: ARG002 - other models need it
        """Return ten pieces, one for each first decimal of the draw."""
        step = self.share * meant / _TENTHS
        shorter = (Piece(1 / _TENTHS, meant - step * (i + 1), meant - step * i) for i in range(0, _TENTHS, 2))
        longer = (Piece(1 / _TENTHS, meant + step * i, meant + step * (i + 1)) for i in range(1, _TENTHS, 2))
        return Law((*shorter, *longer))
