"""The values that `make run` chooses: the environment wins, else what is stored, the same for every command."""

import os
import stat
from pathlib import Path

import pytest

from run import environment, locks, servers
from run import home as homes
from run.problem import Problem


def resolve(home: Path, **given: str) -> dict[str, str]:
    return environment.resolve({"SHOP_HOME": str(home), **given})


def test_secrets_are_drawn_once_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    first, second = resolve(home), resolve(home)
    assert first == second
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "settings.json").stat().st_mode) == 0o600
    assert len(first["SECRET_KEY"]) >= 43
    assert first["RAZORPAY_KEY_ID"].startswith("rzp_test_")
    assert resolve(tmp_path / "other")["SECRET_KEY"] != first["SECRET_KEY"]


def test_what_the_environment_says_wins(tmp_path: Path) -> None:
    given = {
        "PORT": "9123",
        "DATABASE_URL": "postgresql://elsewhere/shop",
        "RAZORPAY_API_URL": "https://api.example",
        "X": "y",
    }
    assert resolve(tmp_path, **given).items() >= given.items()
    assert resolve(tmp_path, **given)["BASE_URL"] == "http://127.0.0.1:9123"


def test_a_value_given_as_a_file_is_not_overridden(tmp_path: Path) -> None:
    assert "SECRET_KEY" not in resolve(tmp_path, SECRET_KEY_FILE="/run/secrets/key")
    (tmp_path / "port").write_text("9321\n")
    assert resolve(tmp_path, PORT_FILE=str(tmp_path / "port"))["BASE_URL"] == "http://127.0.0.1:9321"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="PORT_FILE=/nowhere cannot be read"):
        resolve(tmp_path, PORT_FILE="/nowhere")


def test_an_empty_value_says_nothing(tmp_path: Path) -> None:
    assert resolve(tmp_path, SECRET_KEY="")["SECRET_KEY"] == resolve(tmp_path)["SECRET_KEY"]


def test_nothing_is_chosen_in_production(tmp_path: Path) -> None:
    given = {"APP_ENV": "production", "SHOP_HOME": str(tmp_path / "home")}
    assert environment.resolve(given) == given
    environment.activate(given)
    assert not (tmp_path / "home").exists()


def test_commands_beside_a_running_shop_use_its_values(tmp_path: Path) -> None:
    environment.record_run(
        tmp_path, {"PORT": "8123", "BASE_URL": "https://tunnel.example", "DATABASE_URL": "postgresql://a/b"}
    )
    lock = locks.open_lock(environment.run_lock(tmp_path))
    assert locks.try_exclusive(lock)
    beside = resolve(tmp_path)
    assert (beside["BASE_URL"], beside["DATABASE_URL"]) == ("https://tunnel.example", "postgresql://a/b")
    assert resolve(tmp_path, BASE_URL="http://mine")["BASE_URL"] == "http://mine"
    os.close(lock)
    assert resolve(tmp_path)["BASE_URL"] == "http://127.0.0.1:8000"


def test_commands_beside_a_running_shop_use_what_was_given_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://a/b\n")
    environment.record_run(tmp_path, {"DATABASE_URL_FILE": str(tmp_path / "url"), "REDIS_URL": "redis://a/0"})
    lock = locks.open_lock(environment.run_lock(tmp_path))
    assert locks.try_exclusive(lock)
    environ = {"SHOP_HOME": str(tmp_path)}
    environment.activate(environ)
    os.close(lock)
    assert (environ["DATABASE_URL"], environ["REDIS_URL"]) == ("postgresql://a/b", "redis://a/0")
    assert not (tmp_path / "servers").exists()


def test_activating_starts_nothing_when_both_servers_are_given(tmp_path: Path) -> None:
    environ = {"SHOP_HOME": str(tmp_path), "DATABASE_URL": "postgresql://a/b", "REDIS_URL": "redis://a/0"}
    environment.activate(environ)
    assert environ["SECRET_KEY"]
    assert not (tmp_path / "servers").exists()


def test_a_broken_settings_file_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(Problem, match=r"settings\.json cannot be read"):
        resolve(tmp_path)
    assert (tmp_path / "settings.json").read_text() == "{"


def test_a_file_is_replaced_as_a_whole_and_private_from_the_start(tmp_path: Path) -> None:
    homes.write_json(tmp_path / "a.json", {"a": "1"})
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_providers_of_the_demo_take_part_only_when_they_are_named(tmp_path: Path) -> None:
    plain = resolve(tmp_path)
    assert not any(name.startswith(("PAYPAL_", "STRIPE_")) for name in plain)
    named = resolve(tmp_path, DEMO_PROVIDERS="billplz, paypal")
    assert named["PAYPAL_API_URL"] == f"{named['RAZORPAY_API_URL']}/paypal"
    assert not any(name.startswith("STRIPE_") for name in named)
    stripe = resolve(tmp_path, DEMO_PROVIDERS="stripe")
    assert stripe["STRIPE_API_URL"] == f"{named['RAZORPAY_API_URL']}/stripe"
    assert stripe["STRIPE_SECRET_KEY"].startswith("sk_test_")
    assert stripe["STRIPE_WEBHOOK_SECRET"].startswith("whsec_")
    drawn = [named[name] for name in ("PAYPAL_CLIENT_ID", "PAYPAL_CLIENT_SECRET", "PAYPAL_WEBHOOK_ID")]
    assert all(drawn)
    assert named == resolve(tmp_path, DEMO_PROVIDERS="billplz, paypal")
    own = resolve(
        tmp_path, DEMO_PROVIDERS="paypal", PAYPAL_CLIENT_ID="mine", PAYPAL_API_URL="https://api-m.sandbox.paypal.com"
    )
    assert (own["PAYPAL_CLIENT_ID"], own["PAYPAL_API_URL"]) == ("mine", "https://api-m.sandbox.paypal.com")


def test_the_owner_of_our_tables_is_never_taken_for_the_owner_of_another_database(tmp_path: Path) -> None:
    folder = homes.server_folder(tmp_path, "postgres")
    homes.write_json(folder / "access.json", {"password": "ours", "shop_password": "the shop's", "port": 5999})
    known = resolve(tmp_path)
    assert ("kedai_shop:" in known["DATABASE_URL"], "kedai:ours@" in known[servers.OWNER]) == (True, True)
    assert servers.OWNER not in resolve(tmp_path, DATABASE_URL="postgresql://a/b")
    both = {"DATABASE_URL": "postgresql://a/b", servers.OWNER: "postgresql://c/b"}
    assert resolve(tmp_path, **both).items() >= both.items()
    environment.record_run(tmp_path, {"DATABASE_URL": "postgresql://a/b"})
    lock = locks.open_lock(environment.run_lock(tmp_path))
    assert locks.try_exclusive(lock)
    beside = resolve(tmp_path)
    os.close(lock)
    assert (beside["DATABASE_URL"], servers.OWNER in beside) == ("postgresql://a/b", False)
