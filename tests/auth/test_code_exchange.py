"""TOK-01 to TOK-17: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3."""


def test_a_code_is_exchanged_for_tokens(world):
    """TOK-01."""
    app, someone = world.app(), world.resident()
    tokens = world.tokens(app, someone)
    assert tokens["token_type"] == "Bearer"
    assert world.read(someone.patient, tokens["access_token"]).status_code == 200
