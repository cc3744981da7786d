"""Looking through quarantine, versions and the trail over HTTP; sending corrected rows back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest
from board_powers import Lent
from board_server import LocalServer, everybody
from harbour import Harbour

from wharf.board import build_app
from wharf.ledger import decisions

HOSTILE = "<script>alert(1)</script>"
PERIOD = "/feeds/acme.prices/2026-11-20"
ROWS = "".join(f"k{number:03d},{number}.00\n" for number in range(999))


@pytest.fixture(scope="module")
def lent(tmp_path_factory: pytest.TempPathFactory) -> Lent:
    return Lent(tmp_path_factory.mktemp("lent"), may={"ada": {"*"}, "vera": set()})


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Harbour:
    made = Harbour(tmp_path_factory.mktemp("harbour"))
    made.deliver("id,price\na,1.50\nb,2.25\n")
    made.run()
    made.wait(minutes=5)
    bad = "".join(f"bad{number},{HOSTILE}\n" for number in range(60))
    made.deliver(f"id,price\na,9.99\n{ROWS}{bad}y,1,2\n")
    made.run()
    return made


@pytest.fixture(scope="module")
def board(harbour: Harbour, lent: Lent) -> Iterator[httpx.Client]:
    app = build_app(harbour.settings, everybody, lambda: harbour.now, lent.powers)
    with LocalServer(app) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        client.headers["X-User"] = "ada"
        yield client


def test_rows_in_quarantine_are_paged_and_filtered_and_stay_text(board: httpx.Client) -> None:
    assert "acme.prices" in board.get("/quarantine").text
    page = board.get(f"{PERIOD}/quarantine").text
    assert "61 of 1,061 rows are in quarantine" in page
    assert "page 1 of 2" in page
    assert HOSTILE not in page
    assert HOSTILE in unescape(page)
    ragged = board.get(f"{PERIOD}/quarantine", params={"reason": "too many fields"}).text
    assert "y,1,2" in ragged
    assert "bad1," not in ragged
    for odd in ({"page": "99999999999"}, {"reason": "' OR 1=1"}, {"file": "\x00"}, {"batch": "x"}):
        assert board.get(f"{PERIOD}/quarantine", params=odd).status_code in {200, 404}


def test_the_table_to_correct_holds_what_the_page_shows(board: httpx.Client) -> None:
    answer = board.get(f"{PERIOD}/quarantine/csv", params={"column": "price"})
    assert len(answer.text.splitlines()) == 61
    assert "attachment" in answer.headers["content-disposition"]
    assert board.get(f"{PERIOD}/quarantine/exe").status_code == 404


def test_versions_are_listed_and_compared(board: httpx.Client, harbour: Harbour) -> None:
    page = board.get(f"{PERIOD}/versions").text
    assert "restatement" in page
    first, second = harbour.batches()[:2]
    asked = {"was": first.batch_id, "now": second.batch_id}
    told = board.get(f"{PERIOD}/versions", params=asked).text
    assert re.search(r"999 added, 1 removed, 1 changed</strong>, by id", told)
    assert "There is nothing" not in told
    assert "has no batch or version" in board.get(f"{PERIOD}/versions", params={"was": "x"}).text


def test_the_trail_leads_from_a_batch_to_the_supplier_and_to_the_line(
    board: httpx.Client, harbour: Harbour
) -> None:
    batch = harbour.batches()[1]
    page = board.get(f"/trace/{batch.batch_id}").text
    for word in ("delivery", "arrival", "supplier", "acme", harbour.deliveries()[1].sha256):
        assert word in page
    asked = {"file": "prices_20261120.csv", "line": "1002"}
    line = board.get(f"/trace/{batch.batch_id}", params=asked).text
    assert "bad0,&lt;script&gt;" in line
    for what in (harbour.deliveries()[0].sha256, str(harbour.deliveries()[0].seq)):
        assert "acme" in board.get("/trace", params={"what": what}).text
    assert "Nothing is known" in board.get("/trace", params={"what": HOSTILE}).text


def test_corrected_rows_are_taken_with_a_reason_and_a_run_reads_them(
    board: httpx.Client, harbour: Harbour, lent: Lent
) -> None:
    text = "wharf_file,wharf_line,id,price\nprices_20261120.csv,1002,bad0,1\n"
    files = {"file": ("fixed.csv", text)}
    token = board.get("/api/token").json()["token"]
    where = f"{PERIOD}/quarantine"
    assert board.post(where, files=files, data={"reason": "x"}).status_code == 403
    refused = board.post(where, files=files, data={"token": token, "reason": " "})
    assert refused.status_code == 422
    vera = {"X-User": "vera"}
    other = board.get("/api/token", headers=vera).json()["token"]
    given = {"token": other, "reason": "x"}
    assert board.post(where, files=files, data=given, headers=vera).status_code == 403
    assert lent.started == []
    taken = board.post(where, files=files, data={"token": token, "reason": "they called"})
    assert "1 rows corrected" in taken.text
    [(dag, key, cause)] = lent.started
    assert (dag, key, cause[:7]) == ("feed__acme__prices", "2026-11-20", "replay-")
    again = board.post(where, files=files, data={"token": token, "reason": "they called"})
    assert "nothing is left to do" in again.text
    harbour.run()
    assert harbour.batches()[-1].rows_quarantined == 60
    with harbour.place.ledger.read() as tx:
        [row] = decisions.decisions_of(tx, "acme.prices")
    assert (row.kind, row.by, row.reason) == ("replay", "ada", "they called")
