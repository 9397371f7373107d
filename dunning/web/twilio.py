"""`POST /webhooks/twilio`: what customers answer to text messages."""

from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Body, Header
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dunning.flows.house import House
from dunning.flows.texted import WEBHOOK, NotTwilio, hear_answer

NOTHING_TO_SAY: Final = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
MOST_FIELDS: Final = 200


def twilio_webhook(house: House) -> APIRouter:
    """Return the route; Twilio answers STOP to the customer by itself, so that we say nothing."""
    router = APIRouter(include_in_schema=False)

    @router.post(WEBHOOK)
    def answer(
        body: Annotated[bytes, Body(media_type="application/x-www-form-urlencoded")] = b"",
        signature: Annotated[str, Header(alias="x-twilio-signature")] = "",
    ) -> Response:
        try:
            fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
            hear_answer(house, dict(fields), signature)
        except ValueError as error:
            raise HTTPException(400, "The form cannot be read.") from error
        except NotTwilio as error:
            raise HTTPException(403, str(error)) from error
        return Response(NOTHING_TO_SAY, media_type="text/xml")

    return router
