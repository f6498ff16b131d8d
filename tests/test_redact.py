"""What is or looks like a secret is taken out of any text, and nothing else, in time that grows with the text only."""

from __future__ import annotations

import base64
import html
import json
import re
import reprlib
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_aicore.redact import Redactor, Secret, redact
from pytest_aicore.secret_names import is_secret_name

SECONDS = 4.0
"""Of processor time, for what takes a tenth of one; what is not linear takes minutes."""


@pytest.mark.parametrize(
    "text",
    [
        "A" * 200_000 + "-----END A",
        "token" + "\\" * 200_000,
        '"token": ' + "\\" * 200_000 + '"' + "\\" * 200_000,
        "eyJaaaa-" * 25_000,
        "a." * 100_000 + "@",
        "key:" * 20_000,
        "token=(" * 20_000,
        '"key":"x",' * 10_000,
        "token='" + " " * 100_000,
        "token" + " " * 100_000,
        "\n" * 100_000,
        "\\token" * 20_000,
        "%41" * 50_000,
        "a1b2c" * 20_000,
        "YTFi" * 30_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_any_text_takes_time_in_proportion(text: str) -> None:
    hide = Redactor(lambda: ["a1b2c3d4e5f6"])
    begin = time.process_time()
    hide(text)
    assert time.process_time() - begin < SECONDS


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("x: MIIEowIBAAKCAQEA1234\n-----END CERTIFICATE----- y", "x:*** y"),
        (r"x: MIIEowIBAAKCAQEA1234\n\\nabcd\r-----END CERTIFICATE----- y", "x:*** y"),
        ("-----BEGIN A-----\nMIIE\n-----END A----- y -----BEGIN B-----\nMIIE", "*** y ***"),
        ("eyJhbGciOi-JSUz.eyJzdWI.c2ln", "***"),
        (r"{\"client_secret\": \"s3cr3t\", \"x\": 1}", r"{\"client_secret\": \"***\", \"x\": 1}"),
        ("postgresql+asyncpg://user:s3cr3t@host", "postgresql+asyncpg://user:***@host"),
        ("https://abcdefghijklmnop1234@host/x", "https://***@host/x"),
        # Names that mean secrets, in the notations of code, data, forms, settings and command lines.
        (r'{"client_secret": "s3cr3t\"more"}', '{"client_secret": "***"}'),
        ("client_secret = 's3cr3t'", "client_secret = '***'"),
        ('client_secret: str = "s3cr3t"', 'client_secret: str = "***"'),
        ('os.environ["AICORE_CLIENT_SECRET"] = "s3cr3t"', 'os.environ["AICORE_CLIENT_SECRET"] = "***"'),
        ("client_id=a&client_secret=swordfish&grant=x", "client_id=a&client_secret=***&grant=x"),
        ("STORAGE_ACCESS_KEY=abcDEF123/x+y=", "STORAGE_ACCESS_KEY=***"),
        ("AICORE_CLIENT_SECRET=swordfish", "AICORE_CLIENT_SECRET=***"),
        ("refused (client_secret=s3cr3t).", "refused (client_secret=***)."),
        (r"\nclient_secret=abc1234\nx", r"\nclient_secret=***\nx"),
        ("password: swordfish", "password: ***"),
        ("  password: hunter2-xyz # ours", "  password: *** # ours"),
        ('{"password": 123456}', '{"password": ***}'),
        ('{"access_tokens": ["a1", "b2"]}', '{"access_tokens": ["***", "***"]}'),
        ('auth=("user", "swordfish")', 'auth=("***", "***")'),
        ('{"auths": {"r": {"auth": "dXNlcjpwYXNzd29yZA=="}}}', '{"auths": {"r": {"auth": "***"}}}'),
        ("[('client_secret', 'a1-b2')]", "[('client_secret', '***')]"),
        ("['--client-secret', 'a1-b2']", "['--client-secret', '***']"),
        ("--password hunter-2x y", "--password *** y"),
        ("\x1b[36mpassword\x1b[0m=\x1b[35mhunter-2\x1b[0m", "\x1b[36mpassword\x1b[0m=\x1b[35m***\x1b[0m"),
        # Pairs of a name and a value.
        ('{"key": "DB_PASSWORD", "value": "swordfish"}', '{"key": "DB_PASSWORD", "value": "***"}'),
        ('{"value": "swordfish", "key": "DB_PASSWORD"}', '{"value": "***", "key": "DB_PASSWORD"}'),
        ('{"name": "DB_PASSWORD", "x": 1, "value": "y"}', '{"name": "DB_PASSWORD", "x": 1, "value": "***"}'),
        (r"{\"key\": \"DB_PASSWORD\", \"value\": \"y\"}", r"{\"key\": \"DB_PASSWORD\", \"value\": \"***\"}"),
        ("Binding(key='DB_PASSWORD', value='y')", "Binding(key='DB_PASSWORD', value='***')"),
        ("- name: DB_PASSWORD\n  value: y\n- name: rate\n  value: 1", "- name: DB_PASSWORD\n  value: ***\n- name: rate\n  value: 1"),
        # Headers, connection strings, signed URLs, tokens that say whose they are.
        ("Authorization: Bearer abcdef", "Authorization: Bearer ***"),
        ("Authorization: Basic c2I6cw==", "Authorization: Basic ***"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=A/x, Signature=b", "Authorization: AWS4-HMAC-SHA256 ***"),
        ("x-api-key: abc-123", "x-api-key: ***"),
        ("Set-Cookie: JSESSIONID=abc; Path=/", "Set-Cookie: ***"),
        ("AccountName=x;AccountKey=abc12==;EndpointSuffix=y", "AccountName=x;AccountKey=***;EndpointSuffix=y"),
        ("https://x.blob/c?sv=2021&sig=a%2Bb%3D&se=2", "https://x.blob/c?sv=2021&sig=***&se=2"),
        ("https://x/y?X-Amz-Credential=A/2&X-Amz-Signature=ab&x=1", "https://x/y?X-Amz-Credential=***&X-Amz-Signature=***&x=1"),
        ("ghp_abcdefghijklmnopqrstuvwxyz012345, hf_abcdefghijklmnopqrst", "***, ***"),
        ("no: Bearer cAnArY-of-a-body", "no: Bearer ***"),
    ],
)  # fmt: skip
def test_what_is_taken_out(text: str, redacted: str) -> None:
    assert redact(text) == redacted
    assert redact(redacted) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "client_secret=key['clientsecret']",
        'client_secret=os.environ["X"]',
        "password = get_password()",
        "password=get_password(), user=user",
        "token: str | None = None",
        "    token: str",
        "f(token=token)",
        "        password=password,",
        "        token=self._token.value,",
        'def login(user: str, password: str = "", *, token: Secret | None = None) -> None:',
        'secret = secrets.get("x")["y"]',
        '{"client_secret": key["clientsecret"], "password": password}',
        'print("password:", password)',
        'getpass("Password: ")',
        'log.info("token: %s", token)',
        'f"token={token}"',
        "if token: return x",
        'assert token == "abc"',
        '["client_id", "client_secret", "url"]',
        "for key, value in secrets.items():",
        'password: "{{inputs.parameters.password}}"',
        "token=None expected",
        "export TOKEN=$TOKEN",
        "max_tokens=100",
        "pad_token = '<pad>', bos_token='<s>'",
        '{"key": "learning-rate", "value": "0.1"}',
        "Basic authentication failed",
        "Bearer of good news",
        "Bearer authentication is required",
        "Basic token-based access",
        "could not get a token: the endpoint said no",
        "no token: HTTP 401, see below",
        "Authorization: failed for this user",
        "aicore_client_secret: the secret of the client",
        'headers={"Authorization": "Bearer " + token}',
        # Logs and messages of training code.
        "tokens: 128",
        "Total tokens: 1,048,576 (train), 10,240 (val)",
        "epoch 3/10 loss=0.1234 tokens/s=15234 time_to_first_token: 0.12",
        "pad_token_id=0 bos_token_id=1 eos_token_id: 50256, mask_token=[MASK]",
        "Adding token <pad> to the vocabulary",
        "token 'foo' not found in vocab",
        "num_key_value_heads=8, key_dim: 64, key.weight",
        'missing keys: ["encoder.layer.0.attention.self.key.weight"]',
        "key = jax.random.PRNGKey(42)",
        'vocab = {"password": 17, "secret": 18}',
        "Counter({'token': 3, 'secret': 2})",
        "word=password tag=NN",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "image:1.2.3@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "execution e1a2b3c4d5e6f7a8 of 123e4567-e89b-12d3-a456-426614174000 is RUNNING",
        "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com/v2/lm/executions/e1a2b3c4d5e6f7a8",
        "s3://bucket/path/model-3f786850e387550f/checkpoint-1000",
        "KeyError: 'client_secret'",
        "TypeError: login() missing 1 required positional argument: 'password'",
        "token: Input should be a valid string",
        "password: required",
        "certificate: expired",
        "jwt: malformed",
        "auth: required",
        "authorization: required",
        "credentials: default",
        "use_auth_token=False, trust_remote_code=True",
        "tests/test_it.py::test_login[password] PASSED",
        '@patch.dict(os.environ, {"TOKEN": ""})',
    ],
)
def test_what_stays_readable(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("means_a_secret", "names"),
    [
        (
            True,
            ("STORAGE_ACCESS_KEY ACCESS_KEY_ID SECRET_ACCESS_KEY privateData sasToken DB_PASSWORD AccountKey"
            " SharedAccessSignature SharedAccessKey private_key HF_TOKEN WANDB_API_KEY OPENAI_API_KEY api_key apikey"
            " x-api-key Authorization Proxy-Authorization Cookie Set-Cookie passphrase pwd MYSQL_PWD credentials"
            " GITHUB_TOKEN clientsecret clientSecret client-secret connectionString AZURE_STORAGE_CONNECTION_STRING"
            " .dockerconfigjson AWS_SESSION_TOKEN X-Amz-Security-Token password2 TOKEN_1 PGPASSWORD DB_PASS APIKey"
            " AICORE_CLIENT_SECRET refresh_token certificate key_str cert_str csrf_token spring.datasource.password"),
        ),
        (
            False,
            ("key tokenizer max_tokens num_tokens token_count keyword secretName secret_name partition_key primary_key"
            " public_key passed monkey pad_token imagePullSecrets passes compass bypass object_store_secret tokens"
            " total_tokens SSH_AUTH_SOCK TOKENIZERS_PARALLELISM GPG_KEY next_token pass client_id auth_url"
            " key_file_path password_file author hotkey cookiecutter secretary turkey sort_key tokenize"),
        ),
    ],
)  # fmt: skip
def test_which_names_mean_secrets(means_a_secret: bool, names: str) -> None:
    assert [name for name in names.split() if is_secret_name(name) is not means_a_secret] == []


