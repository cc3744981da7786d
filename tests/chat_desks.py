"""Chats: Slack with its threads, its incoming webhook, and a Teams workflow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from channel_desk import HOST, Reply, WebDesk, check, utf16


class SlackDesk(WebDesk):
    """Slack's Web API: messages by channel and ts, threads, the limits of blocks."""

    kind = "slack"
    options: ClassVar[dict[str, Any]] = {"channel": "#desk"}
    secret = "xoxb-1-token"

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, dict[str, Any]] = {}
        """By ts: text, attachments, thread_ts and how often it was changed."""

    @property
    def parents(self) -> list[dict[str, Any]]:
        return [each for each in self.messages.values() if not each.get("thread_ts")]

    @property
    def replies(self) -> list[dict[str, Any]]:
        return [each for each in self.messages.values() if each.get("thread_ts")]

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        check(headers.get("authorization") == f"Bearer {self.secret}", "invalid_auth")
        check("application/json" in headers["content-type"], "invalid_post_type")
        content = json.loads(body)
        self._check(content)
        if path == "/api/chat.update":
            check(content["channel"] == "C0DESK", "channel_not_found")
            check(content["ts"] in self.messages, "message_not_found")
            stands = self.messages[content["ts"]]
            stands.update(content, changed=stands["changed"] + 1)
            ts = content["ts"]
        else:
            check(path == "/api/chat.postMessage", "unknown_method")
            check(content["channel"] in {"#desk", "C0DESK"}, "channel_not_found")
            parent = content.get("thread_ts")
            check(parent is None or parent in self.messages, "thread_not_found")
            ts = f"1732176000.{len(self.messages):06d}"
            self.messages[ts] = {**content, "changed": 0}
        self.texts.append(self._shown(content))
        told = {"ok": True, "channel": "C0DESK", "ts": ts}
        return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()

    def refuse(self, reason: str, status: int) -> Reply:
        return 200, {}, json.dumps({"ok": False, "error": reason}).encode()

    def _check(self, content: Mapping[str, Any]) -> None:
        check(0 < len(content["text"]) <= 4_000, "msg_too_long")
        blocks = [block for each in content["attachments"] for block in each["blocks"]]
        check(0 < len(blocks) <= 50, "invalid_blocks: how many")
        texts = list(self._texts(blocks))
        check(sum(utf16(each["text"]) for each in texts) <= 9_600, "msg_blocks_too_long")
        for each in texts:
            check(0 < utf16(each["text"]) <= 3_000, "invalid_blocks: must be less than 3001")
        for color in (each["color"] for each in content["attachments"]):
            check(bool(re.fullmatch(r"#[0-9a-f]{6}", color)), "invalid_attachments")
        for text in [content["text"], *self._marked(texts)]:
            bare = re.sub(r"<https?://[^<>|\s]+\|[^<>|]+>", "", text)
            check("<" not in bare and ">" not in bare, f"would be markup: {bare!r}")
            check(not re.search(r"&(?!amp;|lt;|gt;)", text), f"broken entity: {text!r}")

    def _texts(self, blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for block in blocks:
            check(block["type"] in {"section", "context"}, "invalid_blocks: type")
            yield from block.get("elements", [])
            yield from [block["text"]] if "text" in block else []

    def _marked(self, texts: list[dict[str, Any]]) -> list[str]:
        return [each["text"] for each in texts if each["type"] == "mrkdwn"]

    def _shown(self, content: Mapping[str, Any]) -> str:
        blocks = [block for each in content["attachments"] for block in each["blocks"]]
        return "\n".join([content["text"], *(each["text"] for each in self._texts(blocks))])


class SlackWebhookDesk(WebDesk):
    """Slack's incoming webhook: it answers `ok` and nothing can be changed later."""

    kind = "slack"

    @property
    def secret(self) -> str:  # type: ignore[override]
        return f"http://{HOST}:{self.port}/services/T0/B0/x"

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        check(path == "/services/T0/B0/x", "no_service")
        content = json.loads(body)
        check("channel" not in content, "invalid_payload")
        SlackDesk._check(SlackDesk.__new__(SlackDesk), content)
        self.texts.append(SlackDesk._shown(SlackDesk.__new__(SlackDesk), content))
        return 200, {"Content-Type": "text/html"}, b"ok"


class TeamsDesk(WebDesk):
    """A Teams workflow: Adaptive Cards of at most 28 KB, answered by 202 and nothing else."""

    kind = "teams"

    @property
    def secret(self) -> str:  # type: ignore[override]
        return f"http://{HOST}:{self.port}/workflows/1/triggers/manual/paths/invoke?sig=abc"

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        check(query == "sig=abc", "unauthorized")
        check(len(body) <= 28 * 1024, "RequestEntityTooLarge")
        # Teams keeps its messages as UTF-16, and does not say which size it means.
        check(utf16(body.decode()) * 2 <= 28 * 1024, "RequestEntityTooLarge")
        content = json.loads(body)
        check(content["type"] == "message", "type")
        (attachment,) = content["attachments"]
        check(attachment["contentType"] == "application/vnd.microsoft.card.adaptive", "contentType")
        card = attachment["content"]
        check(card["type"] == "AdaptiveCard" and card["version"] == "1.4", "card")
        shown = list(self._shown(card["body"]))
        for action in card.get("actions", []):
            check(action["type"] == "Action.OpenUrl", "action")
            check(action["url"].startswith(("http://", "https://")), "action is no web address")
        check(len(card.get("actions", [])) <= 6, "too many actions")
        check("entities" not in card["msteams"], "would mention somebody")
        self.texts.append("\n".join(shown))
        return 202, {}, b""

    def _shown(self, body: list[dict[str, Any]]) -> Iterator[str]:
        for each in body:
            if each["type"] == "Container":
                yield from self._shown(each["items"])
                continue
            # Only text runs are shown without reading Markdown.
            check(each["type"] == "RichTextBlock", f"{each['type']} reads Markdown")
            for run in each["inlines"]:
                check(run["type"] == "TextRun" and bool(run["text"]), "TextRun")
                yield run["text"]
