"""Whoever changes the tables gives them another version."""

from hashlib import sha256

from rxstream.transports.sqlite_schema import COLUMNS, SCHEMA, VERSION, Row

DIGESTS = {1: "dba30edbd5407993"}


def test_each_version_has_its_tables() -> None:
    assert sha256("\n".join(SCHEMA).encode()).hexdigest()[:16] == DIGESTS[VERSION]


def test_a_row_is_what_is_asked_for() -> None:
    assert tuple(COLUMNS.split(", ")) == Row._fields