def test_data_is_clean_whatever_its_shape() -> None:
    class Refuses:
        def __str__(self) -> str:
            raise ValueError("no text")

    refuses = Refuses()
    data = {
        "password": "swordfish", "credentials": {"user": "u", "rooms": [1, "x"]}, "list": [("a", "Bearer abc123def")],
        "pairs": [{"key": "DB_PASSWORD", "value": "y"}, {"name": "rate", "value": "1"}], "max_tokens": 5,
        "error": ValueError("client_secret=s3cr3t"), "object": refuses, "none": None,
    }  # fmt: skip
    assert Redactor().data(data) == {
        "password": "***", "credentials": {"user": "***", "rooms": [1, "***"]}, "list": [("a", "Bearer ***")],
        "pairs": [{"key": "DB_PASSWORD", "value": "***"}, {"name": "rate", "value": "1"}], "max_tokens": 5,
        "error": "client_secret=***", "object": refuses, "none": None,
    }  # fmt: skip


AS_IT_IS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=12, max_size=60
)


@settings(max_examples=40)
@given(
    AS_IT_IS.filter(lambda secret: len(set(secret)) > 6 and len(set(secret[:5])) > 1 and "-----" not in secret),
    st.binary(max_size=7),
)
@example("00001]002345", b"")
@example('00432"00001\\', b"")
@example("abcdef[ghijkl", b"")
@example("abcdef.ghijkl", b"")
@example("0004321Ģ%000", b"")
@example("\x82ģ\x81\x80\x80\x80Ģ\x80%00\x80", b"")
def test_a_known_secret_is_found_in_any_notation(secret: str, before: bytes) -> None:
    hide = Redactor(lambda: [secret])
    half = len(secret) // 2
    for written in (
        secret,
        quote(secret),
        quote(secret, safe=""),
        re.sub("%..", lambda escape: escape[0].lower(), quote(secret, safe="")),
        quote_plus(secret),
        json.dumps(secret),
        json.dumps(json.dumps({"body": quote_plus(secret)})),
        repr(secret),
        ascii(secret),
        repr(secret.encode()),
        json.dumps(json.dumps(json.dumps(ascii(repr(secret.encode()))))),
        "".join(f"\\{byte:03o}" for byte in secret.encode()),
        secret.encode().hex(),
        secret.encode().hex().upper(),
        html.escape(secret),
        html.escape(json.dumps(secret)),
        base64.b64encode(before + secret.encode()).decode(),
        base64.urlsafe_b64encode(before + secret.encode() + b"}").decode(),
        f"{secret[:half]}\n        {secret[half:]}",
        f"{secret[:half]!r}\nE     +  {secret[half:]!r}",
        f"{secret[:half]}...",
        f"...{secret[half:]}",
        f"{secret[:half]}[237 chars]",
        f"[237 chars]{secret[half:]}",
    ):
        shown = hide(f"said {written} again")
        assert "***" in shown, written
        assert len(shown) <= len('said "\\"{\\"body\\": \\"***\\"}\\"" again') + 24, shown


