"""The chord protocol keeps its promises, and needs every one of its devices to keep them."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import TopologicalSorter

import pytest

from . import promises
from .model import Protocol, State, all_runs, is_complete
from .search import REPEATED, Chord, Move, Search, broken_promises, is_quiet, moves, story
from .steps import STEPS

PROTOCOL = Protocol()
LOCKED = Protocol(recount="locked")

#: Small chords that have, together, everything that can happen to a chord. A missing device shows with one or two
#: parts already (see MUTATIONS); the rest is margin, as much as some seconds buy.
CHORDS = {
    "four parts": Chord(("stored",) * 4, (2, 2, 2, 1), kills=2),
    "three parts in a transaction": Chord(("stored",) * 3, (2, 1, 1), ("begin",), kills=1),
    "parts delivered three times, in a transaction": Chord(("stored",) * 2, (3, 2), ("begin",), kills=1),
    "two parts and a sweep, in a transaction": Chord(("stored",) * 2, (), ("begin",), kills=2, lapses=1, sweeps=1),
    "two sweeps": Chord(("stored",) * 2, kills=1, lapses=1, sweeps=2),
    "slow and killed claimers": Chord(("stored",), (2,), kills=2, lapses=2, sweeps=2),
    "unstored part": Chord(("kept", "stored"), (2, 1), kills=1, lapses=1, sweeps=1),
    "unstored parts in a transaction": Chord(("kept", "kept"), (2, 1), ("begin",), kills=1, lapses=1),
    "failing part": Chord(("failing", "stored"), (2, 1), kills=1, lapses=1, sweeps=1),
    "failing and unstored part": Chord(("failing", "kept"), (2, 2), kills=1, lapses=1),
    "failing part in a transaction": Chord(("failing",), (2,), ("begin",), kills=1, lapses=1, sweeps=1),
    "growing part": Chord(("growing", "kept"), kills=1, lapses=1, sweeps=1),
    "growing part in a transaction": Chord(("growing", "stored"), (), ("begin",), kills=1, lapses=1),
    "growing part delivered twice": Chord(("growing", "stored"), (2, 1), kills=1, lapses=1),
    "growing part delivered three times": Chord(("growing",), (3,)),
    "growing parts": Chord(("growing", "growing"), kills=1, sweeps=1),
    "applied twice": Chord(("stored", "kept"), (), ("apply", "apply"), kills=1, sweeps=1),
    "applied twice, slow claimers": Chord(("kept",), (), ("apply", "apply"), kills=1, lapses=2, sweeps=1),
    "applied again in a transaction": Chord(("stored",), (), ("apply", "begin"), kills=1, lapses=1, sweeps=1),
    "applied twice in transactions": Chord(("stored",), (), ("begin", "begin"), kills=1, lapses=1),
    "failing part applied twice": Chord(("failing",), (), ("apply", "apply"), kills=1, lapses=1, sweeps=1),
    "growing part applied twice": Chord(("growing",), (), ("apply", "begin"), kills=1),
    "lost replies": Chord(("stored", "kept"), (2, 1), lost_replies=2, sweeps=1),
    "lost replies in a transaction": Chord(("stored", "kept"), (), ("begin",), lost_replies=2, sweeps=1),
    "lost replies to claimers": Chord(("stored",), (2,), kills=1, lapses=1, lost_replies=2, sweeps=1),
    "lost replies to a growing part": Chord(("growing", "stored"), (), ("begin",), lost_replies=2),
    "lost replies to a failing part": Chord(("failing", "stored"), (2, 1), kills=1, lost_replies=1),
}
#: The same with the recount as two steps under a lock, as the database runs it.
LOCKED_CHORDS = {
    "three parts": Chord(("stored",) * 3, (2, 2, 1), kills=1, lapses=1),
    "two sweeps": CHORDS["two sweeps"],
    "in a transaction": Chord(("stored", "kept"), (), ("begin",), kills=1, lapses=1),
    "failing part": Chord(("failing", "stored"), (2, 1), kills=1, lapses=1),
    "growing part": CHORDS["growing part"],
    "growing part delivered twice": CHORDS["growing part delivered twice"],
    "applied twice": Chord(("kept",), (), ("apply", "apply"), kills=1, lapses=1, sweeps=1),
}

#: What is taken away, from which chord, and which promise that breaks.
MUTATIONS = {
    "decrement below zero": (Protocol(clamp=False), Chord(("stored",), (2,)), promises.COUNT),
    "no row for an unstored part": (Protocol(unstored=("decrement",)), Chord(("kept",)), promises.FINISHED),
    "row of an unstored part after its decrement": (
        Protocol(unstored=("decrement", "store")),
        Chord(("kept", "stored")),
        promises.UNDISTURBED,
    ),
    "count believed instead of rows": (
        Protocol(ask_rows=False),
        Chord(("stored", "stored"), (2, 1)),
        promises.NOT_EARLY,
    ),
    "recount without the lock": (
        Protocol(recount="unlocked"),
        Chord(("stored", "stored"), (), ("begin",)),
        promises.UNDISTURBED,
    ),
    "count not corrected": (
        Protocol(correct_count=False),
        Chord(("stored", "stored"), (), ("begin",)),
        promises.UNDISTURBED,
    ),
    "no recount at commit": (
        Protocol(recount_on_commit=False),
        Chord(("stored",), (), ("begin",)),
        promises.UNDISTURBED,
    ),
    "counter reset when applied again": (
        Protocol(keep_live_counter=False),
        Chord(("stored",), (), ("apply", "apply")),
        promises.COUNT,
    ),
    "claim for ever": (Protocol(taken_over=()), Chord(("stored",), kills=1), promises.FINISHED),
    "claim that anybody may take": (
        Protocol(taken_over=("held", "lapsed")),
        Chord(("stored",), sweeps=1),
        promises.UNDISTURBED,
    ),
    "claim taken over with its token": (
        Protocol(new_token=False),
        Chord(("stored",), lapses=1, sweeps=1),
        promises.ONCE,
    ),
    "another token when the claim is repeated": (
        Protocol(know_own_claim=False),
        Chord(("stored",), lost_replies=1),
        promises.UNDISTURBED,
    ),
    "row that is not ready joined": (Protocol(go_back=False), Chord(("failing",), (2,)), promises.NOT_EARLY),
    "claim not given back": (Protocol(give_back=False), Chord(("failing",), (2,)), promises.UNDISTURBED),
    "no renewal": (
        Protocol(check_renewal=False),
        Chord(("stored",), lapses=1, sweeps=1),
        promises.ONCE,
    ),
    "delete before publishing": (
        Protocol(finish=("join", "renew", "delete", "publish")),
        Chord(("stored",), kills=1),
        promises.FINISHED,
    ),
    "delete of any counter of the group id": (
        Protocol(delete="group"),
        Chord(("stored",), (), ("apply", "apply"), lapses=1, sweeps=1),
        promises.NOT_DROPPED,
    ),
    # Safe, and the window is wider: a claimer that lost its lease has published, and leaves a counter that it could
    # delete to the claimer that took over, which then publishes too.
    "delete with the own token only": (
        Protocol(delete="token"),
        Chord(("stored",), lapses=1, sweeps=1),
        promises.ONCE,
    ),
    "kept rows deleted before the counter": (
        Protocol(finish=("join", "renew", "publish", "tidy", "delete")),
        Chord(("kept",), kills=1),
        promises.FINISHED,
    ),
    "new task sent before it is counted": (
        Protocol(growth=("send", "grow")),
        Chord(("growing",)),
        promises.UNDISTURBED,
    ),
    "new task listed without the lock": (
        Protocol(growth=("peek", "append", "send")),
        Chord(("growing", "growing")),
        promises.COUNT,
    ),
    "header that grows after it was claimed": (
        Protocol(claim_closes=False),
        Chord(("growing",), (2,)),
        promises.NOT_EARLY,
    ),
    "new task counted again when the reply was lost": (
        Protocol(grow_once=False),
        Chord(("growing",), lost_replies=1),
        promises.UNDISTURBED,
    ),
}


def every_move(chord: Chord, protocol: Protocol) -> Iterator[tuple[State, Move, State]]:
    """Yield all that can happen to a chord: the state before, who does what, the state after."""
    for before in Search(chord, protocol).states():
        for move, after in moves(before, protocol):
            yield before, move, after


def told(chord: Chord, protocol: Protocol, promise: str) -> str:
    """Return how the promise gets broken, for people."""
    lines = story(chord, protocol, lambda search, state: promise in search.broken(state))
    return "\n".join([f"broken: {promise}", *lines])


@pytest.mark.parametrize("chord", CHORDS.values(), ids=CHORDS)
def test_promises_are_kept(chord: Chord) -> None:
    broken = broken_promises(chord, PROTOCOL)
    assert not broken, told(chord, PROTOCOL, min(broken))


@pytest.mark.parametrize("chord", LOCKED_CHORDS.values(), ids=LOCKED_CHORDS)
def test_lock_makes_the_recount_one_step(chord: Chord) -> None:
    broken = broken_promises(chord, LOCKED)
    assert not broken, told(chord, LOCKED, min(broken))


@pytest.mark.parametrize(("protocol", "chord", "promise"), MUTATIONS.values(), ids=MUTATIONS)
def test_every_device_is_needed(protocol: Protocol, chord: Chord, promise: str) -> None:
    assert promise in broken_promises(chord, protocol)
    whole = LOCKED if protocol.recount == "unlocked" else PROTOCOL
    assert not broken_promises(chord, whole), "the chord breaks its promises with the device too"


def test_every_device_has_a_mutation() -> None:
    changed = {
        field
        for protocol, *_ in MUTATIONS.values()
        for field in Protocol._fields
        if getattr(protocol, field) != getattr(PROTOCOL, field)
    }
    assert changed == set(Protocol._fields)


def test_everything_happens() -> None:
    """The chords above are no proof of anything that never happens to them."""
    chords = [
        Chord(("failing",), (), ("begin",), kills=1, lapses=1, sweeps=1),
        Chord(("growing",), (), ("apply",), kills=1, lost_replies=1),
    ]
    happened = {move[1] for chord in chords for _, move, _ in every_move(chord, LOCKED)}
    steps = set(STEPS) - {"peek", "append", "tidy"}  # those belong to mutations
    assert happened >= steps | {"rolls back", "runs out"}
    assert happened >= {f"{step}, reply lost" for step in REPEATED}
    assert happened >= {f"is killed before {step}" for step in steps - {"commit"}}


@pytest.mark.parametrize(
    "chord",
    [
        Chord(("failing", "stored"), (2,), kills=1),
        Chord(("growing",), (2,), kills=1),
        Chord(("kept",), (), ("begin", "apply"), kills=1),
    ],
    ids=["failing part", "growing part", "applied twice"],
)
def test_work_ends(chord: Chord) -> None:
    """No process goes round in circles, and none waits for one that is not there any more."""
    later: dict[State, list[State]] = {}
    going: set[State] = set()
    for before, (_, what), after in every_move(chord, LOCKED):
        later.setdefault(before, []).append(after)
        if what in STEPS:
            going.add(before)
    TopologicalSorter(later).prepare()  # raises CycleError
    assert {state for state in Search(chord, LOCKED).states() if not is_quiet(state)} == going


def test_body_is_sent_twice_from_the_window_only() -> None:
    """What the earlier claimer was about to do, without its lease, when the next one renewed; or that it was killed."""
    chord = Chord(("stored",), kills=1, lapses=1, sweeps=1)
    found = set()
    for before, (_, what), after in every_move(chord, PROTOCOL):
        if what == "renew" and after.windows > before.windows:
            late = {run.at for run in all_runs(before) if run.late}
            found |= late or {"killed after publish" if before.counter and before.counter.orphaned else "unknown"}
    assert found == {"publish", "delete", "killed after publish"}
    assert story(chord, PROTOCOL, lambda search, state: state.published > 1)


def test_kill_leaves_a_complete_chord_to_the_sweep() -> None:
    """The sweep is a device too: without it this chord would never end."""

    def left(search: Search, state: State) -> bool:
        return is_quiet(state) and is_complete(state) and state.counter is not None and not state.published

    assert story(Chord(("stored",), kills=1), PROTOCOL, left)
    assert not story(Chord(("stored",)), PROTOCOL, left)


def test_rolled_back_chord_has_no_body() -> None:
    """Its parts return, whatever happens to them, and none sends the body."""
    chord = Chord(("stored", "kept"), (2, 1), ("begin",), kills=1, sweeps=1)
    ends = [state for state in Search(chord, PROTOCOL).states() if is_quiet(state) and not state.counters]
    assert any(all(leaf.row == "ready" for leaf in state.leaves) for state in ends)
    assert {state.published for state in ends} == {0}


def test_part_cannot_grow_a_chord_that_it_cannot_see() -> None:
    """Before the publisher commits, and once the header is claimed, a part that grows fails and sends nothing."""
    seen = set()
    for before, (_, what), after in every_move(Chord(("growing",), (2,), ("begin",)), PROTOCOL):
        if what == "grow" and len(after.leaves) == len(before.leaves):
            seen.add(before.counter.claim if before.counter else "no counter")
    assert seen == {"no counter", "held"}
