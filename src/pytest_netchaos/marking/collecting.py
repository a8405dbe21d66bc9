"""What the markers of a run's tests ask for, read while tests are collected.

In a run of 10,000 marked tests all of this has to cost less than 5 µs each: so nothing is read twice, and what many
tests have in common is one object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from ..options import Settings
from . import marker
from .conditions import Conditions, conditions_of, keep, name_of
from .marker import Part, Standing, Wish
from .profile_source import ProfileSource

if TYPE_CHECKING:
    from ..recorded import RecordedRun
    from .cases import Case

#: The name under which pytest keeps the case of a test among its parameters. No test asks for it.
_CASE = "_netchaos_case"
#: Of a worker's output, for the controlling process: why it couldn't collect.
_REFUSED = "netchaos_refused"


def refuse(item: pytest.Item, error: object) -> pytest.UsageError:
    """Return what ends a run in which a test has a wrong marker.

    One of xdist's workers has nobody to tell it to: it is handed to the controlling process as well.
    """
    said = f"{name_of(item)}: @pytest.mark.{marker.NAME}: {error}"
    output = getattr(item.config, "workeroutput", None)
    if output is not None:
        output[_REFUSED] = said
    return pytest.UsageError(said)


def raise_refusal(output: dict[str, object]) -> None:
    """End the run, in the controlling process, if one of xdist's workers has refused a marker.

    Raises:
        pytest.UsageError: it has.
    """
    if _REFUSED in output:
        raise pytest.UsageError(str(output[_REFUSED]))


def check_replayed(config: pytest.Config, recorded: RecordedRun, items: Sequence[pytest.Item]) -> None:
    """End a run that hasn't collected the test whose recording it is to replay.

    Raises:
        pytest.UsageError: it hasn't.
    """
    from ..replay_file import check_collected  # noqa: PLC0415 - only where something is replayed

    try:
        check_collected(recorded, set(map(name_of, items)))
    except pytest.UsageError as error:
        getattr(config, "workeroutput", {})[_REFUSED] = str(error)
        raise


class Collecting:
    """Reads the markers of one run.

    Args:
        settings: The options of the run.
        profiles: The profiles that markers can name.
        profiles_from: Where those of the whole run were asked for: an option, a variable or a file.

    Raises:
        pytest.UsageError: one of the project's profiles is wrong, or there is none of a name that an option has.
    """

    def __init__(self, settings: Settings, profiles: ProfileSource, profiles_from: str) -> None:
        self._settings = settings
        self._profiles = profiles
        self._profiles_from = profiles_from
        profiles.check()
        _ = self.of_run  # a name that isn't there ends the run before it begins
        self._wishes: dict[int, tuple[pytest.Mark, Wish]] = {}
        self._alike: dict[object, Wish] = {}
        #: By the ids of the wishes, which `_wishes` keeps alive.
        self._known: dict[tuple[int, ...], Conditions] = {}
        #: What a test is under that has one marker with these arguments, and none by name.
        self._simple: dict[tuple[object, ...], Conditions] = {}
        self._parent: object = None
        self._inherited: list[pytest.Mark] = []

    # Once for each function.

    def expand(self, metafunc: pytest.Metafunc) -> None:
        """Make a test for each entry of a marker's lists, and for each of its runs.

        What is wrong with a marker is said by `read`: here, pytest would hide it in a traceback of its own.
        """
        definition = metafunc.definition
        if definition.parent is not self._parent:
            self._parent, self._inherited = definition.parent, _inherited(definition.parent)
        if definition.own_markers:
            marks = [mark for mark in definition.own_markers if mark.name == marker.NAME] + self._inherited
        else:
            marks = self._inherited
        for mark in marks:
            if _may_vary(mark):
                self._expand(metafunc, marks)
                return

    def _expand(self, metafunc: pytest.Metafunc, marks: list[pytest.Mark]) -> None:
        from .cases import cases, varies  # noqa: PLC0415 - few markers have lists

        try:
            wishes = [self._wish(mark) for mark in marks]
        except (TypeError, ValueError):
            return
        if varies(wishes):
            made = list(cases(wishes))
            metafunc.fixturenames.append(_CASE)
            metafunc.parametrize(_CASE, [(marks, case) for case in made], ids=[case.id for case in made])

    # Once for each test.

    def read(self, items: Sequence[pytest.Item]) -> None:
        """Keep with each test what it is under.

        Raises:
            pytest.UsageError: a marker is wrong, by the name of the test.
        """
        parent: object = None
        inherited: list[pytest.Mark] = []
        for item in items:
            if item.parent is not parent:
                parent, inherited = item.parent, _inherited(item.parent)
            if item.own_markers:
                marks = [mark for mark in item.own_markers if mark.name == marker.NAME] + inherited
            else:
                marks = inherited
            if marks:
                keep(item, self._same(marks) or self._read(item, marks))

    def _same(self, marks: list[pytest.Mark]) -> Conditions | None:
        """Return what others are under that have one marker with the same arguments, where that is told quickly."""
        mark = marks[0]
        if len(marks) > 1 or mark.kwargs:
            return None
        try:
            return self._simple.get(mark.args)
        except TypeError:  # a list
            return None

    def _read(self, item: pytest.Item, marks: list[pytest.Mark]) -> Conditions:
        try:
            wishes = [self._wish(mark) for mark in marks]
            known = self._known.get(key := tuple(map(id, wishes)))
            if known is None:
                known = self._new(item, marks, wishes)
                self._remember(known, key, marks)
        except (TypeError, ValueError) as error:
            raise refuse(item, error) from None
        return known

    def _remember(self, found: Conditions, key: tuple[int, ...], marks: list[pytest.Mark]) -> None:
        if found.is_one_of_many:
            return
        self._known[key] = found
        if len(marks) == 1 and not marks[0].kwargs:
            self._simple[marks[0].args] = found  # had it a list, there would be many

    @staticmethod
    def _new(item: pytest.Item, marks: list[pytest.Mark], wishes: list[Wish]) -> Conditions:
        """Put together what these markers ask for.

        Raises:
            ValueError: They ask for what can't be together, or for more tests where nobody can make any.
        """
        expanded, case = _expanded(item)
        of_mark = dict(zip(map(id, expanded), case.standings, strict=True)) if case else {}
        standings = tuple(of_mark.get(id(mark)) or _alone(item, wish) for mark, wish in zip(marks, wishes, strict=True))
        marker.check_together(standings)
        return Conditions(standings, case.run, case.runs, is_one_of_many=True) if case else Conditions(standings)

    def _wish(self, mark: pytest.Mark) -> Wish:
        """Understand a marker; one that many tests share, or that was written many times, only once."""
        known = self._wishes.get(id(mark))
        if known is not None:
            return known[1]
        key = _key(mark)
        wish = None if key is None else self._alike.get(key)
        if wish is None:
            wish = marker.parse(mark.args, mark.kwargs, self._profiles.faults)
            if key is not None:
                self._alike[key] = wish
        self._wishes[id(mark)] = (mark, wish)
        return wish

    # Of the whole run.

    @cached_property
    def of_run(self) -> tuple[Standing, ...]:
        """What ``--netchaos-profile`` puts every link under.

        Raises:
            pytest.UsageError: there is no profile of that name.
        """
        try:
            parts = tuple(Part(self._profiles.faults(name), name) for name in self._settings.profiles)
        except ValueError as error:
            raise pytest.UsageError(f"{self._profiles_from}: {error}") from None
        return (Standing(tuple(fault for part in parts for fault in part.faults), parts=parts),) if parts else ()

    def check_use(self, item: pytest.Item, *, has_links: bool) -> None:
        """Say so if a test that has passed is marked, and has made no link that anything could happen to.

        Under ``--netchaos-strict`` the test fails.
        """
        __tracebackhide__ = True
        if has_links or not conditions_of(item).standings:
            return
        said = f"@pytest.mark.{marker.NAME} is on a test that made no link: nothing was under its conditions"
        if self._settings.strict:
            pytest.fail(f"{said} (--netchaos-strict)", pytrace=False)
        from ..session.cautions import NetchaosWarning  # noqa: PLC0415 - few tests are that wrong

        item.warn(NetchaosWarning(said))

    def is_strict(self, item: pytest.Item) -> bool:
        """Whether what proves nothing fails: not where ``--netchaos-off`` has left out what would have been proven."""
        left_out = self._settings.off and (conditions_of(item).standings or self._settings.profiles)
        return self._settings.strict and not left_out

    def in_force(self, item: pytest.Item) -> tuple[tuple[Standing, ...], tuple[Standing, ...]]:
        """Return what a test's links are under: from its markers, and from the options of the run."""
        standings = conditions_of(item).standings
        if not self._settings.off:
            return standings, self.of_run
        return tuple(replace(standing, faults=(), parts=()) for standing in standings), ()


