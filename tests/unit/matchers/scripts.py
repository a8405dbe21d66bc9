"""What a link sees, written down beforehand: its history at any moment, and a link that lives through it."""

from __future__ import annotations

import dataclasses

from pytest_netchaos.history import Dials
from pytest_netchaos.linklog import LinkLog

#: Seconds. All times in generated scripts are multiples of it: sums and differences of them are exact.
TICK = 1 / 1024


class Script:
    """Events of the link ``'chat'``. Dials are to be written in the order of time; their numbers are counted."""

    def __init__(self):
        self.events = []
        self.dials = self.faults = 0

    def refuse(self, at, reason="cut"):
        """A dial that is refused at once."""
        self._dial(at)
        self._add(at, "refused", at, self.dials, reason)
        return self

    def pend(self, at, until=None):
        """A dial without an answer; its client hangs up at ``until``."""
        self._dial(at)
        if until is not None:
            self._add(until, "hung_up", until, self.dials, "client")
        return self

    def open(self, at, dial):
        """A dial without an answer is served after all."""
        self._add(at, "opened", at, dial)
        return self

    def vain(self, at, until, opened):
        """A dial that is served when its client is gone."""
        self.pend(at, until)
        self._add(opened, "opened", opened, self.dials)
        return self

    def serve(self, at, until=None, by="client", how="FIN", reason=""):
        """A dial that becomes a connection, which ends at ``until``."""
        self._dial(at)
        self._add(at, "opened", at, self.dials)
        if until is not None:
            self.close(until, self.dials, by, how, reason)
        return self

    def hang_up(self, at, dial, by="client", *, answers=False):
        """One side begins to end it."""
        self._add(at, "hung_up", at, dial, by, answers=answers)
        return self

    def close(self, at, dial, by, how="RST", reason=""):
        """The connection that a dial became is over."""
        self._add(at, "closed", at, lambda log: log.history(at).dials[dial - 1].connection, by, how, reason)
        return self

    def fault(self, fault, start, end=None, hits=()):
        """A fault that hits these connections."""
        self.faults += 1
        number = self.faults
        self._add(start, "injected", number, fault)
        self._add(start, "struck", start, number, 1, hits)
        if end is not None:
            self._add(end, "healed", end, number)
        return self

    def at(self, now, blind=""):
        """Return what the link has seen by then."""
        log = LinkLog("chat")
        for at, record, arguments, keywords in sorted(self.events, key=lambda event: event[0]):
            if at <= now:
                getattr(log, record)(*(a(log) if callable(a) else a for a in arguments), **keywords)
        seen = log.history(now)
        return dataclasses.replace(seen, dials=Dials(seen.dials, blind)) if blind else seen

    def _dial(self, at):
        self.dials += 1
        self._add(at, "dialled", at, f"127.0.0.1:{40000 + self.dials}")

    def _add(self, at, record, *arguments, **keywords):
        self.events.append((at, record, arguments, keywords))


class Replay:
    """A link that lives through a script: time goes on only while somebody waits."""

    def __init__(self, script, now):
        self.script, self.now = script, now

    def history(self):
        return self.script.at(self.now)

    def wait_history(self, enough, until):
        coming = sorted({at for at, *_ in self.script.events if at > self.now} | {until})
        for at in coming:
            if enough(self.history()) or self.now >= until:
                break
            self.now = min(at, until)
        return self.history()

    async def wait_history_async(self, enough, until):
        return self.wait_history(enough, until)


def text(lines):
    return "\n".join(lines)


def fits(lines):
    """Whether pytest shows the whole."""
    return len(lines) <= 8 and sum(map(len, lines)) <= 640
