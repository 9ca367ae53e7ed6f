from flask.testing import FlaskClient


def test_an_unknown_address_is_a_friendly_404(client: FlaskClient) -> None:
    answer = client.get("/no/such/page")
    assert answer.status_code == 404
    assert "The thread broke here" in answer.text
    assert '<meta name="csrf-token" content="' in answer.text
