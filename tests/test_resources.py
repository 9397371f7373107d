import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dunning import resources
from dunning.errors import Unusable

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def bare_package(tmp_path: Path) -> Path:
    """A copy of the modules that find resources, with nothing beside them."""
    package = tmp_path / "dunning"
    package.mkdir()
    for name in ("__init__.py", "errors.py", "resources.py"):
        shutil.copy(ROOT / "dunning" / name, package)
    return package


def ask(package: Path, question: str) -> str:
    """What `dunning.resources` of this package answers."""
    first = f"import sys; sys.path.insert(0, {str(package.parent)!r})"
    script = f"{first}\nfrom dunning import resources as r\n{question}"
    command = [sys.executable, "-I", "-c", script]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr


def test_a_clone_keeps_its_resources_at_its_root() -> None:
    assert (resources.migrations() / "env.py").is_file()
    assert resources.migrations() == ROOT / "migrations"
    assert resources.templates() == ROOT / "templates"


def test_a_wheel_keeps_its_resources_inside_the_package(bare_package: Path) -> None:
    for folder in (bare_package, bare_package.parent):  # a stranger's folder beside the package is not ours
        (folder / "templates").mkdir()
    assert ask(bare_package, "print(r.templates())") == str(bare_package / "templates")


def test_an_incomplete_installation_is_told_what_it_lacks(bare_package: Path) -> None:
    answer = ask(bare_package, "r.migrations()")
    assert "Unusable" in answer
    assert "installed without migrations" in answer


def test_a_password_with_percent_signs_reaches_the_migrations_unchanged() -> None:
    url = "postgresql+psycopg://dunning:50%25+more@127.0.0.1/dunning"
    assert resources.alembic_config(url).get_main_option("sqlalchemy.url") == url


def test_the_migrations_folder_of_the_configuration_is_the_installed_one() -> None:
    config = resources.alembic_config("sqlite://")
    assert config.get_main_option("script_location") == str(resources.migrations())


def test_finding_templates_does_not_import_alembic() -> None:
    script = "import sys; from dunning import resources; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_unusable_is_what_the_command_line_turns_into_exit_two() -> None:
    with pytest.raises(Unusable, match="Install the wheel again"):
        resources._home("no such thing")
