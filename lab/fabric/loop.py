"""An event loop that runs on lab time, and asks the ambient host for its sockets.

The rule: time moves only when nothing is ready. A `TimeSource` says how: VirtualTime jumps to the next due
timer, PacedTime and WarpedTime wait for it in select. `leap_to` runs lab time ahead on each of them: timer by
timer, once nothing has been ready on the sockets for a moment, so that a real server gets to answer first.

`create_server` & Co. look at the ambient host: a host → its `Stack`; none → the machine's own sockets, on loopback
and nowhere else, so that a program that lost its host cannot dial a lab address from the machine. (A stack on real
sockets calls `asyncio.SelectorEventLoop.create_server(loop, …)` itself.) On virtual time executors run inline.
Tasks hash by a serial number, so that asyncio's sets of tasks have one order in every process.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import time
from collections import deque
from collections.abc import Callable, Container, Coroutine, Generator, Sequence, Sized
from contextvars import Context
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from selectors import BaseSelector
from typing import TYPE_CHECKING, Any, TypeVarTuple

from lab.clock import TimeSource, VirtualTime
from lab.errors import WorldSaidNo
from lab.fabric.ambient import AMBIENT, ATTENDED
from lab.fabric.handles import Call, Timer
from lab.fabric.stack import canonical, family, problem
from lab.fabric.timers import Timers

if TYPE_CHECKING:
    from lab.fabric.host import Host

_Ts = TypeVarTuple("_Ts")

_QUIET = 0.002
"""Real seconds without an event after which real sockets count as quiet (49 lab hours of retries: 0.11 s)."""
_GLANCE_EVERY = 256
"""Rounds of a virtual loop between two looks at the self-pipe, where signals arrive."""


class Standstill(WorldSaidNo):
    """Nothing is ready, no timer is set, and someone still waits: it would wait for ever."""


class LabTask(asyncio.Task[Any]):
    """A task that hashes by its age, not by its place in memory, and knows whose it is."""

    def __init__(
        self,
        work: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        serial: int,
        loop: LabLoop,
        name: str | None = None,
        context: Context | None = None,
    ) -> None:
        self._serial = serial  # the base class hashes the task while it initialises
        self.host = AMBIENT.get() if context is None else context.get(AMBIENT)
        super().__init__(work, loop=loop, name=name, context=context)

    def __hash__(self) -> int:
        return self._serial


class LabLoop(asyncio.SelectorEventLoop):
    """An event loop on a time source; virtual where none is given."""

    # Of the standard loop, unknown to its stubs.
    _ready: deque[asyncio.Handle]
    _stopping: bool
    _closed: bool
    _debug: bool
    _selector: BaseSelector
    _internal_fds: int
    _process_events: Callable[[list[Any]], None]

    def __init__(self, source: TimeSource | None = None) -> None:
        self.source: TimeSource = source if source is not None else VirtualTime()
        self._virtual = isinstance(self.source, VirtualTime)
        self._timers = Timers()
        self._patient = Timers()
        self._leaps: list[tuple[float, int, asyncio.Future[bool], Callable[[], bool]]] = []
        self._serials = count(1)
        self._rounds = 0
        self._working = 0
        self._frozen: dict[Host | None, list[asyncio.Handle]] = {}
        self.patience: Callable[[], float] = lambda: _QUIET
        """How many real seconds without an event are quiet: more where programs that are not the lab's answer."""
        super().__init__()
        self._watched: Sized = getattr(self._selector, "_fd_to_key", None) or self._selector.get_map()
        """Whose size is asked for in every round: of the map that is four calls of Python."""

    # -- time ------------------------------------------------------------------------------------------------

    def time(self) -> float:
        """Lab time, in seconds."""
        return self.source.time()

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        # The standard one asks four questions for a debugger first; a message takes fifty calls.
        if self._debug or self._closed:
            return super().call_soon(callback, *args, context=context)
        handle = Call(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def create_task(  # type: ignore[override]
        self,
        work: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> LabTask:
        return LabTask(work, next(self._serials), self, name, context)

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        make = asyncio.TimerHandle if self._debug else Timer
        timer = make(when, callback, args, self, context)
        self._timers.push(when, timer)
        return timer

    def call_later(
        self, delay: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        make = asyncio.TimerHandle if self._debug else Timer
        when = self.source.time() + delay
        timer = make(when, callback, args, self, context)
        self._timers.push(when, timer)
        return timer

    def call_patiently(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """A timer that leaps do not hurry (real seconds; virtual ones on virtual time): for a server's idle
        timeout, so that `lab clock +4h` does not hang up on a person who types."""
        if self._virtual:
            return self.call_later(delay, callback, *args, context=context)
        when = time.monotonic() + delay
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._patient.push(when, timer)
        return timer

    def next_due(self) -> float | None:
        """When the next timer is due, in lab time; None when none is set."""
        return self._timers.next_due()

    async def leap_to(self, when: float, done: Callable[[], bool] = lambda: False) -> bool:
        """Let lab time run ahead to `when`, everything due until then happening in its order; or only until
        `done()`, which is asked whenever nothing is ready. Whether it was done."""
        arrival: asyncio.Future[bool] = self.create_future()
        heappush(self._leaps, (when, next(self._serials), arrival, done))
        return await arrival

    # -- one round -------------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        if not (self._ready or self._stopping):
            self._let_time_pass()
        else:
            self._rounds += 1
            # As `_glance`, in this line: there is a round for every two callbacks.
            if not self._virtual or not self._rounds % _GLANCE_EVERY or len(self._watched) > self._internal_fds:
                self._poll(0)
        now = self.source.time()
        if self._timers.soonest <= now:
            self._timers.move_due(now, self._ready)
        if not self._virtual and self._patient:
            self._patient.move_due(time.monotonic(), self._ready)
        self._run_ready()

    def _run_ready(self) -> None:
        ready = self._ready
        frozen = self._frozen
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            if frozen and self._hold(handle):
                continue
            # What `handle._run` does, one call less.
            try:
                handle._context.run(handle._callback, *handle._args)  # type: ignore[attr-defined]
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._fell_out(handle, error)

    def _fell_out(self, handle: asyncio.Handle, error: BaseException) -> None:
        message = f"Exception in callback {handle!r}"
        self.call_exception_handler({"message": message, "exception": error, "handle": handle})

    def _glance(self) -> bool:
        """Look at the sockets without waiting; whether there was something."""
        self._rounds += 1
        if self._virtual and self._rounds % _GLANCE_EVERY and not self._watches_sockets():
            return False
        return self._poll(0)

    def _let_time_pass(self) -> None:
        due = self._timers.next_due()
        if self._leaps:
            self._run_ahead(due)
        elif self._virtual:
            self._jump(due)
        else:
            self._poll(self._real_wait(due))

    def _jump(self, due: float | None) -> None:
        if due is not None:
            if not self._glance():
                self.source.leap(due)
        elif self._watches_sockets():
            self._poll(None)
        else:
            raise Standstill(self._who_waits())

    def _run_ahead(self, due: float | None) -> None:
        goal, _, arrival, done = self._leaps[0]
        if arrival.done():
            heappop(self._leaps)
        elif done():
            heappop(self._leaps)
            arrival.set_result(True)
        elif self._is_quiet(due):
            self.source.leap(goal if due is None else min(due, goal))
            if due is None or due > goal:
                heappop(self._leaps)
                arrival.set_result(done())

    def _is_quiet(self, due: float | None) -> bool:
        """Nothing came from the sockets for a while, and no thread still works for us."""
        if self._working:
            self._poll(self._real_wait(None))
            return False
        if self._virtual and not self._watches_sockets():
            return True
        wait = self.patience()
        return not self._poll(wait if due is None else min(wait, self.source.wait(due)))

    def _real_wait(self, due: float | None) -> float | None:
        patient = self._patient.next_due()
        waits = [] if due is None else [self.source.wait(due)]
        if patient is not None:
            waits.append(max(0.0, patient - time.monotonic()))
        return min(waits, default=None)

    def _poll(self, timeout: float | None) -> bool:
        events = self._selector.select(timeout)
        self._process_events(events)
        return bool(events)

    def _watches_sockets(self) -> bool:
        return len(self._watched) > self._internal_fds

    def _who_waits(self) -> str:
        tasks = sorted(asyncio.all_tasks(self), key=hash)
        return "\n".join(["Everyone waits and nothing is due:", *(f"  {_waiting(task)}" for task in tasks)])

    # -- a host that stands still ----------------------------------------------------------------------------

    def freeze(self, host: Host) -> None:
        """Hold every callback of a host back, as if its processor stood still."""
        self._frozen.setdefault(host, [])

    def thaw(self, host: Host) -> None:
        """Let a host go on where it stood."""
        self._ready.extend(self._frozen.pop(host, ()))

    def tasks_of(self, hosts: Container[Host | None]) -> list[asyncio.Task[Any]]:
        """The tasks that run on these hosts, whoever started them, oldest first."""
        tasks = [task for task in asyncio.all_tasks(self) if isinstance(task, LabTask) and task.host in hosts]
        return sorted(tasks, key=hash)

    def forget(self, hosts: Container[Host | None]) -> None:
        """The power of these hosts is gone, and their timers with it. One that sets itself again, as an idle
        timeout does, would go on for ever."""
        for timers in (self._timers, self._patient):
            timers.drop(lambda timer: timer._context.get(AMBIENT) in hosts)  # type: ignore[attr-defined]

    def _hold(self, handle: asyncio.Handle) -> bool:
        context: Context = handle._context  # type: ignore[attr-defined]
        held = self._frozen.get(context.get(AMBIENT))
        if held is None or context.get(ATTENDED):
            return False
        held.append(handle)
        return True

    # -- sockets: the ambient host's, else the machine's --------------------------------------------------------

    async def create_connection(
        self, protocol_factory: Any, host: str | None = None, port: int | None = None, **options: Any
    ) -> Any:
        ambient = AMBIENT.get()
        if ambient is None:
            _loopback_only(host if "sock" not in options else "localhost")
            return await super().create_connection(protocol_factory, host, port, **options)  # type: ignore[arg-type]
        return await ambient.stack.create_connection(protocol_factory, host, port, **options)

    async def create_server(
        self, protocol_factory: Any, host: str | Sequence[str] | None = None, port: Any = None, **options: Any
    ) -> Any:
        ambient = AMBIENT.get()
        if ambient is None:
            _loopback_only(host if "sock" not in options else "localhost")
            return await super().create_server(protocol_factory, host, port, **options)
        return await ambient.stack.create_server(protocol_factory, host, port, **options)

    def create_datagram_endpoint(
        self, protocol_factory: Any, local_addr: Any = None, remote_addr: Any = None, **options: Any
    ) -> Coroutine[Any, Any, Any]:
        # No coroutine of its own around the stack's: every question to the DNS comes this way.
        ambient = AMBIENT.get()
        if ambient is None:
            return self._own_endpoint(protocol_factory, local_addr, remote_addr, **options)
        make = ambient.stack.create_datagram_endpoint
        return make(protocol_factory, local_addr=local_addr, remote_addr=remote_addr, **options)

    async def _own_endpoint(self, factory: Any, local_addr: Any, remote_addr: Any, **options: Any) -> Any:
        _loopback_only((remote_addr or local_addr or ("",))[0] if "sock" not in options else "localhost")
        return await super().create_datagram_endpoint(factory, local_addr, remote_addr, **options)

    async def create_unix_connection(self, *args: Any, **options: Any) -> Any:
        _outside_only()
        return await super().create_unix_connection(*args, **options)

    async def create_unix_server(self, *args: Any, **options: Any) -> Any:
        _outside_only()
        return await super().create_unix_server(*args, **options)

    async def sock_connect(self, sock: Any, address: Any) -> None:
        _outside_only()
        if sock.family != socket.AF_UNIX:
            _loopback_only(address[0])
        await super().sock_connect(sock, address)

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """Inside a host only address literals have an answer; names go through the host's resolver."""
        if AMBIENT.get() is None:
            return await super().getaddrinfo(host, port, **options)
        literal = canonical(host) if isinstance(host, str) else None
        if literal is None:
            raise socket.gaierror(socket.EAI_NONAME, f"'{host}' is no address; ask the host's resolver first")
        rest = (0, 0) if ":" in literal else ()
        kind = options.get("type") or socket.SOCK_STREAM
        return [(family(literal), kind, options.get("proto", 0), "", (literal, int(port or 0), *rest))]

    # -- threads -----------------------------------------------------------------------------------------------

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """Inline on virtual time (a thread would bring chance in); lab time does not run ahead of a thread."""
        if self._virtual:
            return _run_inline(self.create_future(), func, args)
        future = super().run_in_executor(executor, func, *args)
        self._working += 1
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _: object) -> None:
        self._working -= 1

    def close(self) -> None:
        self._timers.clear()
        self._patient.clear()
        self._frozen.clear()
        super().close()


def _run_inline(
    future: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]
) -> asyncio.Future[Any]:
    try:
        future.set_result(func(*args))
    except (Exception, asyncio.CancelledError) as error:
        future.set_exception(error)
    return future


def _outside_only() -> None:
    if AMBIENT.get() is not None:
        raise problem(errno.EOPNOTSUPP, "a host has no sockets but those of its own network")


def _loopback_only(where: object) -> None:
    """The machine's own network is none of the lab's: outside of hosts there is loopback, and that is all."""
    literal = canonical(where) if isinstance(where, str) else None
    if where != "localhost" and not (literal and ipaddress.ip_address(literal).is_loopback):
        raise problem(errno.ENETUNREACH, f"no host of the lab asks for this: '{where}' is not on loopback")


def _waiting(task: asyncio.Task[Any]) -> str:
    host = task.host if isinstance(task, LabTask) else None
    frames = task.get_stack(limit=1)
    code = frames[0].f_code if frames else None
    place = f"{code.co_qualname} ({Path(code.co_filename).name}:{frames[0].f_lineno})" if code else "its beginning"
    return f"{task.get_name()}{f' of {host.name}' if host else ''} in {place}"
