"""Invented people, places and plans for the example world."""

FIRST = (
    "Ada Alma Anders Amara Bea Boris Carla Dana Dario Elena Emil Farah Felix Greta Hugo Ines Ivan Jana Jonas "
    "Kai Lara Leo Mara Milan Nadia Noah Olga Omar Paula Priya Quinn Rafael Rosa Sami Sofia Tariq Tessa Uma "
    "Vera Viktor Wanda Xenia Yara Yusuf Zoe"
).split()
LAST = (
    "Berg Castillo Dahl Endo Ferrari Grant Haas Ito Jensen Keller Lind Moreau Novak Okafor Patel Quist "
    "Rossi Santos Tanaka Ueda Vogel Weber Young Zhang"
).split()
# country, currency, locale, time zones (the first two letters of a US entry's state follow the colon), weight
PLACES: tuple[tuple[str, str, str, tuple[str, ...], float], ...] = (
    (
        "US",
        "usd",
        "en-US",
        ("NY:America/New_York", "IL:America/Chicago", "CO:America/Denver", "CA:America/Los_Angeles"),
        0.70,
    ),
    ("GB", "gbp", "en-GB", (":Europe/London",), 0.12),
    ("DE", "eur", "de", (":Europe/Berlin",), 0.05),
    ("FR", "eur", "fr", (":Europe/Paris",), 0.04),
    ("ES", "eur", "es", (":Europe/Madrid",), 0.03),
    ("IT", "eur", "it", (":Europe/Rome",), 0.03),
    ("JP", "jpy", "ja", (":Asia/Tokyo",), 0.03),
)
# nickname, US dollars in cents, weight; other currencies take the same number, yen the cents as yen
PLANS: tuple[tuple[str, int, float], ...] = (
    ("Starter", 900, 0.36),
    ("Pro", 2900, 0.38),
    ("Team", 7900, 0.18),
    ("Business", 24000, 0.08),
)
BRANDS = (("visa", 0.6), ("mastercard", 0.33), ("amex", 0.07))
FUNDING = (("debit", 0.55), ("credit", 0.40), ("prepaid", 0.05))
