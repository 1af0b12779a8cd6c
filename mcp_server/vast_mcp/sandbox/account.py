"""The account has a face and SSH keys (docs/vast-api.md D, G)."""

from dataclasses import asdict, dataclass

from .shapes import Json

# Planted so that whoever lets one out is found by searching for it.
ACCOUNT_SECRET = "sandbox-account-secret-7f3a91"  # noqa: S105
INSTANCE_SECRET = "sandbox-instance-key-"  # noqa: S105


@dataclass
class Key:
    """A key lets its owner in over SSH; the account has some."""

    id: int
    public_key: str
    created_at: str
    user_id: int
    deleted_at: str | None = None

    def as_json(self) -> Json:
        return asdict(self)


def user_row(user_id: int, balance: float, credit: float, ssh_key: str | None) -> Json:
    """Build the flat object of `users/current`; the official client strips `api_key` from it."""
    return {
        "id": user_id,
        "key_id": 1,
        "email": "someone@example.com",
        "email_verified": True,
        "username": "sandbox",
        "user": "sandbox",
        "fullname": "Sandbox Account",
        "balance": float(balance),
        "credit": float(credit),
        "balance_threshold": 5.0,
        "balance_threshold_enabled": False,
        "billaddress_city": None,
        "billaddress_country": None,
        "billaddress_line1": None,
        "billaddress_line2": None,
        "billaddress_zip": None,
        "billed_expected": 0.0,
        "billed_verified": 0.0,
        "billing_creditonly": 1,
        "can_pay": True,
        "got_signup_credit": 0,
        "has_billing": True,
        "has_payout": False,
        "host_agreement_accepted": False,
        "last4": None,
        "paid_expected": 0.0,
        "paid_verified": 0.0,
        "password_resettable": True,
        "paypal_email": None,
        "sid": f"{ACCOUNT_SECRET}-sid",
        "ssh_key": ssh_key,
        "api_key": ACCOUNT_SECRET,
    }
