"""One thing of each kind that patterns find, put together here so that no scanner of sources finds it first."""

import base64
import json


def _segment(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


_PEM = "PRIVATE " + "KEY"

SAMPLES = {
    "email": ["ada.lovelace@example.com", "x+tag@mail.example.co.uk", "müller@straße.example", "a_b%c@xn--bcher-kva.example"],
    "phone": ["+49 171 2345678", "+1 (415) 555-2671", "(415) 555-2671", "415-555-2671", "0049 30 1234567"],
    "iban": ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "fr1420041010050500013m02606", "NO93 8601 1117 947"],
    "credit-card": ["4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "6011111111111117", "30569309025904"],
    "us-ssn": ["536-90-4399"],
    "uk-nino": ["AB 12 34 56 C", "JG103759A"],
    "es-dni": ["12345678Z", "X1234567L", "12345678-Z"],
    "it-fiscal-code": ["RSSMRA85T10A562S"],
    "fr-nir": ["1 84 12 76 451 089 46", "255081416802538"],
    "br-cpf": ["111.444.777-35"],
    "ip-address": ["203.0.113.7", "2001:db8:85a3::8a2e:370:7334"],
    "private-key": [f"-----BEGIN RSA {_PEM}-----\nMIIEow\nAAAA\n-----END RSA {_PEM}-----", f"-----BEGIN {_PEM}-----\nMIIEow"],
    "jwt": [f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment({'sub': '1234567890', 'name': 'x'})}.{'a1' * 20}"],
    "anthropic-key": ["sk-" + "ant-api03-" + "Ab1-" * 10],
    "openai-key": ["sk-" + "proj-" + "aB3x" * 10, "sk-" + "0123456789abcdef" * 2],
    "stripe-key": ["sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc"],
    "github-token": ["ghp" + "_" + "a1B2" * 9, "github" + "_pat_" + "A1" * 11 + "_" + "b2" * 29 + "c"],
    "gitlab-token": ["glpat" + "-" + "a1B2c3D4e5F6g7H8i9J0"],
    "huggingface-token": ["hf" + "_" + "aB1c" * 9],
    "slack-token": ["xoxb" + "-123456789012-abcdefGHIJKL"],
    "google-key": ["AI" + "za" + "Sy1" * 11 + "ab"],
    "aws-key": ["AK" + "IA" + "IOSFODNN7EXAMPLE", 'aws_secret_access_key = "' + "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + 'EXAMPLEKEY"'],
    "url-credentials": ["postgresql://admin:s3cret@db.example/main"],
}

INNOCENT = [
    "The meeting is on 2024-01-15 at 12:34:56, room 4.111.2.",
    "Order 4111111111111112 and part 1234567890123456 were shipped.",
    "Invoice 123456789, tracking 9400 1000 0000 0000 0000 00.",
    "550e8400-e29b-41d4-a716-446655440000 is a UUID; 9f86d081884c7d659a2feaa0c55ad015 a hash.",
    "Version 1.2.3 of std::vector, port 127.0.0.1:8080 or ::1, time 10:20:30.",
    "def f(a, b): return a @ b  # matrices",
    "user@ and @handle and a@b, see sk-learn-style-naming-of-things-is-long",
    "12345678A is no DNI; 000-12-3456 and 900-12-3456 are no SSN; 111.111.111-11 no CPF.",
    "https://${USER}:${PASSWORD}@example.com and https://example.com:8443/path@2",
    "eyJhbGciOiJub25lIn0 alone, and eyJxxxxxxxxxxxx.eyJyyyyyyyyyyyy.zzz",
    "DE00 3704 0044 0532 0130 00 has the wrong check digits.",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "In 2,000 BC, pi was 3.14159265358979323846 to 415 people.",
]