def test_a_key_in_base64_is_found_where_only_a_part_of_it_is_shown() -> None:
    key = base64.b64encode(json.dumps({"clientid": "sb-x", "clientsecret": "a1-B2-c3-D4" * 20}).encode()).decode()
    unknown = base64.b64encode(json.dumps({"x": 1, "clientsecret": "a1-B2-c3-D4" * 20}).encode()).decode()
    hide = Redactor(lambda: [key, "a1-B2-c3-D4" * 20])
    cut = reprlib.Repr()
    cut.maxstring = 240
    assert hide(cut.repr({"x": key})) == "{'x': '***...***'}"
    assert hide(cut.repr({"x": unknown})) == "{'x': 'eyJ4IjogMSwgImNsaWVudHNlY3JldCI6ICJ***...***'}"
    assert hide(f"{key[:5]}[237 chars]{key[-30:]}") == "***[237 chars]***"
    assert hide("\U0001d11e \\ud834\\udd1e is music") == "\U0001d11e \\ud834\\udd1e is music"
    assert Redactor(lambda: ["a-\U0001d11e-music"])('"a-\\ud834\\udd1e-music"') == '"***"'


def test_a_secret_never_shows_itself() -> None:
    assert repr({"secret": Secret("swordfish")}) == "{'secret': '***'}"


def test_a_long_text_that_was_clean_is_searched_again_when_a_secret_is_known() -> None:
    secrets: set[str] = set()
    hide = Redactor(lambda: secrets)
    text = "a line of a traceback\n" * 50
    assert (hide(f"{text}hunter-22-hunter"), hide(f"{text}hunter-22-hunter")) == (f"{text}hunter-22-hunter",) * 2
    secrets.add("hunter-22-hunter")
    assert (hide(f"{text}hunter-22-hunter"), hide(f"{text}hunter-22-hunter")) == (f"{text}***",) * 2
