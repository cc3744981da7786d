"""The demo's receivers are real servers on this machine; they keep what they are sent."""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import time
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from wharf.demo.receivers import FileServer, MailReceiver, WebReceiver

BODY = json.dumps({"kind": "late", "feed": "ember.permits", "text": "é"}).encode()


def post(address: str, body: bytes = BODY, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.post(f"{address}/hooks/desk", content=body, headers=headers)


def test_a_web_message_is_kept_with_headers_in_memory_and_file(tmp_path: Path) -> None:
    log = tmp_path / "messages" / "web.jsonl"
    with WebReceiver(log) as receiver:
        assert post(receiver.address, **{"Idempotency-Key": "17"}).status_code == 200
    (message,) = receiver.messages
    assert message.path == "/hooks/desk"
    assert message.body["feed"] == "ember.permits"
    assert message.headers["idempotency-key"] == "17"
    assert message.signed is None
    assert json.loads(log.read_text(encoding="utf-8"))["body"]["text"] == "é"


def signed(at: float, body: bytes = BODY) -> str:
    digest = hmac.new(b"secret", f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={int(at)},v1={digest}"


def test_a_right_signature_is_accepted(tmp_path: Path) -> None:
    with WebReceiver(tmp_path / "web.jsonl", secret="secret") as receiver:
        headers = {"X-Wharf-Signature": signed(time.time())}
        assert post(receiver.address, **headers).status_code == 200
    assert receiver.messages[0].signed is True


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"X-Wharf-Signature": "sha256=00"}, id="no time"),
        pytest.param({"X-Wharf-Signature": signed(time.time(), b"{}")}, id="of another body"),
        pytest.param({"X-Wharf-Signature": signed(time.time() - 3600)}, id="an hour old"),
    ],
)
def test_a_wrong_signature_is_refused_and_noted(tmp_path: Path, headers: dict[str, str]) -> None:
    with WebReceiver(tmp_path / "web.jsonl", secret="secret") as receiver:
        assert post(receiver.address, **headers).status_code == 400
    assert receiver.messages[0].signed is False


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    with WebReceiver(tmp_path / "web.jsonl") as receiver:
        assert post(receiver.address, b"hello").status_code == 400
    assert receiver.messages == []


def test_many_messages_at_once_are_all_kept(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with WebReceiver(tmp_path / "web.jsonl") as receiver, ThreadPoolExecutor(8) as pool:
        bodies = [json.dumps({"n": n}).encode() for n in range(40)]
        assert {r.status_code for r in pool.map(lambda b: post(receiver.address, b), bodies)} == {
            200
        }
    lines = (tmp_path / "web.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["body"]["n"] for line in lines) == list(range(40))


def test_a_mail_is_kept_with_subject_text_and_headers(tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Ember is late: é", "wharf@demo", "desk@demo"
    mail["In-Reply-To"] = "<first@wharf>"
    mail.set_content("Permits of 2026-11-21 are late.\n")
    mail.add_alternative("<p>late</p>", subtype="html")
    with MailReceiver(tmp_path / "mail.jsonl") as receiver:
        with smtplib.SMTP("127.0.0.1", receiver.port, timeout=10) as client:
            client.send_message(mail)
        (kept,) = receiver.mails
    assert (kept.sender, kept.recipients) == ("wharf@demo", ("desk@demo",))
    assert kept.subject == "Ember is late: é"
    assert kept.text.strip() == "Permits of 2026-11-21 are late."
    assert kept.headers["in-reply-to"] == "<first@wharf>"
    assert (
        json.loads((tmp_path / "mail.jsonl").read_text(encoding="utf-8"))["subject"] == kept.subject
    )


def test_a_folder_is_served_with_its_times(tmp_path: Path) -> None:
    (tmp_path / "parcels_20261116.xlsx").write_bytes(b"12345")
    with FileServer(tmp_path) as server, httpx.Client(trust_env=False) as client:
        answer = client.head(f"{server.address}/parcels_20261116.xlsx")
        assert answer.headers["content-length"] == "5"
        assert "last-modified" in answer.headers
        assert client.head(f"{server.address}/nothing.xlsx").status_code == 404


def test_servers_listen_on_this_machine_only_and_stop(tmp_path: Path) -> None:
    with FileServer(tmp_path) as server:
        assert server.address.startswith("http://127.0.0.1:")
    with httpx.Client(trust_env=False) as client, pytest.raises(httpx.ConnectError):
        client.get(server.address)
