"""The merchant's own message texts: shown, checked, published, taken back, previewed, sent as a test."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, RowMapping

from dunning.core.ids import derive_id
from dunning.errors import Unusable
from dunning.flows import wording
from dunning.flows.house import House
from dunning.flows.staff import Answer
from dunning.mail.look import Look
from dunning.mail.provider import NotSent, UnknownOutcome
from dunning.mail.render import check_text, render_source
from dunning.mail.rendered import Rendered
from dunning.mail.samples import SAMPLES
from dunning.mail.template import Problem, TextError
from dunning.mail.texts import BUILT_IN_LANGUAGES, FoundText, Own, find, language_of, names, pieces
from dunning.store import audit, mail_texts

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,60}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
_NOTE: Final = 200


@dataclass(frozen=True, slots=True)
class Listed:
    """One template: the languages in which it is built in, and those with a text of the merchant's own."""

    name: str
    built_in: tuple[str, ...]
    own: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """The version now in force, 0 for the built-in text; `problems` say why nothing was published."""

    version: int
    changed: bool = False
    problems: tuple[Problem, ...] = ()


def listed(house: House) -> list[Listed]:
    """Return every template there is, built in or the merchant's own."""
    with house.store.read() as connection:
        touched = mail_texts.templates(connection)
        own = {name: mail_texts.newest(connection, name) for name in touched}
    built_in = names(_folder(house))
    found = []
    for name in sorted({*built_in, *touched}):
        mine = tuple(language for language, source in own.get(name, {}).items() if source is not None)
        found.append(Listed(name, BUILT_IN_LANGUAGES if name in built_in else (), mine))
    return [one for one in found if one.built_in or one.own]


def text_of(house: House, template: str, language: str) -> FoundText:
    """Return the text in force in a language, or in the one that stands in for it.

    Raises:
        Unusable: there is no such template, or no such language.
    """
    _check_names(template, language)
    with house.store.read() as connection:
        return _text_of(connection, house, template, language)


def checked(house: House, language: str, source: str) -> list[Problem]:
    """Say what is wrong with a text in a language, line by line; an empty list means that it can be used."""
    with house.store.read() as connection:
        look = wording.look_of(connection)
    return check_text(source, pieces(_folder(house), language_of(language), look.tone))


def publish(house: House, template: str, language: str, source: str, *, by: str, note: str = "") -> Published:
    """Publish a text as the next version, unless it has problems or says what is in force already.

    Raises:
        Unusable: the name or the language cannot be one.
    """
    _check_names(template, language)
    source = source.replace("\r\n", "\n").replace("\r", "\n").rstrip() + "\n"
    if problems := checked(house, language, source):
        return Published(0, problems=tuple(problems))
    return _publish(house, template, language, lambda _: source, by=by, note=note[:_NOTE])


def roll_back(house: House, template: str, language: str, version: int, *, by: str) -> Published:
    """Publish once more what an earlier version said; version 0 is the built-in text.

    Raises:
        Unusable: there is no such version, or nothing built in that could take its place.
    """
    _check_names(template, language)
    note = f"back to version {version}" if version else "back to the built-in text"

    def earlier(rows: Sequence[RowMapping]) -> str | None:
        if version == 0 and (template not in names(_folder(house)) or not rows):
            raise Unusable(f"{template} has no text of yours in {language} that could give way.")
        found = [row["source"] for row in rows if row["version"] == version]
        if version and not found:
            raise Unusable(f"{template} has no version {version} in {language}.")
        return found[0] if found else None

    return _publish(house, template, language, earlier, by=by, note=note)


def preview(
    house: House,
    template: str,
    language: str,
    sample: str,
    *,
    source: str | None = None,
    look: Look | None = None,
) -> Rendered:
    """Render a text, or a `source` not published yet, with the facts of a sample.

    Raises:
        Unusable: there is no such template, language or sample, or the text cannot be used.
    """
    _check_names(template, language)
    if sample not in SAMPLES:
        raise Unusable(f"There is no sample {sample!r}: there are {', '.join(SAMPLES)}.")
    with house.store.read() as connection:
        look = look or wording.look_of(connection)
        text = _text_of(connection, house, template, language)
    if source is not None:
        text = FoundText(source.replace("\r\n", "\n"), f"your {template} in {language}", language)
    try:
        return render_source(_folder(house), text, SAMPLES[sample], look=look)
    except (TextError, ValueError) as error:
        raise Unusable(f"It cannot be shown. {error}.") from None


def send_test(
    house: House, template: str, language: str, sample: str, *, to: str, by: str, source: str | None = None
) -> Answer:
    """Send one mail with the facts of a sample, to somebody who looks at it; it is about nobody's invoice.

    Raises:
        Unusable: as `preview`.
    """
    rendered = preview(house, template, language, sample, source=source)
    test = Rendered(f"[Test] {rendered.subject}", rendered.preheader, rendered.text, rendered.html)
    name = derive_id("test", house.clock.now(), to, template, language, sample)
    with house.store.write() as connection:
        look, now, about = wording.look_of(connection), house.clock.now(), f"text {template} {language}"
        audit.append(connection, at=now, by=by, action="text.send_test", about=about, after={"to": to})
    try:
        mail = wording.as_mail(house, look, test, to=to, name=name, key=f"v1:test:{name}", about={})
        house.mailer.send(mail)
    except ValueError as error:
        return Answer(done=False, sentence=f"It was not sent: {error}.")
    except NotSent as error:
        return Answer(done=False, sentence=f"It was not sent: {error.reason}.")
    except UnknownOutcome as error:
        return Answer(done=False, sentence=f"Nobody knows whether it was sent: {error.reason}.")
    kept = house.mailer.name == "outbox"
    return Answer(done=True, sentence="No mail server is set: it was kept." if kept else f"Sent to {to}.")


def _publish(
    house: House,
    template: str,
    language: str,
    what: Callable[[Sequence[RowMapping]], str | None],
    *,
    by: str,
    note: str,
) -> Published:
    """Publish what `what` makes of the history; once more when somebody else was faster."""
    while True:
        with house.store.write() as connection:
            rows = mail_texts.history(connection, template, language)
            before = rows[0]["version"] if rows else 0
            source = what(rows)
            if source == (rows[0]["source"] if rows else None):
                return Published(before)
            now, number = house.clock.now(), before + 1
            if mail_texts.publish(connection, template, language, number, source, at=now, by=by, note=note):
                about, act = f"template {template} in {language}", "template.publish"
                was, becomes = {"version": before}, {"version": number, "note": note}
                audit.append(connection, at=now, by=by, action=act, about=about, before=was, after=becomes)
                return Published(number, changed=True)


def _text_of(connection: Connection, house: House, template: str, language: str) -> FoundText:
    look, own = wording.look_of(connection), mail_texts.newest(connection, template)
    mine: Own = lambda _, tag: own.get(tag)  # noqa: E731 - one line that a name makes readable
    try:
        return find(_folder(house), template, language, default=language, tone=look.tone, own=mine)
    except LookupError:
        raise Unusable(
            f"There is no template {template}: `dunning template list` shows what there is."
        ) from None


def _folder(house: House) -> Path:
    return house.templates / "email"


def _check_names(template: str, language: str) -> None:
    if not _NAME.fullmatch(template):
        raise Unusable(
            "The name of a template is small letters, digits and underscores, such as payment_failed."
        )
    if not _LANGUAGE.fullmatch(language):
        raise Unusable("A language is a tag such as en, fr or pt-BR.")
