"""The pages of reports, campaigns, mail and settings, read in German: no known text is left in English."""

from starlette.testclient import TestClient
from web.test_staff_pages_translated import browser, leftovers

from dunning.core.report_words import Subject

__all__ = ["browser"]
PATHS = (
    "/campaigns /campaigns/standard /campaigns/-/draft /messages /messages?tab=unknown /messages?tab=failed "
    "/messages?tab=sent /messages/texts /messages/look /messages/suppressed /reports/recovered-revenue "
    "/reports/recovered-revenue?basis=cash&net=true&group_by=decline_code /reports/cuts /reports/months "
    "/reports/recovered-revenue/payments?figure=failed /reports/cuts/behind?figure=failed "
    "/reports/proof /reports/outlook /reports/at-risk /reports/experiments /reports/learned /settings "
    "/settings/card-rules /settings/people /settings/tokens /settings/webhooks /settings/jobs /settings/audit"
).split()


def test_reports_campaigns_mail_and_settings_are_german(browser: tuple[TestClient, list[str]]) -> None:
    client, ids = browser
    paths = [*PATHS, *(f"/reports/cuts?subject={subject}&by=all" for subject in Subject)]
    paths += [f"/recoveries/{ids[0]}/{page}" for page in ("events", "contacts")]
    found = {}
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert '<html lang="de">' in answer.text, path
        found[path] = sorted(set(leftovers(answer.text)))
    assert not {path: said for path, said in found.items() if said}
