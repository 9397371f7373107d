"""Commands on message texts: list, show, validate, publish, history, rollback, preview, send-test."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator
from dunning.errors import Unusable

if TYPE_CHECKING:
    from dunning.flows.texts import Published

Template = Annotated[str, typer.Argument(metavar="TEMPLATE", help="Its name, such as payment_failed.")]
Language = Annotated[str, typer.Option("--language", help="A language, such as fr or pt-BR.")]
TextFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="The text, as `dunning template show` prints.")
]
Sample = Annotated[str, typer.Option("--sample", help="Whose facts are shown, such as 'long name' or yen.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def show_list(*, as_json: JsonOption = False) -> None:
    """List the message templates: in which languages they are built in, and which texts are your own."""
    from dunning.flows import texts

    with opened_house() as house:
        found = texts.listed(house)
    if as_json:
        rows = [{"name": one.name, "built_in": one.built_in, "own": one.own} for one in found]
        console.say_json(rows)
        return
    rows_ = [(one.name, " ".join(one.built_in) or "–", " ".join(one.own) or "–") for one in found]
    console.say_table(("template", "built in", "your own"), rows_)


def show(template: Template, *, language: Language = "en") -> None:
    """Print the text in force, to be changed and published."""
    from dunning.flows import texts

    with opened_house() as house:
        console.say(texts.text_of(house, template, language).source, newline=False)


def validate(file: TextFile, *, language: Language = "en", as_json: JsonOption = False) -> None:
    """Check a text on twenty samples; prints each mistake with its line."""
    from dunning.flows import texts

    source = _read(file)
    with opened_house() as house:
        problems = texts.checked(house, language, source)
    if as_json:
        said = [{"line": one.line, "sentence": one.message} for one in problems]
        console.say_json({"valid": not problems, "problems": said})
    for problem in () if as_json else problems:
        console.say(f"{file}:{problem.line}: {problem.message}")
    if problems:
        raise typer.Exit(1)
    if not as_json:
        console.say(f"{file} can be published.")


def publish(
    template: Template,
    file: TextFile,
    *,
    language: Language = "en",
    note: Annotated[str, typer.Option("--note", help="What changed, for the history.")] = "",
) -> None:
    """Put a text of your own into force, once it passes every check."""
    from dunning.flows import texts

    source = _read(file)
    with opened_house() as house:
        done = texts.publish(house, template, language, source, by=operator(), note=note)
    for problem in done.problems:
        console.say(f"{file}:{problem.line}: {problem.message}")
    if done.problems:
        raise typer.Exit(1)
    _say_published(done, template, language)


def history(template: Template, *, language: Language = "en", as_json: JsonOption = False) -> None:
    """List the versions of a text of your own, newest first."""
    from dunning.store import mail_texts

    with opened_house() as house, house.store.read() as connection:
        rows = mail_texts.history(connection, template, language)
    if as_json:
        console.say_json([dict(row) for row in rows])
    elif not rows:
        console.say(f"{template} has no text of your own in {language}: the built-in one is in force.")
    else:
        head = ("version", "published", "by", "what")
        told = [(row["version"], row["published_at"], row["published_by"], row["note"]) for row in rows]
        console.say_table(head, told)


def rollback(
    template: Template,
    *,
    language: Language = "en",
    to: Annotated[int, typer.Option("--to", help="The version to go back to; 0 is the built-in text.")] = 0,
) -> None:
    """Put an earlier version, or the built-in text, into force again."""
    from dunning.flows import texts

    with opened_house() as house:
        done = texts.roll_back(house, template, language, to, by=operator())
    _say_published(done, template, language)


def preview(
    template: Template,
    *,
    language: Language = "en",
    sample: Sample = "usual",
    file: Annotated[Path | None, typer.Option("--file", help="A text that is not published yet.")] = None,
    html: Annotated[bool, typer.Option("--html", help="Print the HTML instead of the plain text.")] = False,
) -> None:
    """Print a message as a customer would get it."""
    from dunning.flows import texts

    source = _read(file) if file else None
    with opened_house() as house:
        rendered = texts.preview(house, template, language, sample, source=source)
    if html:
        console.say(rendered.html)
    else:
        console.say(f"Subject: {rendered.subject}\nPreheader: {rendered.preheader}\n\n{rendered.text}")


def send_test(
    template: Template,
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="Who looks at it.")],
    *,
    language: Language = "en",
    sample: Sample = "usual",
) -> None:
    """Send a message with the facts of a sample; it is about nobody's invoice."""
    from dunning.flows import texts

    with opened_house() as house:
        answer = texts.send_test(house, template, language, sample, to=to, by=operator())
    console.say(answer.sentence)
    if not answer.done:
        raise typer.Exit(1)


def _say_published(done: "Published", template: str, language: str) -> None:
    if done.changed:
        console.say(f"Version {done.version} of {template} in {language} is in force.")
    else:
        console.say("Nothing changed: the text in force says the same.")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{file} cannot be read ({getattr(error, 'strerror', None) or error}).") from None
