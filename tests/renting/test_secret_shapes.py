"""What a template must not hold is known by its shape, and what is written as people write it, and
holds none, is taken (docs/templates.md).
"""

from __future__ import annotations

import base64
import gzip

import pytest

from vast_mcp.masking import Mask
from vast_mcp.renting.secret_shapes import holds_a_secret
from vast_mcp.renting.template_secrets import has_secret, is_secret

HF = "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz12345678"
HEX = "0123456789abcdef0123456789abcdef01234567"
KNOWN = "a-known-secret-of-41-letters"
MASK = Mask([KNOWN])


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SECRET_TEXTS = {
    "a service's key": f"run {HF}",
    "a cloud's key": "AKIA" + "IOSFODNN7EXAMPLE",
    "a private key": "-----BEGIN OPENSSH PRIVATE KEY-----",
    "an assignment": "DB_PASS=hunter22 ./run",
    "a short one": "PASSWORD=1234",
    "of a database": "export MYSQL_PWD='hunter22x'",
    "in YAML": "ssh_private_key: abcdefg",
    "in JSON": '{"api_key": "abcdef123"}',
    "a flag": "tailscale up --auth-key abc123def",
    "a command of ngrok": "ngrok config add-authtoken 2abcDEF123456",
    "a flag with =": "tailscale up --auth-key=abc123def",
    "a header": "curl -H 'Authorization: Bearer abcdef1234567890' x",
    "a basic header": "curl -H 'Authorization: Basic dXNlcjpwYXNzd29yZA==' x",
    "curl -u": "curl -fsS -u user:hunter2hunter https://x",
    "a login by key": f"wandb login --relogin {HEX}",
    "a registry": "docker login -u me -p hunter2hunter ghcr.io",
    "sshpass": "sshpass -p hunter22 ssh x",
    ".netrc": f"echo machine api.wandb.ai login user password {HEX} > ~/.netrc",
    "an address": "https://ann:hunter2@example.org/x",
    "an address without a user": "redis://:hunter22@host:6379",
    "an address of a token": f"git clone https://{HEX}@github.com/x/y",
    "a query": "curl 'https://example.org/x?key=abcdef123456'",
    "a webhook": "https://hooks.slack.com/services/T000/B000/abc",
    "aws": "aws configure set aws_secret_access_key wJalrXUtnFEMI/K7MDENG/bPxRfi",
    "an account of azure": "AccountName=x;AccountKey=abcd1234efgh5678==;EndpointSuffix=y",
    "base64": f"echo {coded(HF)}|base64 -d",
    "a script in base64": f"echo {coded(f'export HF_TOKEN={HF}')}|base64 -d|sh",
    "twice base64": f"echo {coded(coded(HF + ' and more'))}",
    "packed": "echo " + base64.b64encode(gzip.compress(f"TOKEN={HF}".encode())).decode(),
    "a known one": f"echo {KNOWN}",
    "a known one in base64": f"echo {coded(KNOWN)}|base64 -d",
    "what was masked": "export X=***",
}
PLAIN_TEXTS = (
    'login --token "$HF_TOKEN"; export TOKEN=$HF_TOKEN',
    'password="$PASS"; PASSWORD=${DB_PASSWORD:-}',
    f"wandb login $WANDB_API_KEY; git checkout {HEX}",
    "tokenizer.pad_token = tokenizer.eos_token",
    "hf_hub_download(repo, token=HF_TOKEN, api_key=args.api_key, secret=None)",
    "api_key = os.environ['API_KEY']",
    "vllm serve --max-tokens 512000 --tokenizer-mode auto --token-file /run/secrets/hf",
    "docker run -u 1000:1000 x; curl -fsSL https://example.org/install.sh | sh",
    "# password: see README for it; pass: all tests; login: root",
    "echo 'enter your password: '; jupyter lab --NotebookApp.token=''",
    "export npm_config_registry=https://registry.example.org ASIA_PACIFIC_SOUTH=1",
    "git clone https://github.com/a/sk-learn-something-long https://user@host/x",
    f"echo {coded('a text that holds nothing of the kind')}|base64 -d",
    "TOKEN_COUNT=123456 bypass=enabled export HF_HOME=/workspace/hf PATH=/usr/bin:$PATH",
    "KEY_FILE=/run/secrets/key; ssl_key: /etc/ssl/private/site.pem",
)
SECRET_VARIABLES = (
    *("HF_TOKEN", "API_KEY", "APIKEY", "API_KEY_2", "DB_PASSWORD", "DB_PASS", "MYSQL_PWD", "PASS"),
    *("PASSPHRASE", "BASIC_AUTH", "CREDS", "GOOGLE_CREDENTIALS_JSON", "SECRET_ID", "SECRETS"),
    *("SSH_PRIVATE_KEY_B64", "JUPYTER_PASSWORD_HASH", "wandbKey"),
)
PLAIN_VARIABLES = {
    "PUBLIC_KEY": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me",
    "TOKENIZERS_PARALLELISM": "on",
    "MAX_TOKENS": "4096",
    "TOKEN_LIMIT": "4096",
    "KEY_TYPE": "ed25519",
    "KEY_FILE": "/root/x.pem",
    "GOOGLE_APPLICATION_CREDENTIALS": "/workspace/key.json",
    "MONKEY": "banana",
    "OPEN_BUTTON_TOKEN": "1",
    "WEB_ENABLE_AUTH": "false",
    "OLDPWD": "/root",
    "MODEL": "a-org/model-8b-instruct",
}


@pytest.mark.parametrize("case", SECRET_TEXTS)
def test_a_secret_is_known_in_a_text(case: str) -> None:
    assert has_secret(SECRET_TEXTS[case], MASK)


@pytest.mark.parametrize("text", PLAIN_TEXTS)
def test_a_text_that_holds_none_is_taken(text: str) -> None:
    """Names of variables, paths, words of code and hashes stand where a secret would."""
    assert not has_secret(text, MASK)


@pytest.mark.parametrize("name", SECRET_VARIABLES)
def test_a_variable_is_known_by_its_name(name: str) -> None:
    assert is_secret(name, "hunter-22", [], MASK)
    assert not is_secret(name, "true", [], MASK)


@pytest.mark.parametrize("name", PLAIN_VARIABLES)
def test_a_variable_that_is_called_nearly_so_is_taken(name: str) -> None:
    assert not is_secret(name, PLAIN_VARIABLES[name], [], MASK)


def test_a_path_that_is_a_key_is_none() -> None:
    """Keys of AWS hold slashes, and may begin with one."""
    assert is_secret("AWS_SECRET_ACCESS_KEY", "/wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", [], MASK)


@pytest.mark.parametrize(
    "piece",
    ["-", "a", "sk-", "-eyJ", "login ", "curl -", "://", "token=", "password ", "A" * 64 + " "],
)
def test_no_text_takes_long(piece: str) -> None:
    """As long as an onstart may be: a pattern that began anew at each letter took minutes."""
    assert not holds_a_secret(piece * (65_536 // len(piece)))
