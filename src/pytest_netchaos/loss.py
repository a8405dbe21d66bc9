"""What packet loss does to a TCP stream: it waits, and it is slow. Pure.

A network never takes bytes out of the middle of a stream: what was lost is sent again, and until it is there the
reader gets nothing. So loss is modelled as stalls and a rate cap, and no byte is ever deleted.

*Stalls.* Gilbert's two-state chain (E. N. Gilbert, Bell System Technical Journal 1960; E. O. Elliott, ibid. 1963): in
the bad state every packet is lost. It goes from good to bad with probability ``p`` for each packet, and back with
``r``; then ``loss = p / (p + r)`` and a burst is ``1 / r`` packets long on average, so::

    r = 1 / mean_burst
    p = loss * r / (1 - loss)

*Rate.* M. Mathis et al., "The macroscopic behavior of the TCP congestion avoidance algorithm", 1997: a stream gets at
most ``1.22 * MSS / (RTT * sqrt(p))`` bytes per second, where ``p`` is the share of packets at which a loss *begins*: to
the sender a burst is one event. That is the chain's own ``p``.

*Time.* At that rate a packet takes ``MSS / rate`` seconds. A burst of n packets stalls the stream for these n packets
and the round trip in which they are sent again. The chain's stretches are geometric with means ``1 / r`` and ``1 / p``;
a `Flap` draws evenly, so it is given the range from one packet to twice the mean less one, which has the same mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from .faults import LONGEST, Fault, Flap, Stall, Throttle, check_number

#: Bytes of payload in a full TCP segment over Ethernet and IPv4: 1500 less two headers of 20.
MSS = 1460
#: Mathis's constant, sqrt(3/2), for a receiver that acknowledges each packet.
MATHIS = 1.22


@dataclass(frozen=True, slots=True)
class Loss:
    """Packets that are lost in bursts.

    Args:
        loss: The share of all packets that is lost, above 0 and below 1.
        mean_burst: How many are lost in a row, on average; 1 or more.

    Raises:
        ValueError: A value is out of range, or no chain has both: one good packet at least is between two bursts.
    """

    loss: float
    mean_burst: float = 1.0

    def __post_init__(self) -> None:
        check_number("loss", self.loss, low=0, high=1, above=True)
        check_number("mean_burst", self.mean_burst, low=1, high=1e6)
        most = self.mean_burst / (1 + self.mean_burst)
        if self.loss > most:
            raise ValueError(
                f"loss must be {most:.4g} at most with a mean_burst of {self.mean_burst:g} packets, not {self.loss!r}: "
                "between two bursts there is a packet at least that arrives"
            )

    @property
    def r(self) -> float:
        """The probability that a packet is the last one of a burst."""
        return 1 / self.mean_burst

    @property
    def p(self) -> float:
        """The probability that a burst begins with the next packet."""
        return self.loss * self.r / (1 - self.loss)

    def rate(self, round_trip: float) -> float:
        """Return what a stream gets through at most, in bytes per second."""
        return MATHIS * MSS / (round_trip * sqrt(self.p))

    def stalls(self, round_trip: float, rate: float) -> Flap:
        """Return the stalls of a stream.

        Args:
            round_trip: Seconds there and back.
            rate: Bytes per second that are sent.
        """
        packet = MSS / rate
        down = _span(round_trip + packet, round_trip + (2 * self.mean_burst - 1) * packet)
        return Flap(down=down, up=_span(packet, (2 / self.p - 1) * packet), fault=Stall())

    def faults(self, round_trip: float, down: float | None = None, up: float | None = None) -> tuple[Fault, ...]:
        """Return stalls and rate caps.

        Args:
            round_trip: Seconds there and back.
            down: Bytes per second from the server that the line carries without loss; ``None``: any number.
            up: The same, to the server.
        """
        cap = self.rate(round_trip)
        down, up = min(down or cap, cap), min(up or cap, cap)
        return (
            Throttle(max(round(down), 1), direction="downstream"),
            Throttle(max(round(up), 1), direction="upstream"),
            self.stalls(round_trip, down),
        )


def _span(shortest: float, longest: float) -> tuple[float, float]:
    """Round to 0.1 ms, and keep to what a fault can last."""
    low, high = (min(max(round(seconds, 4), 1e-4), LONGEST) for seconds in (shortest, longest))
    return low, high
