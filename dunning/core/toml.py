"""Values as TOML spells them."""

import json
from typing import Any


def spelt(value: Any) -> str:
    """Return a word, a number, a flag or a list of words in TOML; JSON's form of these is TOML's, too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
