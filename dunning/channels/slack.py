"""Alerts to staff by a Slack incoming webhook; Mattermost and others take the same."""

import json

from dunning.channels.guarded import Answer, post


def tell_slack(url: str, text: str) -> Answer:
    """Post one alert; the URL is the operator's own setting, and may be one of the own network.

    Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks

    Raises:
        NotSent: it was certainly not taken.
        UnknownOutcome: it may have been.
    """
    body = json.dumps({"text": escaped(text)}, ensure_ascii=False).encode()
    return post(url, body, {"content-type": "application/json"}, private=True)


def escaped(text: str) -> str:
    """Return text in which Slack sees no mention and no link. Source: its "escaping text"."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