def _inherited(parent: Any) -> list[pytest.Mark]:  # noqa: ANN401 - pytest's nodes have no public name
    """Return the markers that are on what a test is in: its class, its module."""
    return [] if parent is None else list(parent.iter_markers(marker.NAME))


def _may_vary(mark: pytest.Mark) -> bool:
    return list in map(type, mark.args) or "runs" in mark.kwargs


def _key(mark: pytest.Mark) -> object:
    """Return what is the same for markers that say the same; ``None`` where that can't be told quickly."""
    # True equals 1, and only one of them is a seed.
    key = (mark.args, *((name, type(value), value) for name, value in mark.kwargs.items()))
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _expanded(item: pytest.Item) -> tuple[list[pytest.Mark], Case | None]:
    """Return the markers that a test was made from, if its function became several, and which of them it is."""
    callspec = getattr(item, "callspec", None)
    if callspec is None or _CASE not in callspec.params:
        return [], None
    made: tuple[list[pytest.Mark], Case] = callspec.params[_CASE]
    return made


def _alone(item: pytest.Item, wish: Wish) -> Standing:
    """Return what a marker puts the one test under that it is on.

    Raises:
        TypeError: It asks for several of a method that can't be.
        ValueError: It asks for several where it is too late.
    """
    if wish.runs is None and not wish.lists:
        return wish.standing()
    asked = "a list" if wish.lists else f"runs={wish.runs}"
    import unittest  # noqa: PLC0415 - only for the sentence

    if issubclass(getattr(item, "cls", None) or object, unittest.TestCase):
        raise TypeError(
            f"{asked} makes several tests of one, and a method of a unittest.TestCase can't be parametrized: "
            "write a function, or a class that isn't a TestCase"
        )
    raise ValueError(
        f"{asked} makes several tests of one, and for that it is too late here: put the marker on the function, class "
        "or module itself, not into pytest.param(marks=…) or add_marker()"
    )
