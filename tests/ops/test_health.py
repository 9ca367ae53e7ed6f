from flask.testing import FlaskClient


def test_the_process_says_that_it_lives(client: FlaskClient) -> None:
    answer = client.get("/health/live")
    assert answer.status_code == 200
    assert answer.json == {"status": "alive"}


def test_a_healthy_shop_names_its_parts(client: FlaskClient) -> None:
    for path in ("/api/health", "/health/ready"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.json == {"status": "healthy", "database": "up", "redis": "up", "queue": "up"}
        assert answer.headers["Cache-Control"] == "no-store"
