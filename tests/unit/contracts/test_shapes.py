"""Type texts: read, written in one spelling, merged where nothing is lost, refused with reasons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.contracts import Column
from wharf.contracts.shapes import (
    PRIMITIVES,
    List,
    Map,
    Primitive,
    Struct,
    Type,
    inner_paths,
    merged,
    parse_type,
)

NAMES = st.text("abcxyz_ @-é$", min_size=1, max_size=6).map(str.strip).filter(bool)
SIMPLE = st.sampled_from([*PRIMITIVES, "decimal(18, 2)", "decimal(38, 0)"]).map(Primitive)


def _nested(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    fields = st.lists(
        st.tuples(NAMES, inner), min_size=1, max_size=3, unique_by=lambda pair: pair[0].casefold()
    )
    return st.one_of(
        fields.map(lambda pairs: Struct(tuple(pairs))),
        inner.map(List),
        st.builds(Map, SIMPLE, inner),
    )


TYPES = st.recursive(SIMPLE, _nested, max_leaves=6)


@given(TYPES)
def test_what_a_type_is_written_as_is_read_as_that_type(type_: Type) -> None:
    assert parse_type(str(type_)) == type_


@given(TYPES, TYPES)
def test_merging_loses_neither_type(left: Type, right: Type) -> None:
    both = merged(left, right)
    assert merged(left, left) == left
    if both is not None:
        assert merged(both, left) == merged(both, right) == both
        assert {*inner_paths(left), *inner_paths(right)} <= {*inner_paths(both)}


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("struct<a:int,b:list<decimal(9,2)>>", "struct<a: int, b: list<decimal(9, 2)>>"),
        (" map< string , double > ", "map<string, double>"),
        ("struct< first name : string >", "struct<first name: string>"),
    ],
)
def test_a_contract_spells_types_in_one_way(written: str, spelled: str) -> None:
    assert Column(type=written).type == spelled


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("strct<a: int>", "'strct' is no type; use boolean"),
        ("struct<a int>", "needs a name and a colon in struct<...>, not 'a int>'"),
        ("struct<>", "needs a name and a colon"),
        ("struct<a: int, A: long>", "names 'A' twice in one struct"),
        ("list<int", "needs '>' here: write list<type>"),
        ("list", "needs '<' here"),
        ("list<int>>", "ends with '>' behind a whole type"),
        ("map<string>", "needs ',' here: write map<key, value>"),
        ("map<list<int>, int>", "for the keys of a map"),
        ("list<" * 30 + "int" + ">" * 30, "more than 20 levels deep"),
        ("decimal(39,2)", r"'decimal\(39,2\)' is no type"),
    ],
)
def test_what_is_no_type_is_refused_with_what_may_stand_there(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_type(text)


@pytest.mark.parametrize(
    ("standing", "wanted", "both"),
    [
        ("struct<a: int>", "struct<b: string>", "struct<a: int, b: string>"),
        ("struct<a: int>", "struct<a: long>", "struct<a: long>"),
        ("struct<a: long>", "struct<a: int>", "struct<a: long>"),
        ("list<struct<a: float>>", "list<struct<a: double>>", "list<struct<a: double>>"),
        ("map<string, int>", "map<string, long>", "map<string, long>"),
        ("map<string, int>", "map<int, int>", None),
        ("struct<a: int>", "struct<a: string>", None),
        ("struct<a: int>", "list<int>", None),
        ("struct<a: int>", "struct<A: int>", None),
        ("decimal(10, 2)", "decimal(12, 3)", None),
    ],
)
def test_fields_and_digits_may_be_added_and_nothing_else(
    standing: str, wanted: str, both: str | None
) -> None:
    found = merged(parse_type(standing), parse_type(wanted))
    assert (str(found) if found else None) == both
