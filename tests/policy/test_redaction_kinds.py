"""What is known to be somebody's, and what only looks like it. The numbers are those that their makers publish."""

import pytest
from redaction_kit import ready, text_left, work

FOUND = [
    ("email", "anna.schmidt@example.com"),
    ("email", "müller@straße.example.de"),
    ("email", "a+b_c%d@x-y.example.museum"),
    ("email", "anna%40example.com"),
    ("phone", "+49 30 1234567"),
    ("phone", "+1 (415) 555-2671"),
    ("phone", "(415) 555-2671"),
    ("phone", "415.555.2671"),
    ("phone", "0171/2345678"),
    ("phone", "06.12.34.56.78"),
    ("phone", "020 7946 0958"),
    ("phone", "0049 171 2345678"),
    ("phone", "8 (495) 123-45-67"),
    ("iban", "DE89 3704 0044 0532 0130 00"),  # the example of the ISO 13616 registry, like those below
    ("iban", "GB29NWBK60161331926819"),
    ("iban", "FR14 2004 1010 0505 0001 3M02 606"),
    ("iban", "NO93 8601 1117 947"),
    ("iban", "MT84MALT011000012345MTLCAST001S"),
    ("iban", "ch93 0076 2011 6238 5295 7"),
    ("card", "4111 1111 1111 1111"),  # the test numbers of the schemes
    ("card", "5555-5555-5555-4444"),
    ("card", "378282246310005"),
    ("card", "3714 496353 98431"),
    ("card", "6011111111111117"),
    ("card", "2223003122003222"),
    ("card", "3056 930902 5904"),
    ("us_ssn", "078-05-1120"),
    ("br_cpf", "111.444.777-35"),
    ("be_rrn", "85.07.30-033.28"),
    ("ch_ahv", "756.9217.0769.85"),
    ("de_tax_id", "86 095 742 719"),
    ("es_dni", "12345678Z"),
    ("es_dni", "X1234567L"),
    ("fi_hetu", "131052-308T"),
    ("fr_nir", "2 55 08 14 168 025 38"),
    ("gb_nino", "AB 12 34 56 C"),
    ("it_fiscal_code", "RSSMRA85T10A562S"),
    ("pl_pesel", "44051401359"),
    ("ro_cnp", "1800101221144"),
    ("se_number", "811218-9876"),
    ("cn_id", "11010519491231002X"),
    ("in_aadhaar", "2341 2341 2346"),
    ("in_pan", "ABCPE1234F"),
    ("kr_rrn", "900101-1234568"),
    ("sg_nric", "S1234567D"),
    ("za_id", "9202204720083"),
    ("mx_curp", "HEGG560427MVZRRL04"),
    ("nl_bsn", "BSN 111222333"),
    ("gb_nhs", "NHS number: 943 476 5919"),
    ("no_number", "fødselsnummer 29029600013"),
    ("tr_id", "TCKN: 10000000146"),
    ("au_tfn", "TFN 123 456 782"),
    ("pt_nif", "NIF: 123456789"),
    ("ca_sin", "SIN 130 692 544"),
    ("ip", "192.0.2.17"),
    ("ip", "2001:db8:85a3::8a2e:370:7334"),
    ("mac", "00:1b:44:11:3a:b7"),
    ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"),
    ("aws_key", "AKIAIOSFODNN7EXAMPLE"),
    ("aws_key", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("private_key", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----"),
    ("private_key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA cut off"),
    ("url_credentials", "postgres://app:s3cr3t!pw@db.example.internal/x"),
    ("url_credentials", "redis://:p4ssw0rd@cache.example:6379"),
    ("bearer_token", "Authorization: Bearer mF_9.B5f-4.1JqM0123456"),
    ("basic_credentials", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    ("password", "password: hunter2-or-so"),
    ("password", '"client_secret": "aB3xQ9zLmN"'),
    ("slack_token", "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"),
    ("telegram_token", "123456789:AAF0123456789012345678901234567890a"),
    ("azure_key", "AccountKey=" + "A" * 86 + "=="),
    ("gateway_key", "nx_k3v9x2mp_0fHq0fHq0fHq0fHq0fHq0fHq0fHq0fHq0fHq0fHq0fH"),
]


@pytest.mark.parametrize(("kind", "text"), FOUND, ids=lambda text: text[:30])
def test_it_is_found_and_called_by_its_name(kind: str, text: str) -> None:
    seen = work()
    left = ready().engine.text(f"see {text} there", seen)

    assert seen.counts == {kind: 1}
    assert f"[{kind}]" in left
    assert left.startswith("see ")
    assert left.endswith(" there") or "cut off" in text


@pytest.mark.parametrize(("kind", "text"), FOUND, ids=lambda text: text[:30])
def test_it_is_found_right_after_a_break_of_line_and_at_both_ends(kind: str, text: str) -> None:
    for around in (f"\n{text}", f"\t{text}\n", text, f"<b>{text}</b>", f"({text})", f"{text}, {text}"):
        seen = work()
        ready().engine.text(around, seen)

        assert kind in seen.counts, around


NOTHING = [
    "4111 1111 1111 1112",  # the check digit is wrong
    "1234567812345670",  # it is right, and no scheme has the range
    "0.4111111111111111",
    "DE89 3704 0044 0532 0130 01",
    "XX89 3704 0044 0532 0130 00",
    "000-12-3456",
    "666-12-3456",
    "123-00-4567",
    "111.444.777-36",
    "12345678A",
    "131052-308U",
    "44051401358",
    "811218-9877",
    "2341 2341 2347",
    "111222333",  # a BSN without its name is a row of digits
    "550e8400-e29b-41d4-a716-446655440000",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "2024-01-15T10:30:00.123+01:00",
    "15.01.2024 10:30",
    "1705312345678",
    "1705312345678901234",
    "v1.2.3.4",
    "Chrome/120.0.6099.109",
    "version: 10.0.0.1",
    "127.0.0.1",
    "256.1.1.1",
    "1.2.3.4.5",
    "12:34:56",
    "std::vector",
    "::1",
    "react@18.2.0",
    "lodash@4.17.21-beta.rc",
    "logo@2x.png",
    "git@github.com:org/repo.git",
    "user@localhost",
    "+48.0667511",
    "-26.3184352+172.8276711/",
    "+12345.99",
    "password: string",
    "password = get_password()",
    "DB_PASSWORD=${DB_PASSWORD}",
    "api_key: your-api-key-here",
    "secret: ********",
    "Authorization: Bearer <token>",
    "https://example.com:8443/a",
    "https://${USER}:${PASS}@host/x",
    "978-3-16-148410-0",
    "10,000,000.00",
]


@pytest.mark.parametrize("text", NOTHING)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert text_left(f"see {text} there") == f"see {text} there"


def test_only_the_kinds_that_were_asked_for_are_looked_for() -> None:
    text = "anna@example.com 4111 1111 1111 1111 192.0.2.17 AKIAIOSFODNN7EXAMPLE"

    assert text_left(text, detect=("email",)) == text.replace("anna@example.com", "[email]")
    assert "192.0.2.17" in text_left(text, detect=("pii", "secrets"))
    assert text_left(text, detect=("network",)) == text.replace("192.0.2.17", "[ip]")
    assert text_left(text, detect=()) == text


def test_where_credentials_lead_is_still_said() -> None:
    assert text_left("postgres://app:s3cr3tpw@db.example.com/x", detect=("secrets",)) == (
        "postgres://[url_credentials]@db.example.com/x"
    )
