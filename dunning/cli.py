"""The command line: what there is, in the order in which a stranger needs it, and how a run ends.

A command's own code is in `dunning.commands`, which imports what it uses inside the functions: `--help`
stays fast. Exit codes: 0 fine, 1 problems were found, 2 it could not run, 130 interrupted.
"""

import contextlib
import sys
from collections.abc import Sequence
from typing import Annotated, Final, NoReturn

import typer

from dunning import __version__
from dunning.commands import (
    analysing,
    arms,
    auditing,
    books,
    campaign_versions,
    campaigns,
    contacts,
    database,
    declines,
    desk,
    experiments,
    forecasts,
    health,
    hours,
    importing,
    judging,
    learning,
    mailing,
    money,
    people,
    personal_data,
    policies,
    queue,
    running,
    segments,
    setting_up,
    stripe_account,
    subscriptions,
    switching,
    tasks,
    texts,
    tokens,
    trying,
    uplifts,
    webhooks,
)
from dunning.commands.panels import Panels
from dunning.errors import DunningError, Refused, StripeError

TRY, RUN, OPERATE, MONEY = "Try it", "Run it", "Operate", "Money"
CANNOT_RUN: Final = 2
INTERRUPTED: Final = 130

app = typer.Typer(
    name="dunning",
    help="Recover failed subscription payments on Stripe: retries, reminders, a queue, and a report.",
    epilog="Settings come from the environment or dunning.toml; `dunning doctor` says what is missing.",
    cls=Panels,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature
    if wanted:
        typer.echo(f"dunning {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


def _group(name: str, text: str, panel: str) -> typer.Typer:
    group = typer.Typer(name=name, help=text, cls=Panels, no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(group, name=name, rich_help_panel=panel)
    return group


app.command("demo", rich_help_panel=TRY)(trying.demo)
app.command("sandbox", rich_help_panel=TRY)(trying.sandbox)

app.command("init", rich_help_panel=RUN)(setting_up.init)
app.command("doctor", rich_help_panel=RUN)(health.doctor)
app.command("serve", rich_help_panel=RUN)(running.serve)
app.command("web", rich_help_panel=RUN)(running.web)
app.command("worker", rich_help_panel=RUN)(running.worker)
app.command("clock", rich_help_panel=RUN)(running.clock)
_database = _group("db", "Set up the database, check it, back it up, restore it.", RUN)
_database.command("upgrade")(database.upgrade)
_database.command("check")(database.check)
_database.command("backup")(database.backup)
_database.command("restore")(database.restore)
_database.command("restored")(database.restored)
_stripe = _group("stripe", "Connect a Stripe account: key rights, webhooks.", RUN)
_stripe.command("permissions")(stripe_account.permissions)
_stripe.command("listen")(stripe_account.listen)
_webhook = typer.Typer(
    name="webhook", help="Manage the endpoint at Stripe.", no_args_is_help=True, rich_markup_mode=None
)
_stripe.add_typer(_webhook, name="webhook")
_webhook.command("create")(stripe_account.create_webhook)
app.command("version", rich_help_panel=RUN)(health.version)

app.command("mode", rich_help_panel=OPERATE)(switching.mode)
app.command("holdout", rich_help_panel=OPERATE)(experiments.holdout)
app.command("pause", rich_help_panel=OPERATE)(switching.pause)
app.command("resume", rich_help_panel=OPERATE)(switching.resume)
_segment = _group("segment", "Give kinds of invoices switches of their own.", OPERATE)
_segment.command("list")(segments.show_list)
_segment.command("export")(segments.export)
_segment.command("publish")(segments.publish)
_recoveries = _group("recoveries", "See failed invoices being collected, and act on one.", OPERATE)
_recoveries.command("list")(queue.show_list)
_recoveries.command("show")(queue.show)
_recoveries.command("retry")(queue.retry)
_recoveries.command("pause")(queue.pause)
_recoveries.command("resume")(queue.resume)
_recoveries.command("stop")(queue.stop)
_recoveries.command("conclude")(queue.conclude)
_recoveries.command("link")(queue.link)
_recoveries.command("assign")(desk.assign)
_recoveries.command("snooze")(desk.snooze)
_recoveries.command("wake")(desk.wake)
_recoveries.command("promise")(desk.promise)
_recoveries.command("note")(desk.note)
_recoveries.command("undo")(desk.undo)
_recoveries.command("write-off")(desk.write_off)
_recoveries.command("answer")(desk.answer)
_recoveries.command("paid-elsewhere")(desk.paid_elsewhere)
_recoveries.command("contact")(contacts.contact)
_recoveries.command("debt")(subscriptions.debt)
_recoveries.command("cancel")(subscriptions.cancel)
_campaign = _group("campaign", "Make, check, publish and date the messages that customers get.", OPERATE)
_campaign.command("export")(campaigns.export)
_campaign.command("validate")(campaigns.validate)
_campaign.command("plan")(campaigns.plan)
_campaign.command("list")(campaign_versions.show_list)
_campaign.command("publish")(campaign_versions.publish)
_campaign.command("diff")(campaign_versions.diff)
_campaign.command("choose")(campaign_versions.choose)
_campaign.command("ready-made")(campaign_versions.ready_made)
_campaign.command("move")(campaign_versions.move)
_campaign.command("hours")(hours.hours)
_tasks = _group("tasks", "What staff are asked to do: calls to make.", OPERATE)
_tasks.command("list")(tasks.show_list)
_tasks.command("done")(tasks.done)
_template = _group("template", "Read, change and preview the texts that customers get.", OPERATE)
_template.command("list")(texts.show_list)
_template.command("show")(texts.show)
_template.command("validate")(texts.validate)
_template.command("publish")(texts.publish)
_template.command("history")(texts.history)
_template.command("rollback")(texts.rollback)
_template.command("preview")(texts.preview)
_template.command("send-test")(texts.send_test)
app.command("look", rich_help_panel=OPERATE)(mailing.look)
_messages = _group("messages", "Messages that wait for approval, or whose fate nobody knows.", OPERATE)
_messages.command("list")(mailing.show_list)
_messages.command("approve")(mailing.approve)
_messages.command("refuse")(mailing.refuse)
_suppressed = _group(
    "suppressed", "Addresses that are not written to: bounced, complained, by hand.", OPERATE
)
_suppressed.command("list")(mailing.suppressed)
_suppressed.command("add")(mailing.suppress)
_suppressed.command("release")(mailing.release)
_declines = _group("declines", "What decline codes mean, and your own card rules.", OPERATE)
_declines.command("list")(declines.show_list)
_declines.command("validate")(declines.validate)
_declines.command("publish")(declines.publish)
_declines.command("export")(declines.export)
_policy = _group("policy", "Read, check and publish how retries are made.", OPERATE)
_policy.command("show")(policies.show)
_policy.command("validate")(policies.validate)
_policy.command("publish")(policies.publish)
_policy.command("export")(policies.export)
_listeners = _group("webhook", "Tell others what happens: signed webhooks, Slack, mail, Zendesk.", OPERATE)
_listeners.command("add")(webhooks.add)
_listeners.command("list")(webhooks.show_list)
_listeners.command("remove")(webhooks.remove)
_listeners.command("test")(webhooks.try_out)
_listeners.command("deliveries")(webhooks.deliveries)
_listeners.command("redeliver")(webhooks.redeliver)
_listeners.command("secret")(webhooks.secret)
_user = _group("user", "Who may use the pages, and as what.", OPERATE)
_user.command("add")(people.add)
_user.command("list")(people.show_list)
_user.command("role")(people.set_role)
_user.command("disable")(people.disable)
_user.command("enable")(people.enable)
_user.command("reset-link")(people.reset_link)
_user.command("sessions")(people.sessions)
_token = _group("token", "Tokens of programs that use the API.", OPERATE)
_token.command("create")(tokens.create)
_token.command("list")(tokens.show_list)
_token.command("revoke")(tokens.revoke)
_audit = _group("audit", "Who changed what, and whether the log is whole.", OPERATE)
_audit.command("list")(auditing.show_list)
_audit.command("verify")(auditing.verify)
_data = _group("data", "Personal data: retention, what is held about a person, erasure.", OPERATE)
_data.command("prune")(personal_data.prune)
_data.command("export")(personal_data.export)
_data.command("erase")(personal_data.erase)
_data.command("erasures")(personal_data.erasures)
app.command("reconcile", rich_help_panel=OPERATE)(stripe_account.reconcile)
_import = _group("import", "Bring in the past: history for the planner and the report.", OPERATE)
_import.command("stripe")(importing.from_stripe)
_import.command("csv")(importing.from_csv)
app.command("learn", rich_help_panel=OPERATE)(learning.learn)
app.command("backtest", rich_help_panel=OPERATE)(judging.backtest)

_report = _group("report", "Reports that tie to the cent.", MONEY)
_report.command("recovered")(money.recovered)
_report.command("incremental")(uplifts.incremental)
_report.command("arms")(arms.arms)
_report.command("at-risk")(forecasts.at_risk)
_report.command("cut")(books.cut)
_report.command("close")(books.close)
_report.command("reopen")(books.reopen)
_report.command("months")(books.list_months)
_report.command("prove")(books.prove)
_report.command("rebuild")(books.rebuild)
app.command("sql", rich_help_panel=MONEY)(analysing.sql)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; what went wrong is one sentence on stderr."""
    try:
        code = app(list(arguments), prog_name="dunning", standalone_mode=False)
    except typer.TyperException as error:
        return _complain(_usage(error))
    except Refused as error:
        return _complain(f"Stripe refused: {error} (`dunning doctor` looks closer.)")
    except StripeError as error:
        return _complain(f"Stripe could not be asked, and nothing was lost; try again. {error}")
    except DunningError as error:
        return _complain(str(error))
    except UnicodeEncodeError:
        return _complain("The command line holds bytes that are not UTF-8 text: write it again.")
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """Run the command line of this process, and end it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal that knows no ✓
    sys.exit(run(sys.argv[1:]))


def _complain(sentence: str) -> int:
    if sentence:
        with contextlib.suppress(BrokenPipeError):
            typer.echo(f"dunning: {' '.join(sentence.split())}", err=True)
    return CANNOT_RUN


def _usage(error: typer.TyperException) -> str:
    """Return what was wrong with the command line; a bare group has printed its help already."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message(), err=True)
        return ""
    hint = f" (See `{context.command_path} --help`.)" if context is not None else ""
    return f"{error.format_message()}{hint}"
