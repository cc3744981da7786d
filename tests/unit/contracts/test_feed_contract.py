from __future__ import annotations

from pathlib import Path

import pytest

from wharf.contracts import Feed, load_project
from wharf.contracts.spec import build, parse_yaml
from wharf.errors import ContractError

CONTRACT = """
feed: acme.positions
active: {from: "2026-11-20", until: null}
table: raw.acme_positions
key: [account_id]
supplier: {id: acme, contacts: {late: ops@acme.example, after: L1}}
source: {kind: local, connection: acme_inbox, path: "pos_{period:%Y%m%d}_{part}.csv", parts: [a, b]}
format: {kind: csv, delimiter: ",", nulls: ["", "NO"]}
columns: {account_id: {type: string, required: true}, amount: {type: "decimal(18,2)"}}
period: {kind: business_day, calendar: nl_banking}
timeliness:
  {tz: Europe/Amsterdam, opens: "T+0 22:00", due: "T+1bd 06:30", grace: 20m, cutoff: "T+3bd 18:00"}
"""


def contract(**replaced: str) -> Feed:
    raw = parse_yaml(CONTRACT, "acme/positions.yaml")
    for key, value in replaced.items():
        raw[key] = parse_yaml(f"value: {value}", "value")["value"]
    return build(Feed, raw, "acme/positions.yaml")


def test_a_contract_reads_as_it_is_written() -> None:
    feed = contract()
    assert str(feed.timeliness[0].due) == "T+1bd 06:30"
    assert feed.timeliness[0].grace.total_seconds() == 1200
    assert feed.columns["amount"].type == "decimal(18, 2)"
    assert feed.active.until is None
    assert feed.dag_id == "feed__acme__positions"


def test_words_that_yaml_would_turn_into_booleans_stay_words() -> None:
    assert contract().format.nulls == ("", "NO")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("source", "{kind: ftp}", "acme/positions.yaml: source.kind is 'ftp'; use 'local', 'http'"),
        ("period", "{kind: bday}", "period.kind is 'bday'; use 'hour', 'day', 'business_day'"),
        ("table", "Positions", "table is 'Positions'"),
        ("key", "[nothing]", "key names unknown columns: nothing"),
        ("active", '{from: "20.11.2026"}', "'20.11.2026' is not a business_day; write it as 2026-11-20"),  # noqa: E501
        ("timeliness", "{tz: Mars/Olympus, opens: 'T 06:00', due: 'T 07:00', cutoff: 'T 08:00'}",
         "timeliness.0.tz is 'Mars/Olympus'; use an IANA time zone such as Europe/Amsterdam"),
        ("timeliness", "{tz: UTC, opens: '6:00', due: 'T 07:00', cutoff: 'T 08:00'}",
         "timeliness.0.opens is '6:00'; write it as T+1bd 06:30"),
    ],
    ids=["unknown-source", "unknown-period", "bad-table", "key-without-column", "bad-key", "bad-zone", "bad-clock"],  # noqa: E501
)  # fmt: skip
def test_a_mistake_is_named_with_field_value_and_choices(
    field: str, value: str, message: str
) -> None:
    with pytest.raises(ContractError) as caught:
        contract(**{field: value})
    assert message in str(caught.value)


def test_a_misspelt_key_is_refused_and_the_right_one_offered() -> None:
    with pytest.raises(ContractError, match="did you mean 'grace'"):
        contract(
            timeliness="{tz: UTC, opens: 'T 06:00', due: 'T 07:00', cutof: 'T 09:00', grce: 5m, cutoff: 'T 08:00'}"  # noqa: E501
        )


@pytest.mark.parametrize("path", ["../x_{period}", "/x_{period}", "a/../{period}", "~/{period}"])
def test_a_path_cannot_leave_the_root(path: str) -> None:
    with pytest.raises(ContractError, match="below the connection's root"):
        contract(source=f'{{kind: local, connection: c, path: "{path}"}}')


def test_later_terms_hold_from_their_period_on() -> None:
    feed = contract(
        timeliness="[{tz: UTC, opens: 'T 06:00', due: 'T 07:00', cutoff: 'T 08:00'}, "
        "{from: '2026-12-01', tz: UTC, opens: 'T 06:00', due: 'T 07:30', cutoff: 'T 08:00'}]"
    )
    assert str(feed.terms_for(feed.parse_period("2026-11-30")).due) == "T+0 07:00"
    assert str(feed.terms_for(feed.parse_period("2026-12-01")).due) == "T+0 07:30"


def test_one_broken_file_hides_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "dags/feeds/acme"
    folder.mkdir(parents=True)
    (tmp_path / "dags/calendars").mkdir()
    (tmp_path / "dags/calendars/nl_banking.yaml").write_text("calendar: nl_banking\n")
    (folder / "positions.yaml").write_text(CONTRACT)
    (folder / "broken.yaml").write_text("feed: [")
    (folder / "elsewhere.yaml").write_text(CONTRACT.replace("acme.positions", "acme.prices"))
    project = load_project(tmp_path)
    assert list(project.feeds) == ["acme.positions"]
    told = "\n".join(str(error) for error in project.invalid)
    assert "dags/feeds/acme/broken.yaml: not valid YAML" in told
    assert "so the file must be dags/feeds/acme/prices.yaml" in told


def test_the_shipped_project_is_valid() -> None:
    project = load_project(Path(__file__).parents[3])
    assert project.invalid == ()
    assert len(project.feeds) == 6
    assert [each.product for each in project.consumers("alder.parcels")] == ["parcel_facts"]
