"""Guards taken out, one or two at a time: the test of the tests.

Each bug says which guard it takes out, and at which seed the simulation sees it. Where no seed does,
`covered` says which second guard makes the first one's loss harmless, or `seen_by` names the test that takes
the guard out where the simulation does not come by.
"""

from dataclasses import dataclass
from typing import Final

from simulation import seeded_guards as guards
from simulation.seeded_guards import Remove


@dataclass(frozen=True)
class Bug:
    """A guard that is taken out of a city before it is played."""

    name: str
    remove: Remove
    seed: int | None = None
    sign: str = ""  # what the verdict says of it, among other things
    customers: int = 6
    covered: str = ""
    seen_by: str = ""  # file::test


BUGS: Final = (
    Bug(
        "a charge is asked again under a new key",
        guards.new_key_when_asked_again,
        3,
        "the books say ('paid', None), we say None",
    ),
    Bug("keys are random", guards.random_key, 3, "every charge has its key"),
    Bug(
        "'it never happened' is concluded at once",
        guards.unknown_is_forgotten,
        covered=(
            "Late effects end in minutes, the next charge is hours away; until then the event that "
            "carries the key tells."
        ),
    ),
    Bug(
        "not knowing is taken for a refusal",
        guards.unknown_counts_as_declined,
        covered=(
            "The event that carries the key tells what became of it, and corrects the row (with both "
            "gone it is seen)."
        ),
    ),
    Bug("nobody takes up what a dead worker left", guards.no_janitor, 3, "still attempting"),
    Bug(
        "leases are not looked at",
        guards.no_lease,
        covered="The fence refuses the older holder's record, and the key makes a second asking a question.",
    ),
    Bug("fences of attempts are not looked at", guards.no_fence, 204, "we say None", 10),
    Bug("neither leases nor fences of attempts", guards.neither_lease_nor_fence, 204, "we say None", 10),
    Bug(
        "fences of events are not looked at",
        guards.no_fence_on_events,
        covered="What an event does is named by its source: done twice it is done once.",
    ),
    Bug(
        "the index of unfinished attempts is gone",
        guards.no_index_of_unfinished,
        1,
        "the database keeps its own guards",
    ),
    Bug("nobody looks for an unfinished attempt", guards.no_look_for_unfinished, 3, "still attempting"),
    Bug(
        "neither index of nor look for unfinished attempts",
        guards.two_attempts_at_once,
        1,
        "the database keeps its own guards",
    ),
    Bug(
        "the index of open recoveries is gone",
        guards.no_index_of_open,
        1,
        "the database keeps its own guards",
    ),
    Bug(
        "a frozen charge is asked whatever came meanwhile",
        guards.charged_whatever_happened,
        seen_by="tests/flows/test_frozen.py::test_without_that_look_it_leaves",
    ),
    Bug(
        "nothing is read before a charge",
        guards.no_look_before_a_charge,
        3,
        "was asked though its invoice had long been paid",
        12,
    ),
    Bug("Stripe's own retries are not minded", guards.two_collectors, 22, "was asked in Stripe's turn", 10),
    Bug(
        "cards that must not be tried are tried",
        guards.stopped_cards_are_charged,
        seen_by="tests/flows/test_card_limits.py::test_without_the_card_s_stop_each_of_its_invoices_is_tried",
    ),
    Bug(
        "an older reading replaces a newer one",
        guards.older_reads_win,
        48,
        "has the status paid, and we show open",
        12,
    ),
    Bug(
        "events are never compared with Stripe's list",
        guards.no_reconciliation,
        16,
        ", we None",
        8,
    ),
    Bug("a lost bell stays lost", guards.lost_bells_stay_lost, 1, "is still "),
    Bug(
        "money of one source is entered again",
        guards.money_is_entered_again,
        1,
        "dispute is 13092 in the books, 26184 with us",
    ),
    Bug(
        "what is taken back has the wrong sign",
        guards.refunds_have_the_wrong_sign,
        1,
        "an amount has the sign of its kind",
    ),
    Bug(
        "what is taken back is ignored",
        guards.refunds_are_ignored,
        1,
        "dispute is 13092 in the books, 0 with us",
    ),
    Bug(
        "a refund before its payment is forgotten",
        guards.refunds_before_their_payment_are_forgotten,
        7,
        "in the books, 0 with us",
        8,
    ),
    Bug(
        "void and written-off invoices are not followed",
        guards.endings_are_not_followed,
        9,
        "is void, and its recovery",
        10,
    ),
    Bug(
        "everything is credited to us",
        guards.all_is_ours,
        2,
        ", we our_retry",
    ),
    Bug(
        "keys in events tell nothing of an unknown charge",
        guards.keys_in_events_are_not_read,
        covered="The invoice and its last charge are read, too, and the same key is asked again.",
    ),
    Bug(
        "keys in events tell nothing of who paid",
        guards.origin_is_not_read,
        covered=(
            "Our own answer names us, and of a lost answer the look at the attempt does (with both "
            "gone it is seen)."
        ),
    ),
    Bug(
        "not knowing is a refusal, and keys in events tell nothing",
        guards.refusals_without_keys,
        3,
        "the books say ('paid', None), we say None",
    ),
    Bug(
        "a payment during our charge is not heard again",
        guards.the_payment_is_not_heard_again,
        seen_by="tests/flows/test_frozen.py::test_a_payment_during_a_charge_that_is_refused_for_good_is_heard_again",
    ),
    Bug("anybody may post", guards.anybody_may_post, 1, "refund is 0 in the books, 7 with us"),
    Bug("an old post is taken again", guards.old_posts_are_taken, 1, "refund is 0 in the books, 7 with us"),
    Bug(
        "an event is kept as often as it comes",
        guards.events_are_kept_twice,
        covered="What an event does is named by its source: done twice it is done once.",
    ),
    Bug("a mail whose sender died is sent again", guards.a_mail_is_taken_again, 10, "was sent 2 times", 8),
    Bug(
        "a step is planned as often as it is due",
        guards.steps_are_planned_again,
        covered=(
            "A city's campaign is planned in the transaction that opens the recovery. Steps that follow "
            "retries, which no city has, are looked for first, while the recovery is held."
        ),
    ),
    Bug(
        "messages go out whatever came meanwhile",
        guards.messages_are_sent_whatever_happened,
        covered=(
            "Planned messages are skipped in the transaction that closes the recovery (with both gone "
            "it is seen)."
        ),
    ),
    Bug(
        "planned messages stay planned when a recovery is closed",
        guards.planned_messages_stay_planned,
        covered="Before it goes out a message asks whether it is still wanted (with both gone it is seen).",
    ),
    Bug(
        "whoever has paid is written to all the same",
        guards.whoever_has_paid_is_dunned,
        1,
        "no message after the recovery was closed",
    ),
    Bug(
        "a part is booked a cent too high",
        guards.parts_are_counted_whole,
        1,
        "a recovered invoice has its money in the ledger",
    ),
    Bug("the queue is not told", guards.the_queue_is_not_told, 1, "the queue has a line for each recovery"),
    Bug(
        "the ledger's triggers are gone",
        guards.the_ledger_may_be_rewritten,
        1,
        "the database keeps its own guards",
    ),
)
