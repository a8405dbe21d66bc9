"""Where our API answers otherwise than the real Toxiproxy 2.12.0, on purpose, and why. Each is checked to be one."""

#: By the name of a case in ``cases.py``: the reason.
DIFFERENCES = {
    "a slash in a proxy's name": "a name with a slash can be reached, as %2F: there such a proxy can't even be deleted",
    "no listen": "a free port on 127.0.0.1 only, unless told otherwise: there on every interface",
    "an empty listen in an update": "the new free port is on 127.0.0.1 only: there on every interface",
    "a listen without a port": "400: it can never be right, so it is the request that is wrong. There 500",
    "a listen with a port that is none": "400, as above. There 500",
    "a listen without a port in an update": "400, as above. There 500, and the proxy is left alone too",
    "an update to an empty upstream": "400 that names the field, as when a proxy is made. There accepted, and all "
    "connections fail from then on",
    "an update to a taken port": "the old port goes on. There the proxy is left disabled, with the taken port in its "
    "settings",
    "populate replaces where a port is taken": "the old proxy goes on. There it is stopped, and is left disabled",
    "populate stops at a taken port": "the error says which proxy of the list it was",
    "reset with a taken port": "the other proxies are reset too, and all toxics are gone; the error names the proxy. "
    "There the first failure ends it",
    "a negative latency": "400 that names the field. There accepted",
    "a negative bandwidth rate": "400. There the process ends with the next byte",
    "a slicer without a size": "400. There the process ends with the next byte",
    "a slicer whose variation is its size": "400. There it may never come to an end",
    "a toxicity above 1": "400. There accepted",
    "a negative toxicity": "400. There accepted",
    "a refused update of a toxic": "nothing of it happens. There what stood before the mistake is in force",
    "a body that ends early": "400: nobody can know what was missing. There the first value is carried out",
    "a chunk's size that is none": "the HTTP is broken, so the refusal is plain text and the connection ends. There a "
    "handler's error in JSON",
    "an unknown transfer coding": "the status line's text, like every other refusal. There without the number",
    "an unknown expectation": "a text says why. There the body is empty",
    "two hosts": "the refusal says so. There only 400",
    "a header of 100 kB": "431 from 64 KiB on. There from 1 MiB on",
}

#: What ours says to each: the status of every step, and the words of what it refuses.
OURS: dict[str, tuple[list[int], str]] = {
    "a slash in a proxy's name": ([201, 200], ""),
    "no listen": ([201], ""),
    "an empty listen in an update": ([201, 200, 200], ""),
    "a listen without a port": ([400], "bad request body: listen: address 127.0.0.1: missing port in address"),
    "a listen with a port that is none": ([400], "bad request body: listen: address 99999: invalid port"),
    "a listen without a port in an update": (
        [201, 400, 200],
        "bad request body: listen: address 127.0.0.1: missing port in address",
    ),
    "an update to an empty upstream": ([201, 400, 200], "missing required field: upstream"),
    "an update to a taken port": ([201, 500, 200], "listen tcp 127.0.0.1:PORT: bind: address already in use"),
    "populate replaces where a port is taken": (
        [201, 500, 200],
        "listen tcp 127.0.0.1:PORT: bind: address already in use at proxy 1",
    ),
    "populate stops at a taken port": (
        [500, 200],
        "listen tcp 127.0.0.1:PORT: bind: address already in use at proxy 2",
    ),
    "reset with a taken port": ([201, 500], "proxy a: listen tcp 127.0.0.1:PORT: bind: address already in use"),
    "a negative latency": ([201, 400, 200], "bad request body: attributes.latency must not be negative, and is -1"),
    "a negative bandwidth rate": ([201, 400, 200], "bad request body: attributes.rate must not be negative, and is -1"),
    "a slicer without a size": (
        [201, 400, 200],
        "bad request body: attributes.average_size must be at least 1, and is 0",
    ),
    "a slicer whose variation is its size": (
        [201, 400, 200],
        "bad request body: attributes.size_variation must be less than average_size (1), and is 1",
    ),
    "a toxicity above 1": ([201, 400, 200], "bad request body: toxicity must be between 0 and 1, not 1.5"),
    "a negative toxicity": ([201, 400, 200], "bad request body: toxicity must be between 0 and 1, not -0.5"),
    "a refused update of a toxic": (
        [201, 200, 400, 200],
        "bad request body: attributes.jitter must be an integer, not 1.5",
    ),
    "a body that ends early": ([400], "400 Bad Request"),
    "a chunk's size that is none": ([400], "400 Bad Request: invalid chunk length"),
    "an unknown transfer coding": ([501], "501 Not Implemented: Unsupported transfer encoding"),
    "an unknown expectation": ([417], "417 Expectation Failed"),
    "two hosts": ([400], "400 Bad Request: too many Host headers"),
    "a header of 100 kB": ([431], "431 Request Header Fields Too Large"),
}
