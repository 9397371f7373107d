"""Files that a page offers to keep."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from dunning.core.sheet import Sheet
from dunning.errors import Unusable
from dunning.flows.export_files import MEDIA, Form, write


def attached(sheet: Sheet, form: Form) -> Response:
    """Return a sheet as a file to keep; a format whose extra is missing is refused in words."""
    try:
        body = write(sheet, form)
    except Unusable as problem:
        raise HTTPException(422, str(problem)) from None
    headers = {"content-disposition": f'attachment; filename="{sheet.name}.{form.value}"'}
    return Response(body, media_type=MEDIA[form], headers=headers)
