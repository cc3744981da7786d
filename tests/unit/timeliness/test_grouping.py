"""Who speaks for whom: late feeds of one supplier, and feeds behind a dead connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from wharf.timeliness.grouping import Arrangement, Member, arrange, tell_group

NOW = datetime(2026, 11, 20, 7, tzinfo=UTC)
WAIT = timedelta(minutes=2)


def member(number: int, **more: object) -> Member:
    values: dict[str, object] = {
        "id": number, "feed": f"acme.f{number}", "period": "2026-11-20", "supplier": "acme",
        "level": "L1", "condition": "LATE", "what": f"acme.f{number} is late",
        "noticed_at": NOW - WAIT, "opened_at": NOW - WAIT, "connection": "acme_sftp",
    }  # fmt: skip
    return Member(**{**values, **more})  # type: ignore[arg-type]


def arranged(*waiting: Member, **more: object) -> Arrangement:
    values: dict[str, object] = {
        "beside": (), "groups": {}, "down": {}, "failing": set(), "wait": WAIT, "now": NOW,
    }  # fmt: skip
    return arrange(waiting, **{**values, **more})  # type: ignore[arg-type]


def test_one_feed_speaks_for_itself_once_it_has_waited() -> None:
    assert arranged(member(1)).alone == (member(1),)
    fresh = member(1, noticed_at=NOW)
    assert arranged(fresh).waiting == ((fresh, NOW + WAIT),)


def test_two_periods_of_one_feed_are_no_group() -> None:
    two = (member(1), member(2, feed="acme.f1", period="2026-11-19"))
    assert arranged(*two).alone == two


def test_the_first_that_has_waited_takes_the_others_along() -> None:
    first, fresh = member(1), member(2, noticed_at=NOW)
    assert arranged(first, fresh).founded == ((first, fresh),)


def test_a_page_takes_the_others_along_at_once() -> None:
    page, fresh = member(1, level="L2", noticed_at=NOW), member(2, noticed_at=NOW)
    assert arranged(page, fresh).founded == ((page, fresh),)


def test_one_told_alone_before_becomes_a_member() -> None:
    told, late = member(1), member(2)
    assert arranged(late, beside=(told,)).founded == ((told, late),)
    alone = member(1, groups=False)
    assert arranged(late, beside=(alone,)).alone == (late,)


def test_an_open_group_takes_in_at_once_and_a_dead_connection_before_it() -> None:
    fresh = member(3, noticed_at=NOW)
    assert arranged(fresh, groups={"acme": 7}).joined == {7: (fresh,)}
    down = {"acme_sftp": 9}
    assert arranged(fresh, groups={"acme": 7}, down=down).joined == {9: (fresh,)}


def test_what_may_be_our_own_doing_waits_however_loud_it_is() -> None:
    page = member(1, level="L3")
    assert arranged(page, failing={"acme_sftp"}).waiting == ((page, NOW),)


def test_a_group_is_as_loud_as_its_loudest_open_member_and_over_with_the_last() -> None:
    loud, quiet = member(1, level="L2"), member(2)
    assert tell_group("supplier", "acme", [loud, quiet]).level == "L2"
    over = member(1, level="L2", is_open=False)
    still = tell_group("supplier", "acme", [over, quiet])
    assert (still.level, still.is_over) == ("L1", False)
    ended = tell_group("supplier", "acme", [over, member(2, is_open=False)])
    assert (ended.level, ended.is_over) == ("L2", True)


def test_there_is_news_of_a_group_exactly_when_there_is_of_a_member() -> None:
    before = tell_group("supplier", "acme", [member(1), member(2)])
    assert tell_group("supplier", "acme", [member(1), member(2)]).condition == before.condition
    for news in (member(2, condition="ARRIVED"), member(2, is_open=False)):
        assert tell_group("supplier", "acme", [member(1), news]).condition != before.condition


MEMBERS = st.builds(
    member,
    st.integers(1, 60),
    supplier=st.sampled_from(["acme", "beta"]),
    level=st.sampled_from(["L1", "L2", "L3"]),
    connection=st.sampled_from(["one", "two", "three"]),
    groups=st.booleans(),
    noticed_at=st.integers(0, 5).map(lambda minutes: NOW - timedelta(minutes=minutes)),
)


@given(
    st.lists(MEMBERS, unique_by=lambda each: each.id),
    st.lists(MEMBERS.map(lambda each: member(each.id + 100, supplier=each.supplier)), max_size=4),
    st.sets(st.sampled_from(["one", "two"])),
    st.sets(st.sampled_from(["two", "three"])),
    st.sets(st.sampled_from(["acme", "beta"])),
    st.integers(0, 5),
)
def test_everything_that_waits_is_spoken_for_exactly_once(
    waiting: list[Member],
    beside: list[Member],
    down: set[str],
    failing: set[str],
    open_groups: set[str],
    minutes: int,
) -> None:
    found = arranged(
        *waiting,
        beside=beside,
        down=dict.fromkeys(sorted(down), 1000),
        failing=failing,
        groups=dict.fromkeys(sorted(open_groups), 2000),
        wait=timedelta(minutes=minutes),
    )
    spoken = [each for members in found.joined.values() for each in members]
    spoken += [each for members in found.founded for each in members]
    spoken += [*found.alone, *(each for each, _ in found.waiting)]
    asked = {each.id for each in waiting}
    assert sorted(each.id for each in spoken if each.id in asked) == sorted(asked)
    for members in found.founded:
        assert len({each.supplier for each in members}) == 1
        assert len({each.feed for each in members}) > 1
        assert members[0].supplier not in open_groups or not all(m.groups for m in members)
    for each, until in found.waiting:
        assert until > NOW or each.connection in failing
