"""Nothing escapes the laws: whatever is public stands in the registry."""

import inspect
from importlib import import_module
from pathlib import Path

import rxstream as rxs
import rxstream.parsers
import rxstream.text
from tests.laws.registry import EVENTS, MACHINES, OPERATORS, OfItems, OfText, public_machines

ENTRIES: list[OfText | OfItems] = [*MACHINES, *EVENTS]


#: The rooms of operators, and what stands there that is none: what refuses the arguments of one.
ROOMS = (rxstream.text, rxstream.parsers)
HELPERS = {"made"}


def public_operators() -> set[str]:
    modules = [
        import_module(f"{room.__name__}.{path.stem}")
        for room in ROOMS
        for path in Path(str(room.__file__)).parent.glob("[!_]*.py")
    ]
    return {name for module in modules for name in module.__all__} - HELPERS | {"lift", "record_stream"}


def test_every_public_operator_is_registered() -> None:
    assert {op.name for op in OPERATORS} == public_operators()


def test_every_operator_is_a_public_name_of_rxstream() -> None:
    for name in public_operators():
        assert inspect.isfunction(getattr(rxs, name))
        assert name in rxs.__all__


def test_every_machine_is_registered() -> None:
    assert {machine.of for machine in ENTRIES} == public_machines()


def test_a_machine_is_found_by_its_two_verbs() -> None:
    names = {machine.__name__ for machine in public_machines()}
    assert {"Words", "Sentences", "Redact", "SSEDecoder", "ChatEvents", "Splitter"} <= names
    assert not {"Machine", "Answer", "AnswerDecoder", "AnswerEvents"} & names


def test_labels_tell_the_entries_apart() -> None:
    for entries in (MACHINES, EVENTS, OPERATORS):
        labels = [str(entry) for entry in entries]
        assert len(set(labels)) == len(labels)


def test_each_entry_is_named_for_its_machine() -> None:
    for machine in ENTRIES:
        assert machine.label.startswith(machine.of.__name__)


def test_an_exemption_gives_its_reason() -> None:
    exempt = [reason for machine in MACHINES for reason in (machine.late_because, machine.quadratic_because)]
    exempt += [op.cut_because for op in OPERATORS]
    assert all(len(reason) > 20 for reason in exempt if reason)
