import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.redaction import Redactor
from sessions.secret_shapes import MASK

SECRET = 'c0rrect/horse+battery "staple" é&5'
BEGIN, END = "-----BEGIN RSA PRIVATE " + "KEY-----", "-----END RSA PRIVATE " + "KEY-----"
# made up, and put together here so that scanners of this repository have nothing to find
TOKENS = [
    "sk-" + "ant-api03-" + "Ab1_" * 12,
    "sk-" + "Ab1c" * 12,
    "sk-" + "lf-0f8fad5b-d9cb-469f-a165-70867728950e",
    "ghp_" + "A1b2" * 9,
    "github_pat_" + "A1b2_" * 12,
    "glpat-" + "A1b2-" * 4,
    "xoxb-" + "123456789012-abcdefABCDEF",
    "AKIA" + "A1B2C3D4" * 2,
    "AIza" + "A1b2C3d" * 5,
    "12345678:" + "A1b2C-d" * 5,
    "npm_" + "A1b2" * 9,
    "pnu_" + "A1b2" * 9,
    "hf_" + "A1b2" * 9,
    "eyJ" + "hbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeK",
    "hooks.slack.com/services/" + "T00000000/B00000000/XXXXXXXXXXXXXXXX",
    f"{BEGIN}\nMIIEpAIBAAKCAQEA\n{END}",
    f"{BEGIN}\nMIIEpAIBAAKCAQEA cut off",
]
HARMLESS = [
    "commit 6e0d600c9f1c2b3a4d5e6f708192a3b4c5d6e7f8 (HEAD -> main)",
    "run 0f8fad5b-d9cb-469f-a165-70867728950e ended",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "/home/ann/task-management-and-scheduling/risk-assessment-of-the-quarter.md",
    "sk-learn-compatible-estimators are fine, and so is a disk-usage-report-of-2026-11-03",
    "The bearer responsibilities: the password is required, the token: mandatory.",
    'token = get_token_for_user1(name)\npassword = os.environ["DATABASE_PASSWORD_1"]',
    "https://example.org/a/b?c=d#e and git@github.com:owner/name.git and ssh://git@host.example/x.git",
    "2026-11-03T02:00:00+01:00 took 12345678:30 seconds; max_tokens: 4000",
    "tests/test_pypi_and_npm_packages.py::test_it[xai-explainability-methods-for-people]",
]


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token[:12])
@pytest.mark.parametrize("around", ["{}", "the token is {}.", '{{"a": "{}"}}', "https://x.example/{}/send\n"])
def test_tokens_of_a_known_shape_are_masked_wherever_they_stand(token: str, around: str) -> None:
    redacted = Redactor({})(around.format(token))
    assert token not in redacted
    assert MASK in redacted


@pytest.mark.parametrize("text", HARMLESS)
def test_hashes_ids_paths_code_and_prose_stay_as_they_are(text: str) -> None:
    assert Redactor({"API_KEY": SECRET})(text) == text


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        base64.urlsafe_b64encode(f"x:{SECRET}:y".encode()).decode(),
    ],
)
def test_a_known_secret_is_found_in_each_of_its_spellings(spelling: str) -> None:
    redacted = Redactor({"SMTP_PASSWORD": SECRET})(f"<<{spelling}>>")
    assert MASK in redacted
    assert len(redacted) <= len(f'<<"{MASK}">>') + 8  # base64 may keep the characters that it shares with neighbours


def test_a_password_in_an_address_is_known_from_then_on() -> None:
    redact = Redactor({"DATABASE": "postgresql://app:s3cret-and-long@db.example/app"})
    assert redact("tried s3cret-and-long twice") == f"tried {MASK} twice"
    assert redact("at postgresql://app:s3cret-and-long@db.example/app").endswith("@db.example/app")


def test_the_last_part_of_a_webhook_address_is_secret_alone() -> None:
    redact = Redactor({"TEAM_WEBHOOK_URL": "https://chat.example/hook/T0123456/abcdef123456"})
    assert redact("hook abcdef123456 refused") == f"hook {MASK} refused"


def test_a_variable_that_says_where_a_secret_is_hides_no_path() -> None:
    redact = Redactor({"SSH_AUTH_SOCK": "/run/agent.sock", "API_KEY_FILE": "/etc/keys/api", "PWD": "/home/ann/place"})
    assert redact("/run/agent.sock /etc/keys/api /home/ann/place") == "/run/agent.sock /etc/keys/api /home/ann/place"


def test_a_password_that_is_a_word_is_masked_as_a_whole_word_only() -> None:
    redact = Redactor({"DB_PASSWORD": "postgres"})
    assert redact("postgres, not postgresql") == f"{MASK}, not postgresql"


def test_short_values_are_left_alone() -> None:
    assert Redactor({"API_KEY": "offline"})("works offline") == "works offline"


def test_a_multi_line_secret_is_found_line_by_line() -> None:
    line = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE"
    assert Redactor({"DEPLOY_KEY": f"first\n{line}\nlast"})(f"  {line}  ") == f"  {MASK}  "


def test_fields_named_like_a_password_are_masked_whole() -> None:
    value = Redactor({}).value(
        {"password": "correct horse", "token_count": 3, "note": ["plain", {"api_key": "abcdefgh"}]}
    )
    assert value == {"password": MASK, "token_count": 3, "note": ["plain", {"api_key": MASK}]}


def test_what_is_not_text_in_a_value_stays() -> None:
    value = {"n": 1, "x": 1.5, "yes": True, "none": None, "list": [1, "a"]}
    assert Redactor({"API_KEY": SECRET}).value(value) == value


@given(
    st.text(max_size=40),
    st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=8),
    st.text(max_size=40),
)
def test_no_known_secret_survives_in_any_text(before: str, secret: str, after: str) -> None:
    word = secret.isalpha() and len(secret) < 16
    text = f"{before} {secret} {after}" if word else before + secret + after
    redacted = Redactor({"API_KEY": secret})(text)
    assert secret.strip() not in redacted.replace(MASK, "\0")


@given(st.text(max_size=200))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    redact = Redactor({"API_KEY": SECRET})
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "piece", ["eyJ", "sk-", "://", "://a:", "token=", "bearer ", f"{BEGIN}", "12345678:", "a", "xoxb-"]
)
def test_a_megabyte_made_to_be_slow_is_not(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    redact = Redactor({f"KEY_{n}": f"value-number-{n}-of-many" for n in range(20)})
    started = time.perf_counter()
    redact(text)
    assert time.perf_counter() - started < 1.0  # 0.1 s on an idle machine; a quadratic search takes minutes
