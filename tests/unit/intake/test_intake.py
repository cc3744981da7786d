from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from tests.harbour import CONTRACT, GOOD, Harbour

from wharf.errors import AuditFailed, DeliveryMissing, DeliveryRefused, NothingNew


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path)


def test_a_good_delivery_is_read_after_its_publication_and_not_before(harbour: Harbour) -> None:
    harbour.deliver(GOOD)
    harbour.look()
    for name, step in harbour.steps():
        assert harbour.rows() == [], name
        step()
    assert harbour.rows() == [("a", "1.50"), ("b", "2.25")]
    assert harbour.state().delivery == "PUBLISHED"
    assert harbour.state().timeliness == "ON_TIME"


def test_every_step_may_be_repeated(harbour: Harbour) -> None:
    harbour.deliver(GOOD)
    harbour.look()
    for _, step in harbour.steps():
        step()
        step()
    before = harbour.snapshot()
    harbour.run()
    assert harbour.snapshot() == before
    assert len(harbour.batches()) == 1
    assert len(harbour.deliveries()) == 1


def test_the_same_bytes_under_another_name_are_a_duplicate_and_change_nothing(
    harbour: Harbour,
) -> None:
    harbour.deliver(GOOD)
    harbour.run()
    before = harbour.snapshot()
    harbour.wait(minutes=5)
    harbour.deliver(GOOD, "prices_20261120_again.csv")
    with pytest.raises(NothingNew, match="bytes of version 1"):
        harbour.run()
    assert [each.verdict for each in harbour.deliveries()] == ["NEW", "DUPLICATE"]
    assert harbour.snapshot() == before


def test_restated_and_taken_back_ends_with_the_first_bytes(harbour: Harbour) -> None:
    for text in (GOOD, "id,price\na,9.99\n", GOOD):
        harbour.deliver(text)
        harbour.run()
        harbour.wait(minutes=5)
    landed = harbour.deliveries()
    assert [each.verdict for each in landed] == ["NEW", "RESTATEMENT", "RESTATEMENT"]
    assert [each.version for each in landed] == [1, 2, 3]
    assert landed[-1].reverts_to == 1
    assert harbour.rows() == [("a", "1.50"), ("b", "2.25")]


def test_a_failed_audit_leaves_readers_on_the_old_batch(harbour: Harbour) -> None:
    harbour.deliver(GOOD)
    harbour.run()
    before = harbour.snapshot()
    harbour.wait(minutes=5)
    harbour.deliver("id,price\na,-1.00\n")
    with pytest.raises(AuditFailed, match="is in quarantine"):
        harbour.run()
    assert harbour.snapshot() == before
    assert harbour.batches()[-1].status == "QUARANTINED"
    assert Path(harbour.batches()[-1].results).exists()


def test_rows_that_cannot_be_read_are_kept_aside_and_the_rest_is_published(
    harbour: Harbour,
) -> None:
    good = "".join(f"k{number:02d},{number}.00\n" for number in range(20))
    harbour.deliver(f"id,price\n{good}x,not a price\n")
    harbour.run()
    row = harbour.batches()[-1]
    assert (row.rows_in_file, row.rows_staged, row.rows_quarantined) == (21, 20, 1)
    assert len(harbour.rows()) == 20


def test_too_many_broken_rows_quarantine_the_whole_batch(harbour: Harbour) -> None:
    harbour.deliver("id,price\na,1.00\nb,x\n")
    with pytest.raises(AuditFailed, match="1 of 2 rows are in quarantine"):
        harbour.run()
    assert harbour.rows() == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(GOOD.encode() * 500)[:-20], "gz"),
        (b"id,id\na,1\n", "id"),
        (b"wrong,header\n1,2\n", "header"),
        (b"<html><body>Sorry</body></html>", "HTML"),
    ],
    ids=["truncated-gz", "duplicated-header", "wrong-header", "html"],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_reason(
    harbour: Harbour, content: bytes, reason: str
) -> None:
    harbour.deliver(content)
    with pytest.raises(DeliveryRefused) as caught:
        harbour.run()
    assert reason.lower() in str(caught.value).lower()
    [landed] = harbour.deliveries()
    assert landed.outcome == "refused"
    assert harbour.rows() == []
    assert harbour.state().problem is not None
    kinds = {each.kind: each for each in harbour.incidents()}
    assert kinds["quality"].resolved_at is None

    harbour.wait(minutes=10)
    harbour.deliver(GOOD)
    harbour.run()
    assert harbour.state().delivery == "PUBLISHED"
    assert all(each.resolved_at for each in harbour.incidents())


def test_an_empty_file_is_no_delivery(harbour: Harbour) -> None:
    harbour.deliver("")
    with pytest.raises(DeliveryMissing, match="missing"):
        harbour.run()
    assert harbour.state().complete_at is None


def test_bytes_of_another_period_are_refused_for_good_where_the_contract_says_so(
    tmp_path: Path,
) -> None:
    rule = "on_arrival: {same_as_previous: refuse}\n"
    harbour = Harbour(tmp_path, contract=CONTRACT + rule)
    harbour.deliver(GOOD)
    harbour.run()
    harbour.wait(days=1)
    harbour.day = "2026-11-21"
    harbour.deliver(GOOD, "prices_20261121.csv")
    for _ in range(2):
        with pytest.raises(DeliveryRefused, match=r"bytes are those of period 2026-11-20\. Ask"):
            harbour.run()
    assert harbour.state().delivery == "SEEN"
    assert len(harbour.rows()) == 2
    harbour.write_contract(CONTRACT)
    harbour.run()
    assert harbour.state().delivery == "PUBLISHED"


def test_a_new_column_is_evolved_and_noted(harbour: Harbour) -> None:
    harbour.deliver(GOOD)
    harbour.run()
    harbour.wait(minutes=5)
    harbour.deliver("id,price,Flood Zone\na,1.50,X\n")
    harbour.run()
    names = [column.name for column in harbour.place.lake.schema("raw.acme_prices")]
    assert "flood_zone" in names
    assert "flood_zone" in str(harbour.batches()[-1].findings).lower().replace(" ", "_")


def test_a_file_handed_in_is_taken_in_like_any_other(harbour: Harbour, tmp_path: Path) -> None:
    from wharf import intake

    harbour.look()
    file = tmp_path / "by hand.csv"
    file.write_text(GOOD)
    landed = intake.hand_in(harbour.place, harbour.feed, harbour.period, "", file, now=harbour.now)
    assert landed.verdict == "NEW"
    harbour.run()
    assert len(harbour.rows()) == 2


def test_a_batch_notes_what_its_files_were_and_whose_bytes_they_have(tmp_path: Path) -> None:
    harbour = Harbour(tmp_path)
    harbour.deliver(b"\xef\xbb\xbf" + GOOD.encode())
    harbour.run()
    [sniffed] = harbour.batches()[-1].origin["sniffed"]
    assert sniffed["bom"] is True
    assert (sniffed["encoding"], sniffed["delimiter"]) == ("utf-8", ",")
    assert sniffed["columns"] == ["id", "price"]
    harbour.wait(days=1)
    harbour.day = "2026-11-21"
    harbour.deliver(b"\xef\xbb\xbf" + GOOD.encode(), "prices_20261121.csv")
    harbour.run()
    [finding] = [each for each in harbour.batches()[-1].findings if "bytes" in each["message"]]
    assert finding["kind"] == "same_as_period"
    assert finding["message"] == "the file has the bytes of period 2026-11-20"
