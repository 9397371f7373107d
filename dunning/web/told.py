"""How translated words begin."""


def capital(text: str) -> str:
    """Return a text with a capital first letter; the rest stays: German nouns have capitals too."""
    return text[:1].upper() + text[1:]
