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
    created_at: float
    user_id: int
    default: bool | None = None
    private_key: None = None
    deleted_at: float | None = None

    def as_json(self) -> Json:
        return asdict(self)


@dataclass
class ApiKey:
    """An API key was made by the account; its secret is said once (G)."""

    id: int
    secret: str
    name: str
    permissions: dict[str, dict[str, Json]] | None  # checked; None: all of them

    def group(self, scope: str) -> Json | None:
        """What it may do of a group: None for nothing, an empty object for all of it (I)."""
        if self.permissions is None:
            return {}
        return self.permissions["api"].get(scope)

    def row(self, user_id: int) -> Json:
        """Report the key as the list does: without its secret (G)."""
        return {
            "id": self.id,
            "user_id": user_id,
            "key": None,
            "key_type": "api",
            "name": self.name,
            "team_id": None,
            "team_name": None,
            "team_owner": None,
        }


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
        "autobill_amount": None,
        "autobill_threshold": None,
        "balance_referrals": 0.0,
        "balance_threshold": 5.0,
        "balance_threshold_enabled": False,
        "billaddress_city": None,
        "billaddress_country": None,
        "billaddress_line1": None,
        "billaddress_line2": None,
        "billaddress_taxinfo": None,
        "billaddress_zip": None,
        "billed_expected": 0.0,
        "billed_verified": 0.0,
        "billing_creditonly": 1,
        "can_pay": True,
        "created_at": 1_700_000_000_000,  # ms (G)
        "crisp_hmac": f"{ACCOUNT_SECRET}-crisp",
        "discord_id": None,
        "got_signup_credit": 0,
        "has_billing": True,
        "has_payout": False,
        "has_rented": True,
        "has_stripe_payout": False,
        "host_agreement_accepted": False,
        "host_only": False,
        "huggingface_cloud_sync_enabled": False,
        "is_subject_to_unpaid_deletion": False,
        "last4": None,
        "oauth_provider": None,
        "paid_expected": 0.0,
        "paid_verified": 0.0,
        "password_resettable": True,
        "payout_enabled": False,
        "paypal_email": None,
        "phone_number": None,
        "rights": None,
        "sid": f"{ACCOUNT_SECRET}-sid",
        "ssh_key": ssh_key,
        "api_key": ACCOUNT_SECRET,
        "tfa_login": False,
        "tfa_status": "disabled",
        "total_spend": -0.0,
        "wise_email": None,
    }
