"""Bad input from both sides: each case names the state it ends in and the message it gives.

The supplier's files first, then our own contracts and suites. What is put right afterwards is
taken in by a plain run, and nothing that was right before is lost meanwhile.
"""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from harbour import CONTRACT, GOOD, SUITE, Harbour

from wharf.errors import AuditFailed, DeliveryMissing, DeliveryRefused, SuiteError
from wharf.ledger import arrivals
from wharf.settings import Connection
from wharf.watch.look import look_for

TWENTY = "".join(f"k{number:02d},{number}.00\n" for number in range(20)).encode()
READ = [("a", "1.50"), ("b", "2.25")]
EXCEL = CONTRACT.replace("{kind: csv}", "{kind: excel}").replace("*.csv", "*.xls")


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path / "place")


def test_a_row_that_is_not_valid_in_its_encoding_is_kept_aside(harbour: Harbour) -> None:
    harbour.deliver(b"id,price\n" + TWENTY + b"caf\xe9,1.00\n")
    harbour.run()
    [row] = harbour.batches()
    assert (row.status, row.rows_staged, row.rows_quarantined) == ("PUBLISHED", 20, 1)
    assert "it may be cp1252" in str(row.findings)
    assert harbour.state().delivery == "PUBLISHED"


def test_a_file_in_another_encoding_throughout_ends_in_quarantine_with_the_reason(
    harbour: Harbour,
) -> None:
    harbour.deliver(b"id,price\n" + b"".join(b"caf\xe9 %d,1.00\n" % number for number in range(9)))
    with pytest.raises(AuditFailed, match="9 for 'not valid in its encoding'") as caught:
        harbour.run()
    assert "Read: `wharf batch show" in str(caught.value)
    [row] = harbour.batches()
    assert (row.status, row.rows_staged, row.rows_quarantined) == ("QUARANTINED", 0, 9)
    assert harbour.state().delivery == "QUARANTINED"
    assert harbour.rows() == []

    harbour.write_contract(CONTRACT.replace("{kind: csv}", "{kind: csv, encoding: cp1252}"))
    harbour.run()
    assert len(harbour.rows()) == 9
    assert harbour.state().delivery == "PUBLISHED"


def test_a_file_with_nothing_but_its_header_is_a_delivery_without_rows(harbour: Harbour) -> None:
    harbour.deliver("id,price\n")
    harbour.run()
    assert harbour.state().delivery == "PUBLISHED"
    assert harbour.rows() == []


def zipped(*members: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member in members:
            archive.writestr(member, GOOD)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("contract", "name", "content", "reason", "next_step"),
    [
        (EXCEL, "prices_20261120.xls", b"<html><table><tr><td>id</td></tr></table></html>",
         "it is an HTML page, whatever its name says", "Ask the supplier for the agreed format"),
        (CONTRACT, "prices_20261120.csv", zipped("../prices.csv"),
         "a member leaves the archive: '../prices.csv'", "Do not open it by hand"),
        (CONTRACT, "prices_20261120.csv", zipped("a/../../prices.csv"),
         "a member leaves the archive: 'a/../../prices.csv'", "Do not open it by hand"),
        (CONTRACT, "prices_20261120.csv", b"id,pric\xe9\na,1.00\n",
         "no header with columns such as 'id', 'price'", "Compare with `columns`"),
    ],
    ids=["workbook that is HTML", "zip member above", "zip member around", "encoding of header"],
)  # fmt: skip
def test_a_file_that_holds_no_table_of_ours_is_refused_and_the_whole_one_accepted(
    tmp_path: Path, contract: str, name: str, content: bytes, reason: str, next_step: str
) -> None:
    harbour = Harbour(tmp_path / "place", contract=contract)
    harbour.deliver(content, name)
    with pytest.raises(DeliveryRefused) as caught:
        harbour.run()
    assert reason in str(caught.value)
    assert next_step in str(caught.value)
    [landed] = harbour.deliveries()
    assert landed.outcome == "refused"
    assert landed.reason.startswith(reason)
    assert harbour.state().delivery == "SEEN"
    assert reason in harbour.state().reason
    assert (harbour.batches(), harbour.rows()) == ([], [])
    assert not (tmp_path / "place" / "prices.csv").exists()

    harbour.write_contract(CONTRACT.replace("*.csv", "*"))
    harbour.wait(minutes=5)
    harbour.deliver(GOOD, name)
    harbour.run()
    assert harbour.rows() == READ
    assert harbour.state().delivery == "PUBLISHED"


def last_poll(harbour: Harbour) -> tuple[bool, str]:
    with harbour.place.ledger.read() as tx:
        poll = arrivals.polls_of(tx, "acme_inbox")[-1]
    return poll.ok, poll.error


