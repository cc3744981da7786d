"""Amazon SNS: one message for each notice, with attributes that subscriptions can filter by."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from threading import Lock
from typing import Any

from wharf.alerts.fitting import cut, fit, json_bytes
from wharf.alerts.message import Message
from wharf.alerts.safe_text import one_line
from wharf.alerts.sending import Sent, check_reach, timeout_of
from wharf.contracts.alerts import Channel
from wharf.errors import ChannelError, ChannelRefused
from wharf.settings import Connection

_ARN = re.compile(r"^arn:[a-z-]+:sns:([a-z0-9-]+):\d*:[A-Za-z0-9_-]{1,256}(\.fifo)?$")
_LONGEST_SUBJECT = 99
_LONGEST_ID = 128
_LONGEST_VALUE = 200
# All forms of the message together may have 256 KiB.
_LONGEST_FORM = 60_000
_LONGEST_SMS = 140
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]")
_ONE_CLIENT_AT_A_TIME = Lock()
_LATER = {
    "InternalError", "InternalErrorException", "InternalFailure", "KMSThrottling",
    "KMSThrottlingException", "RequestExpired", "RequestTimeout", "RequestTimeoutException",
    "ServiceUnavailable", "Throttled", "ThrottledException", "Throttling", "ThrottlingException",
}  # fmt: skip


def send_sns(
    channel: Channel,
    message: Message,
    connection: Connection,
    key: str,
    handle: Mapping[str, Any],
) -> Sent:
    """Publish a message to a topic.

    Args:
        channel: Its `topic`, or else the connection's extra `topic_arn`, is where to publish; one
            whose name ends in `.fifo` keeps the order of each feed and drops repetitions.
        message: Its `data` is the message for machines, its text the one for mail.
        connection: Login and password are the access key; without them the machine's own role is
            used. Extra `region_name`, `aws_session_token` and `endpoint_url` as in Airflow.
        key: Names the message; of a FIFO topic the deduplication id is made of it.
        handle: Not used: what was published cannot be changed.

    Raises:
        ChannelError: SNS cannot be reached, or says later.
        ChannelRefused: SNS refuses the message or the credentials.
    """
    from botocore.exceptions import (  # type: ignore[import-untyped]
        BotoCoreError,
        ClientError,
        ConnectionError,
        HTTPClientError,
    )
    from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

    topic = _topic(channel, connection)
    where = f"channel {channel.name!r} at SNS"
    try:
        answer = _client(channel, message, connection, topic).publish(
            **publication(message, topic, key)
        )
    except ClientError as error:
        told = error.response.get("Error", {})
        code = one_line(told.get("Code") or "no code", 100)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if code in _LATER or status in {408, 429} or status >= 500:
            raise ChannelError(f"{where} answered {code}", _seconds(headers)) from error
        raise ChannelRefused(f"{where} answered {code}") from error
    except ResponseParserError as error:
        raise ChannelError(f"{where}: what answered is not SNS") from error
    except (ConnectionError, HTTPClientError) as error:
        raise ChannelError(f"{where} cannot be reached: {type(error).__name__}") from error
    except (BotoCoreError, ValueError) as error:
        raise ChannelRefused(f"{where}: {type(error).__name__}") from error
    return Sent(one_line(answer["MessageId"], 100), handle=dict(handle))


def publication(message: Message, topic: str, key: str) -> dict[str, Any]:
    """The arguments of a publication, within the documented limits."""
    notice = message.notice
    state = "resolved" if message.is_resolved else "open"
    told = {
        "env": notice.env,
        "supplier": notice.supplier,
        "feed": notice.feed,
        "level": notice.level,
        "kind": notice.kind,
        "state": state,
        "action": notice.action,
    }
    text = _text(message)
    forms = {
        "default": _data(message, text),
        "email": text,
        "sms": cut(message.subject, _LONGEST_SMS),
    }
    sent: dict[str, Any] = {
        "TopicArn": topic,
        "Subject": cut(message.subject, _LONGEST_SUBJECT),
        "Message": json.dumps(forms, ensure_ascii=False),
        "MessageStructure": "json",
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": cut(one_line(value), _LONGEST_VALUE)}
            for name, value in told.items()
            if value.strip()
        },
    }
    if topic.endswith(".fifo"):
        sent["MessageGroupId"] = _id(notice.feed or notice.supplier or notice.kind)
        sent["MessageDeduplicationId"] = _id(key)
    return sent


def _data(message: Message, text: str) -> str:
    """The message for machines; where it is too long, without what the text tells again."""
    whole = json.dumps({**message.data, "text": text}, ensure_ascii=False)
    if json_bytes(whole) <= 2 * _LONGEST_FORM:
        return whole
    kept = {name: value for name, value in message.data.items() if isinstance(value, str | int)}
    short = {name: cut(v, 1_000) if isinstance(v, str) else v for name, v in kept.items()}
    return json.dumps({**short, "text": text, "cut": True}, ensure_ascii=False)


def _text(message: Message) -> str:
    told = fit(message.sections, _LONGEST_FORM // 2, _LONGEST_FORM // 4, json_bytes)
    return "\n\n".join(f"{title}\n{text}" for title, text in told) + "\n"


def _id(text: str) -> str:
    plain = _NOT_IN_IDS.sub("-", text)
    if plain == text and len(plain) <= _LONGEST_ID:
        return plain
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{plain[: _LONGEST_ID - 17]}-{digest}"


def _topic(channel: Channel, connection: Connection) -> str:
    topic = channel.topic or str(connection.extra.get("topic_arn") or "")
    if not _ARN.match(topic):
        raise ChannelRefused(
            f"channel {channel.name!r}: topic is {one_line(topic, 100)!r}; set `topic` in "
            "dags/alerts.yaml to an ARN such as arn:aws:sns:eu-west-1:123456789012:suppliers"
        )
    return topic


def _client(channel: Channel, message: Message, connection: Connection, topic: str) -> Any:
    from urllib.parse import urlsplit

    from botocore.config import Config  # type: ignore[import-untyped]

    extra = connection.extra
    endpoint = str(extra.get("endpoint_url") or "") or None
    check_reach(channel, message, urlsplit(endpoint or "https://sns.amazonaws.com").hostname or "")
    found = _ARN.match(topic)
    assert found is not None
    seconds = timeout_of(connection)
    credentials = {
        "aws_access_key_id": connection.login or None,
        "aws_secret_access_key": connection.password or None,
        "aws_session_token": str(extra.get("aws_session_token") or "") or None,
    }
    # The outbox tries again by itself, with longer pauses.
    config = Config(
        connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 1}
    )
    region = str(extra.get("region_name") or found[1])
    # Channels send beside each other, and a session may make one client at a time.
    with _ONE_CLIENT_AT_A_TIME:
        return _session().client(
            "sns", region_name=region, endpoint_url=endpoint, config=config, **credentials
        )


@lru_cache(maxsize=1)
def _session() -> Any:
    # It keeps the service's description, which takes longer to read than a message to send.
    import boto3  # type: ignore[import-untyped]

    return boto3.session.Session()


def _seconds(headers: Mapping[str, str]) -> float | None:
    asked = str(headers.get("retry-after") or "")
    return float(asked) if asked.isascii() and asked.isdigit() else None
