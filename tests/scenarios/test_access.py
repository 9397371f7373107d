"""A diary of what a customer may use, from the failure to the end."""

from datetime import timedelta

from scenarios.link import pay_on_page, press
from scenarios.stage import START, Stage

from dunning.core.access import Level, Verdict, Why
from dunning.core.billing import Whose
from dunning.flows import staff
from dunning.flows.access import access


def verdict(stage: Stage, customer: str) -> Verdict:
    return access(stage.house, Whose(), customer).verdict


def test_access_goes_from_grace_over_a_promise_to_none_and_is_full_again_when_paid(stage: Stage) -> None:
    stage.policy(grace=timedelta(days=5))
    robin = stage.fails("lost_card")
    who = robin["customer"]
    assert verdict(stage, who) == Verdict(Level.GRACE, Why.PAYMENT_FAILED, START + timedelta(days=5))
    stage.pass_time(days=5)
    assert verdict(stage, who) == Verdict(Level.RESTRICTED, Why.GRACE_OVER)

    # Robin calls and promises to pay on the 15th: staff pause the recovery until then.
    until = START + timedelta(days=10)
    staff.pause(stage.house, stage.recovery(robin).id, until=until, why="promised", by="ada")
    assert verdict(stage, who) == Verdict(Level.GRACE, Why.PROMISED, until)

    # Nobody pays, and after the window the recovery is lost.
    stage.pass_time(days=10)
    assert verdict(stage, who) == Verdict(Level.NONE, Why.LOST)

    # Weeks later Robin follows the link after all: nobody would try a new card, so it leads to the invoice.
    stage.skip_time(hours=24 * 20, hop=24)
    hosted = press(stage, robin)
    assert "/invoice/" in hosted
    pay_on_page(hosted, "new")
    stage.settle()
    assert verdict(stage, who) == Verdict(Level.FULL, Why.NOTHING_OWED)


def test_while_we_only_watch_nobody_is_restricted(watching_stage: Stage) -> None:
    robin = watching_stage.fails("lost_card")
    watching_stage.skip_time(hours=24 * 20, hop=24)
    assert verdict(watching_stage, robin["customer"]) == Verdict(Level.GRACE, Why.WATCHED)