def test_a_listing_that_leads_out_of_the_folder_is_not_followed_and_said(
    harbour: Harbour, tmp_path: Path
) -> None:
    (tmp_path / "secret.csv").write_text("id,price\nsecret,1.00\n")
    link = harbour.inbox / "prices_20261120.csv"
    link.symlink_to("../../secret.csv")
    with pytest.raises(DeliveryMissing):
        harbour.run()
    ok, told = last_poll(harbour)
    assert ok
    assert told == (
        "prices_20261120.csv (a link that leaves the connection's root); "
        "ask the supplier for plain files in their place"
    )
    assert harbour.state().delivery == "NONE"
    assert harbour.deliveries() == []

    link.unlink()
    harbour.deliver(GOOD)
    harbour.run()
    assert harbour.rows() == READ
    assert last_poll(harbour) == (True, "")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Tests print nothing."""


class Web(Harbour):
    """A harbour whose supplier has a web server."""

    port = 0

    def resolve(self, connection_id: str) -> Connection:
        return Connection(connection_id, "http", f"http://127.0.0.1:{self.port}/inbox/")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    contract = CONTRACT.replace("kind: local,", "kind: http, index: index.html,")
    harbour = Web(tmp_path / "place", contract=contract)
    served = partial(Quiet, directory=str(harbour.root))
    server = ThreadingHTTPServer(("127.0.0.1", 0), served)
    harbour.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield harbour
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_index_page_that_leads_above_its_address_is_not_followed_and_said(web: Web) -> None:
    (web.root / "prices_20261120.csv").write_text("id,price\nsecret,1.00\n")
    index = web.inbox / "index.html"
    index.write_text('<a href="../prices_20261120.csv">a</a><a href="%2e%2e/prices_20261120.csv">')
    with pytest.raises(DeliveryMissing):
        web.run()
    looked = look_for(web.place, web.feed, web.period, web.now)
    assert "acme_inbox: '../prices_20261120.csv' (a link that leaves" in str(looked)
    assert "'%2e%2e/prices_20261120.csv'" in last_poll(web)[1]
    assert "ask the supplier for plain files" in last_poll(web)[1]
    assert web.state().delivery == "NONE"

    index.write_text('<a href="prices_20261120.csv">prices</a>')
    web.deliver(GOOD)
    web.run()
    assert web.rows() == READ


def test_a_typo_in_a_contract_is_named_and_deliveries_go_on_under_the_last_valid_one(
    harbour: Harbour,
) -> None:
    harbour.tick()
    harbour.write_contract(CONTRACT.replace("columns:", "colums:"))
    harbour.deliver(GOOD)
    harbour.run()
    [error] = harbour.promises.project.invalid
    assert "dags/feeds/acme/prices.yaml: colums: unknown key; did you mean 'columns'?" in str(error)
    assert harbour.rows() == READ
    assert harbour.state().delivery == "PUBLISHED"
    harbour.write_contract(CONTRACT)
    assert harbour.promises.project.invalid == ()


def test_a_contract_that_never_was_valid_promises_nothing_until_it_is(tmp_path: Path) -> None:
    harbour = Harbour(tmp_path, contract=CONTRACT.replace("{kind: day}", "{kind: dya}"))
    harbour.tick()
    [error] = harbour.promises.project.invalid
    assert "period.kind is 'dya'; use 'hour', 'day', 'business_day'" in str(error)
    assert harbour.promises.feeds == {}
    harbour.write_contract(CONTRACT)
    harbour.deliver(GOOD)
    harbour.run()
    assert harbour.state().delivery == "PUBLISHED"


def test_a_deleted_contract_is_still_owed_and_its_delivery_still_taken_in(
    harbour: Harbour,
) -> None:
    harbour.tick()
    harbour.look()
    (harbour.root / "project/dags/feeds/acme/prices.yaml").unlink()
    harbour.wait(hours=5, minutes=1)
    harbour.tick()
    assert harbour.state().timeliness == "LATE"
    assert [each.kind for each in harbour.incidents()] == ["late"]
    harbour.deliver(GOOD)
    harbour.run()
    assert harbour.rows() == READ
    assert harbour.state().timeliness == "LATE_ARRIVED"
    assert harbour.promises.orphaned == ("acme.prices",)


def test_a_contract_file_renamed_alone_is_refused_with_its_right_place_and_stays_in_force(
    harbour: Harbour,
) -> None:
    harbour.tick()
    folder = harbour.root / "project/dags/feeds/acme"
    (folder / "prices.yaml").rename(folder / "quotes.yaml")
    promises = harbour.promises
    assert "so the file must be dags/feeds/acme/prices.yaml" in str(promises.project.invalid[0])
    assert (list(promises.feeds), promises.orphaned) == (["acme.prices"], ("acme.prices",))
    harbour.deliver(GOOD)
    harbour.run()
    assert harbour.state().delivery == "PUBLISHED"


def test_a_misspelt_expectation_leaves_the_batch_staged_until_the_suite_is_right(
    harbour: Harbour,
) -> None:
    [right] = SUITE["expectations"]
    wrong = {**right, "type": "expect_column_values_to_be_betwen"}
    harbour.write_suite({**SUITE, "expectations": [wrong]})
    harbour.deliver(GOOD)
    with pytest.raises(SuiteError) as caught:
        harbour.run()
    assert "expectations/acme/prices.json: expectation 1" in str(caught.value)
    assert "did you mean expect_column_values_to_be_between" in str(caught.value)
    [staged] = harbour.batches()
    assert (staged.status, harbour.state().delivery) == ("STAGED", "VALIDATING")
    harbour.write_suite(SUITE)
    harbour.run()
    [published] = harbour.batches()
    assert (published.batch_id, published.status) == (staged.batch_id, "PUBLISHED")
    assert harbour.rows() == READ
