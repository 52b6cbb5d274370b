"""What apps and systems say of themselves when they register."""

from joserfc.jwk import ECKey

APP = {
    "client_name": "试用应用",
    "redirect_uris": ["https://app.test/callback"],
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": "launch/patient patient/*.rs",
}


def public(**more):
    return {**ECKey.generate_key("P-384").as_dict(private=False), "kid": "1", **more}


def system(**more):
    return {
        "client_name": "县医院电子病历",
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["client_credentials"],
        "scope": "system/*.cruds",
        "jwks": {"keys": [public()]},
        **more,
    }
