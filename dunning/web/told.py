"""How translated words begin."""


def capital(text: str) -> str:
    """Return a text with a capital first letter; the rest stays, as German nouns have capitals of their own."""
    return text[:1].upper() + text[1:]
