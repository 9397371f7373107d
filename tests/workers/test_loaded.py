"""What worker and clock load: they start again after every deploy and crash, and there are many of them."""

import subprocess
import sys

WEB = ("fastapi", "starlette", "uvicorn", "xlsxwriter", "dunning.web")


def test_worker_and_clock_load_nothing_of_the_web() -> None:
    program = f"import sys, dunning.background; print([m for m in {WEB!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.strip() == "[]"
