"""Start-up refuses unsafe settings, and lists them all at once (OPS-43)."""

import pytest

from app.core.settings import BadSettings, load

GOOD = {
    "APP_ENV": "production",
    "SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "BASE_URL": "https://shop.example.com",
    "DATABASE_URL": "postgresql://shop:secret@db/shop",
    "REDIS_URL": "redis://cache:6379/0",
    "RAZORPAY_KEY_ID": "rzp_live_00000000",
    "RAZORPAY_KEY_SECRET": "a-key-secret",
    "RAZORPAY_WEBHOOK_SECRET": "a-webhook-secret",
    "MAIL_URL": "smtp://user:secret@mail.example.com:587",
}


def test_good_settings_start():
    settings = load(GOOD)
    assert settings.is_production
    assert settings.trusted_hosts == ("shop.example.com",)
    assert settings.lock_minutes == 15


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SECRET_KEY", "secret", "SECRET_KEY"),
        ("FIELD_KEY", "a short one", "FIELD_KEY"),
        ("BASE_URL", "http://shop.example.com", "https"),
        ("RAZORPAY_WEBHOOK_SECRET", "", "RAZORPAY_WEBHOOK_SECRET"),
        ("RAZORPAY_KEY_ID", "", "RAZORPAY_KEY_ID"),
        ("MAIL_URL", "", "MAIL_URL"),
        ("DATABASE_URL", "", "DATABASE_URL"),
        ("STOCK_LOCK_EXPIRY_MINUTES", "0", "STOCK_LOCK_EXPIRY_MINUTES"),
        ("JWT_ACCESS_MINUTES", "0", "JWT_ACCESS_MINUTES"),
        ("STOCK_CLEANUP_ENABLED", "maybe", "STOCK_CLEANUP_ENABLED"),
        ("PAYMENT_PROVIDER", "gold", "PAYMENT_PROVIDER"),
        ("SHOP_TIMEZONE", "Mars/Olympus", "SHOP_TIMEZONE"),
        ("SHOP_COUNTRY", "Malaysia", "SHOP_COUNTRY"),
        ("LOG_LEVEL", "DEBUG", "LOG_LEVEL"),
    ],
)
def test_an_unsafe_setting_is_refused_by_name(name, value, said):
    with pytest.raises(BadSettings, match=said):
        load({**GOOD, name: value})


def test_all_faults_are_told_at_once():
    with pytest.raises(BadSettings) as refused:
        load({"APP_ENV": "production"})
    assert len(refused.value.faults) >= 6


def test_the_two_provider_names_must_agree():
    with pytest.raises(BadSettings, match="contradict"):
        load({**GOOD, "PAYMENT_PROVIDER": "razorpay", "PAYMENT_GATEWAY": "stripe"})


def test_a_value_may_lie_in_a_file(tmp_path):
    (tmp_path / "key").write_text(GOOD["SECRET_KEY"] + "\n")
    given = {name: value for name, value in GOOD.items() if name != "SECRET_KEY"}
    assert load({**given, "SECRET_KEY_FILE": str(tmp_path / "key")}).secret_key == GOOD["SECRET_KEY"]
    with pytest.raises(BadSettings, match="cannot be read"):
        load({**given, "SECRET_KEY_FILE": "/nowhere"})


def test_an_address_has_lines_or_semicolons():
    for given in ("1 Jalan Satu; 15050 Kota Bharu;", "1 Jalan Satu\n 15050 Kota Bharu \n"):
        assert load({**GOOD, "SHOP_ADDRESS": given}).shop.address == ("1 Jalan Satu", "15050 Kota Bharu")
    assert load(GOOD).shop.address == ()
