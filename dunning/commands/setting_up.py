"""The command that writes dunning.toml: asks what is needed, says which rights the key needs, checks."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from dunning.commands import console, health, stripe_account
from dunning.errors import Unusable


@dataclass(frozen=True, slots=True)
class _Answer:
    """One thing that init asks for; secrets are typed unseen."""

    field: str
    variable: str
    question: str
    secret: bool = False
    required: bool = False


ASKED: Final = (
    _Answer("stripe_api_key", "STRIPE_API_KEY", "Restricted key (rk_…)", secret=True, required=True),
    _Answer(
        "stripe_webhook_secret", "STRIPE_WEBHOOK_SECRET", "Webhook signing secret (whsec_…)", secret=True
    ),
    _Answer("public_url", "DUNNING_PUBLIC_URL", "Public URL of this installation (https://…)"),
    _Answer("mail_from", "DUNNING_MAIL_FROM", "Sender of messages (Acme <billing@acme.example>)"),
)
HEAD: Final = "# Written by `dunning init`. The environment wins over this file; keep it private.\n"


def init(
    *,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Ask nothing: take STRIPE_API_KEY and the others from the environment."),
    ] = False,
) -> None:
    """Write dunning.toml for your Stripe account (asks; the key is typed unseen), then run the doctor."""
    from dunning.settings import Settings

    if not yes and not sys.stdin.isatty():
        raise Unusable(
            "init asks questions: run it in a terminal, or with --yes and the settings in the environment."
        )
    path = Path(os.environ.get("DUNNING_CONFIG") or "dunning.toml")
    _may_write(path, yes=yes)
    if not yes:
        console.say("dunning needs a restricted key with these rights:\n")
        stripe_account.permissions()
        console.say()
    values = _from_environment() if yes else _asked()
    _write(path, HEAD + "".join(f"{name} = {json.dumps(text)}\n" for name, text in values.items()))
    console.say(f"Wrote {path}, readable by you only.\n")
    settings = Settings.load(os.environ | {"DUNNING_CONFIG": str(path)})
    if not health.report(health.examine(settings), as_json=False):
        raise typer.Exit(1)


def _may_write(path: Path, *, yes: bool) -> None:
    if not path.exists():
        return
    if yes:
        raise Unusable(f"{path} exists already: remove it, or run `dunning init` without --yes to be asked.")
    if not typer.confirm(f"{path} exists already. Replace it?"):
        raise Unusable(f"{path} was left as it is.")


def _from_environment() -> dict[str, str]:
    from dunning.settings import Settings, environment_name

    environ = dict(os.environ)
    environ.setdefault("STRIPE_API_KEY", environ.get("STRIPE_SECRET_KEY", ""))
    named = {field: environment_name(field) for field in Settings.model_fields if field != "config"}
    values = {field: environ[name] for field, name in named.items() if environ.get(name)}
    for answer in ASKED:
        if answer.required and answer.field not in values:
            raise Unusable(f"{answer.variable} is missing: with --yes it comes from the environment.")
        _refuse_unusable(answer, values.get(answer.field, ""))
    return values


def _asked() -> dict[str, str]:
    given = {answer.field: _ask(answer, os.environ) for answer in ASKED}
    return {field: text for field, text in given.items() if text}


def _ask(answer: _Answer, environ: Mapping[str, str]) -> str:
    """Ask until the answer can be used; an empty one leaves a setting that is not required unset."""
    default = "" if answer.required or answer.secret else environ.get(answer.variable, "")
    hint = "" if answer.required else " (Enter leaves it for later)"
    while True:
        text: str = typer.prompt(
            f"{answer.question}{hint}", default=default, show_default=bool(default), hide_input=answer.secret
        ).strip()
        if not text and answer.required:
            console.note("It is needed: nothing works without it.")
            continue
        try:
            _refuse_unusable(answer, text)
        except Unusable as problem:
            console.note(str(problem))
        else:
            return text


def _refuse_unusable(answer: _Answer, text: str) -> None:
    """Judge one answer by itself, whatever stands in a dunning.toml that is about to be replaced."""
    from dunning.settings import Settings

    with tempfile.NamedTemporaryFile(prefix="dunning-init-", suffix=".toml") as nothing:
        Settings.load({"DUNNING_CONFIG": nothing.name, **({answer.variable: text} if text else {})})


def _write(path: Path, text: str) -> None:
    """Put the file in place at once, with its secrets readable by the owner only from the first byte."""
    new = path.with_name(f"{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
        new.replace(path)
    except OSError as error:
        raise Unusable(
            f"{path} cannot be written ({error.strerror}): run init in another directory."
        ) from None
