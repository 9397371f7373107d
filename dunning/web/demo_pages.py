"""The buttons of the demo bar."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form
from pydantic import BaseModel, ConfigDict
from starlette.responses import RedirectResponse

from dunning.core.people import Right
from dunning.web.demo_bar import DemoBar
from dunning.web.rights import needs
from dunning.web.screen import back_to, own_path


class BackForm(BaseModel):
    """The page on which the button was pressed."""

    model_config = ConfigDict(extra="forbid")
    back: str = "/"


def demo_pages(demo: DemoBar) -> APIRouter:
    """Return the route of the demo bar's buttons."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])

    @router.post("/demo/{action}")
    def press(
        action: Literal["pause", "resume", "faster", "slower"],
        form: Annotated[BackForm, Form()],
    ) -> RedirectResponse:
        buttons = {
            "pause": demo.pause,
            "resume": demo.resume,
            "faster": demo.faster,
            "slower": demo.slower,
        }
        buttons[action]()
        return back_to(own_path(form.back))

    return router
