"""What the chord protocol works on: rows, counter and processes; and the devices that make it safe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal[
    "stored",  # Celery stores its result
    "kept",  # Celery stores nothing: the backend keeps a row for the chord, which goes with the counter
    "failing",  # fails; a redelivered run reports STARTED, which hides the FAILURE until that run returns
    "growing",  # adds a task to the header while it runs
    "grown",  # was added while the chord ran
]
RowState: TypeAlias = Literal[
    "none",  # no run has returned
    "ready",
    "restarted",  # was ready, reports STARTED now
    "returned",  # a run has returned, and nobody stored that
    "gone",  # was ready, and went with the counter that it was kept for
]
Hold: TypeAlias = Literal[
    "",
    "own",  # the counter carries the token of this process
    "lost",  # the counter that it claimed is there, with the token of another
]
END = "end"


class Run(NamedTuple):
    """A process: one delivery of a part, a publisher, or a sweep."""

    at: str  # the step that it takes next
    hold: Hold = ""
    #: Whether the lease of its claim ran out after it had renewed it; for the proof only.
    late: bool = False
    #: What it remembers from one step to the next.
    noted: int = 0
    name: str = ""


class Leaf(NamedTuple):
    """A task of the header with its row and the runs that are under way."""

    kind: Kind
    row: RowState = "none"
    #: Whether the counter's ``sub_tasks`` has it.
    listed: bool = False
    #: Whether the counter may still count it (see ``promises.COUNT``); for the proof only.
    owes: bool = True
    runs: tuple[Run, ...] = ()
    #: How often the broker delivers each message of it.
    deliveries: int = 1
    name: str = ""


class Counter(NamedTuple):
    """The row of ``ChordCounter``."""

    left: int  # the column ``count``: a tuple has a method of that name
    claim: Literal["free", "held", "lapsed"] = "free"
    locked: bool = False
    #: Whether a body was sent for it, and whether a claimer was killed after that; for the proof only, no columns.
    served: bool = False
    orphaned: bool = False


class State(NamedTuple):
    """Everything there is, what happened so far, and what may still go wrong."""

    leaves: tuple[Leaf, ...]
    #: Publishers and sweeps.
    others: tuple[Run, ...]
    counter: Counter | None = None
    #: Counters that were committed.
    counters: int = 0
    #: Bodies that were sent.
    published: int = 0
    #: Renewals in the window (see ``promises``): each may cost one body too many.
    windows: int = 0
    #: Whether a body was sent before all listed tasks had returned, or without the rows of some.
    early: bool = False
    #: Whether a counter was deleted for which no body was sent.
    dropped: bool = False
    kills: int = 0
    lapses: int = 0
    lost_replies: int = 0
    sweeps: int = 0


class Protocol(NamedTuple):
    """The safety devices. The defaults are the protocol; any other value is one device less."""

    #: Whether a decrement stops at zero.
    clamp: bool = True
    #: Whether applying a group id again leaves its live counter as it is.
    keep_live_counter: bool = True
    recount_on_commit: bool = True
    #: Whether the rows decide that a header is complete, not the count.
    ask_rows: bool = True
    #: The locked transaction as one step, or as two with and without its lock.
    recount: Literal["atomic", "locked", "unlocked"] = "atomic"
    #: Whether it corrects the count where some are not ready.
    correct_count: bool = True
    #: Claims that others may take, and whether that changes the token.
    taken_over: tuple[str, ...] = ("lapsed",)
    new_token: bool = True
    #: Whether a claimer that repeats its recount, because the reply was lost, knows its own claim again.
    know_own_claim: bool = True
    #: Whether a claimer that joins a row that is not ready any more recounts, and whether that gives the claim back.
    go_back: bool = True
    give_back: bool = True
    #: Whether a claimer that finds its claim lost publishes nothing.
    check_renewal: bool = True
    finish: tuple[str, ...] = ("join", "renew", "publish", "delete")
    #: What a claimer deletes: the row that it claimed, that row only with the own token, or any of the group id.
    delete: Literal["row", "token", "group"] = "row"
    #: What is done for a part that Celery stores nothing for.
    unstored: tuple[str, ...] = ("store", "decrement")
    growth: tuple[str, ...] = ("grow", "send")
    #: Whether nothing can be added to a header once it is claimed.
    claim_closes: bool = True
    #: Whether a task that is added again, because the reply was lost, is counted once.
    grow_once: bool = True

    def first_step(self, kind: Kind) -> str:
        """Return what a part of that kind does first."""
        return {"failing": "start", "growing": self.growth[0], "kept": self.unstored[0]}.get(kind, "store")

    def following(self, step: str) -> tuple[str, ...]:
        """Return what a claimer, or a part that grows, does after ``step``."""
        steps = (*self.finish, END) if step in self.finish else (*self.growth, "store")
        return steps[steps.index(step) + 1 :]


def change_leaf(state: State, index: int, **values: Any) -> State:
    """Return the state with other values in one leaf."""
    leaves = state.leaves
    return state._replace(leaves=(*leaves[:index], leaves[index]._replace(**values), *leaves[index + 1 :]))


def change_counter(state: State, **values: Any) -> State:
    """Return the state with other values in its counter, if it has one."""
    return state._replace(counter=state.counter and state.counter._replace(**values))


def change_holders(state: State, change: Callable[[Run], Run]) -> State:
    """Return the state with every process changed that claimed the counter."""
    if not any(run.hold for run in all_runs(state)):
        return state

    def changed(runs: tuple[Run, ...]) -> tuple[Run, ...]:
        return tuple(change(run) if run.hold else run for run in runs)

    leaves = tuple(leaf._replace(runs=changed(leaf.runs)) for leaf in state.leaves)
    return state._replace(leaves=leaves, others=changed(state.others))


def all_runs(state: State) -> Iterator[Run]:
    """Yield every process that has not ended."""
    yield from state.others
    for leaf in state.leaves:
        yield from leaf.runs


def unready(state: State) -> int:
    """Return how many listed tasks have no row that is ready."""
    return sum(leaf.listed and leaf.row != "ready" for leaf in state.leaves)


def is_complete(state: State) -> bool:
    """Return whether each listed task has returned and none is running anew."""
    return all(leaf.row in ("ready", "returned", "gone") for leaf in state.leaves if leaf.listed)
