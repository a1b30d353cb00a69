"""What a Checkout session may be created and updated with: all of Stripe's parameters, taken or refused."""

from __future__ import annotations

from checkout_daemon.sandbox.objects.shapes import ADDRESS, FUTURE_USAGE, METHOD_TYPES, SHIPPING
from checkout_daemon.sandbox.parameters.specs import (
    EXPAND,
    PAGING,
    DecimalNumber,
    Fields,
    Flag,
    Integer,
    ListOf,
    Map,
    Metadata,
    Range,
    Refused,
    Text,
)

_LOCALES = (
    "auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hi-IN hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR "
    "ro ru sk sl sv th tr vi zh zh-HK zh-TW"
)
_FONTS = (
    "be_vietnam_pro bitter chakra_petch default hahmlet inconsolata inter lato lora m_plus_1_code montserrat noto_sans "
    "noto_sans_jp noto_serif nunito open_sans pridi pt_sans pt_serif raleway roboto roboto_slab source_sans_pro "
    "titillium_web ubuntu_mono zen_maru_gothic"
)
_OTHER_METHODS = (
    "acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact billie blik boleto "
    "cashapp crypto customer_balance demo_pay eps fpx giropay grabpay ideal kakao_pay klarna konbini kr_card link "
    "mobilepay multibanco naver_pay oxxo p24 pay_by_bank payco paynow paypal payto pix revolut_pay samsung_pay "
    "satispay scalapay sequra sofort sunbit swish twint upi wechat_pay"
)
NO_TAXES = "The offline sandbox does not compute taxes."
NO_CONNECT = "The offline sandbox has one account and no Connect."
NO_ACCOUNTS_V2 = "The offline sandbox knows customers, not accounts that stand for them."
NO_SUBSCRIPTIONS = "The offline sandbox's Checkout does mode=payment only, not subscriptions."
NO_SETUP = "The offline sandbox's Checkout does mode=payment only, not setup."
NO_CURRENCY_OPTIONS = "The offline sandbox has one currency a price."
HOSTED_ONLY = "The offline sandbox has hosted Checkout pages only."

_BEHAVIOR = Text(choices=("exclusive", "inclusive", "unspecified"))
_PRODUCT_DATA = Map(
    {
        "description": Text(),
        "images": ListOf(Text(), maximum=8),
        "metadata": Metadata(),
        "name": Text(required=True),
        "tax_code": Text(),
        "tax_details": Refused(NO_TAXES),
        "unit_label": Text(maximum=12),
    }
)
_PRICE_DATA = Map(
    {
        "currency": Text(required=True),
        "product": Text(),
        "product_data": _PRODUCT_DATA,
        "recurring": Refused("You must use mode=subscription for recurring prices, which the offline sandbox lacks."),
        "tax_behavior": _BEHAVIOR,
        "unit_amount": Integer(minimum=0),
        "unit_amount_decimal": DecimalNumber(),
    }
)
_ADJUSTABLE = Map(
    {
        "enabled": Flag(required=True),
        "maximum": Integer(minimum=1, maximum=999_999),
        "minimum": Integer(minimum=0, maximum=999_998),
    }
)
_LINE_FIELDS: Fields = {
    "adjustable_quantity": _ADJUSTABLE,
    "metadata": Metadata(),
    "price": Text(),
    "price_data": _PRICE_DATA,
    "quantity": Integer(minimum=1, maximum=999_999),
    "tax_rates": Refused(NO_TAXES),
}
_INTENT_DATA = Map(
    {
        "application_fee_amount": Refused(NO_CONNECT),
        "capture_method": Text(choices=("automatic", "automatic_async", "manual")),
        "description": Text(maximum=1000),
        "metadata": Metadata(),
        "on_behalf_of": Refused(NO_CONNECT),
        "receipt_email": Text(maximum=800, email=True),
        "setup_future_usage": Text(choices=("off_session", "on_session")),
        "shipping": Map({**SHIPPING, "address": Map({**ADDRESS, "line1": Text(required=True)}, required=True)}),
        "statement_descriptor": Text(maximum=22),
        "statement_descriptor_suffix": Text(maximum=22),
        "transfer_data": Refused(NO_CONNECT),
        "transfer_group": Text(),
    }
)
_ALWAYS_NEVER = Text(choices=("if_available", "never"))
_METHOD_OPTIONS: Fields = {
    "card": Map(
        {
            "capture_method": Text(choices=("manual",)),
            "installments": Map({"enabled": Flag()}),
            "request_extended_authorization": _ALWAYS_NEVER,
            "request_incremental_authorization": _ALWAYS_NEVER,
            "request_multicapture": _ALWAYS_NEVER,
            "request_overcapture": _ALWAYS_NEVER,
            "request_three_d_secure": Text(choices=("any", "automatic", "challenge")),
            "restrictions": Map(
                {
                    "brands_blocked": ListOf(
                        Text(choices=("american_express", "discover_global_network", "mastercard", "visa"))
                    ),
                    "funding_types_blocked": ListOf(Text(choices=("credit", "debit", "prepaid"))),
                }
            ),
            "setup_future_usage": Text(choices=("off_session", "on_session")),
            "statement_descriptor_suffix_kana": Text(maximum=22),
            "statement_descriptor_suffix_kanji": Text(maximum=17),
        }
    ),
    "sepa_debit": Map(
        {
            "mandate_options": Map({"reference_prefix": Text(maximum=12)}),
            "setup_future_usage": FUTURE_USAGE,
            "target_date": Text(),
        }
    ),
    "us_bank_account": Map(
        {
            "financial_connections": Map(
                {
                    "permissions": ListOf(Text(choices=("balances", "ownership", "payment_method", "transactions"))),
                    "prefetch": ListOf(Text(choices=("balances", "ownership", "transactions"))),
                }
            ),
            "setup_future_usage": FUTURE_USAGE,
            "target_date": Text(),
            "verification_method": Text(choices=("automatic", "instant")),
        }
    ),
    **{name: Refused(f"The offline sandbox has no payment method {name}.") for name in _OTHER_METHODS.split()},
}
_ESTIMATE = Map(
    {
        "unit": Text(required=True, choices=("business_day", "day", "hour", "month", "week")),
        "value": Integer(required=True, minimum=1),
    }
)
_SHIPPING_OPTIONS = ListOf(
    Map(
        {
            "shipping_rate": Text(),
            "shipping_rate_data": Map(
                {
                    "delivery_estimate": Map({"maximum": _ESTIMATE, "minimum": _ESTIMATE}),
                    "display_name": Text(required=True, maximum=100),
                    "fixed_amount": Map(
                        {
                            "amount": Integer(required=True, minimum=0),
                            "currency": Text(required=True),
                            "currency_options": Refused(NO_CURRENCY_OPTIONS),
                        }
                    ),
                    "metadata": Metadata(),
                    "tax_behavior": _BEHAVIOR,
                    "tax_code": Text(),
                    "type": Text(choices=("fixed_amount",)),
                }
            ),
        },
        required=True,
    ),
    maximum=5,
)
_TYPED = Map({"default_value": Text(maximum=255), "maximum_length": Integer(), "minimum_length": Integer(minimum=0)})
_CUSTOM_FIELD = Map(
    {
        "dropdown": Map(
            {
                "default_value": Text(),
                "options": ListOf(
                    Map(
                        {"label": Text(required=True, maximum=100), "value": Text(required=True, maximum=100)},
                        required=True,
                    ),
                    required=True,
                    maximum=200,
                ),
            }
        ),
        "key": Text(required=True, maximum=200),
        "label": Map(
            {"custom": Text(required=True, maximum=50), "type": Text(required=True, choices=("custom",))}, required=True
        ),
        "numeric": _TYPED,
        "optional": Flag(),
        "text": _TYPED,
        "type": Text(required=True, choices=("dropdown", "numeric", "text")),
    },
    required=True,
)
_MESSAGE = Map({"message": Text(required=True, maximum=1200)})
_PICTURE = Map({"file": Text(), "type": Text(required=True, choices=("file", "url")), "url": Text()})
_ENABLED = Map({"enabled": Flag()})
_AUTO_NEVER = Text(choices=("auto", "never"))
_CAN = Text(choices=("disabled", "enabled"))
_ISSUER = Map({"account": Refused(NO_CONNECT), "type": Text(required=True, choices=("account", "self"))})
CREATE: Fields = {
    **EXPAND,
    "adaptive_pricing": _ENABLED,
    "after_expiration": Map(
        {"recovery": Map({"allow_promotion_codes": Flag(), "enabled": Flag(required=True)})},
    ),
    "allow_promotion_codes": Flag(),
    "allowed_payment_method_types": ListOf(Text()),
    "automatic_tax": Map(
        {
            "enabled": Flag(required=True),
            "liability": Map(
                {"account": Refused(NO_CONNECT), "type": Text(required=True, choices=("account", "self"))}
            ),
        }
    ),
    "billing_address_collection": Text(choices=("auto", "required")),
    "branding_settings": Map(
        {
            "background_color": Text(),
            "border_style": Text(choices=("pill", "rectangular", "rounded")),
            "button_color": Text(),
            "display_name": Text(),
            "font_family": Text(choices=tuple(_FONTS.split())),
            "icon": _PICTURE,
            "logo": _PICTURE,
        }
    ),
    "cancel_url": Text(),
    "client_reference_id": Text(maximum=200),
    "consent_collection": Map(
        {
            "payment_method_reuse_agreement": Map({"position": Text(required=True, choices=("auto", "hidden"))}),
            "promotions": Text(choices=("auto", "none")),
            "terms_of_service": Text(choices=("none", "required")),
        }
    ),
    "currency": Text(),
    "custom_fields": ListOf(_CUSTOM_FIELD, maximum=3),
    "custom_text": Map(
        dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance"), _MESSAGE)
    ),
    "customer": Text(),
    "customer_account": Refused(NO_ACCOUNTS_V2),
    "customer_creation": Text(choices=("always", "if_required")),
    "customer_email": Text(maximum=800, email=True),
    "customer_update": Map({"address": _AUTO_NEVER, "name": _AUTO_NEVER, "shipping": _AUTO_NEVER}),
    "discounts": ListOf(Map({"coupon": Text(), "promotion_code": Text()}, required=True), maximum=1),
    "excluded_payment_method_types": ListOf(Text()),
    "expires_at": Integer(),
    "integration_identifier": Text(),
    "invoice_creation": Map(
        {
            "enabled": Flag(required=True),
            "invoice_data": Map(
                {
                    "account_tax_ids": ListOf(Text()),
                    "custom_fields": ListOf(
                        Map({"name": Text(required=True, maximum=40), "value": Text(required=True, maximum=140)}),
                        maximum=4,
                    ),
                    "description": Text(maximum=1500),
                    "footer": Text(maximum=5000),
                    "issuer": _ISSUER,
                    "metadata": Metadata(),
                    "rendering_options": Map(
                        {
                            "amount_tax_display": Text(choices=("exclude_tax", "include_inclusive_tax")),
                            "template": Text(),
                        }
                    ),
                }
            ),
        }
    ),
    "line_items": ListOf(Map(_LINE_FIELDS, required=True), maximum=100),
    "locale": Text(choices=tuple(_LOCALES.split())),
    "managed_payments": _ENABLED,
    "metadata": Metadata(),
    "mode": Text(choices=("payment", "setup", "subscription")),
    "name_collection": Map(
        {each: Map({"enabled": Flag(required=True), "optional": Flag()}) for each in ("business", "individual")}
    ),
    "optional_items": Refused("The offline sandbox's Checkout has no optional items."),
    "origin_context": Text(choices=("mobile_app", "web")),
    "payment_intent_data": _INTENT_DATA,
    "payment_method_collection": Text(choices=("always", "if_required")),
    "payment_method_configuration": Text(),
    "payment_method_data": Map({"allow_redisplay": Text(choices=("always", "limited", "unspecified"))}),
    "payment_method_options": Map(_METHOD_OPTIONS),
    "payment_method_types": METHOD_TYPES,
    "permissions": Map({"update_shipping_details": Text(choices=("client_only", "server_only"))}),
    "phone_number_collection": Map({"enabled": Flag(required=True)}),
    "redirect_on_completion": Refused(HOSTED_ONLY),
    "return_url": Refused(HOSTED_ONLY),
    "saved_payment_method_options": Map(
        {
            "allow_redisplay_filters": ListOf(Text(choices=("always", "limited", "unspecified"))),
            "payment_method_remove": _CAN,
            "payment_method_save": _CAN,
        }
    ),
    "setup_intent_data": Refused(NO_SETUP),
    "shipping_address_collection": Map(
        {"allowed_countries": ListOf(Text(maximum=2), required=True, maximum=250)},
    ),
    "shipping_options": _SHIPPING_OPTIONS,
    "submit_type": Text(choices=("auto", "book", "donate", "pay", "subscribe")),
    "subscription_data": Refused(NO_SUBSCRIPTIONS),
    "success_url": Text(),
    "tax_id_collection": Refused(NO_TAXES),
    "ui_mode": Text(),  # its values are checked by the types, and what is not hosted is refused in words
    "wallet_options": Map({"link": Map({"display": _AUTO_NEVER})}),
}

UPDATE: Fields = {
    **EXPAND,
    "collected_information": Map(
        {
            "shipping_details": Map(
                {
                    "address": Map(
                        {**ADDRESS, "country": Text(required=True, maximum=2), "line1": Text(required=True)},
                        required=True,
                    ),
                    "name": Text(required=True),
                }
            )
        }
    ),
    "line_items": Refused("The offline sandbox's sessions keep the lines that they were created with."),
    "metadata": Metadata(),
    "payment_intent_data": Map(
        {
            "description": Text(maximum=1000),
            "metadata": Metadata(),
            "setup_future_usage": Text(choices=("off_session", "on_session")),
            "statement_descriptor": Text(maximum=22),
            "statement_descriptor_suffix": Text(maximum=22),
        }
    ),
    "shipping_options": _SHIPPING_OPTIONS,
}
LIST: Fields = {
    **PAGING,
    "created": Range(),
    "customer": Text(),
    "customer_account": Refused(NO_ACCOUNTS_V2),
    "customer_details": Map({"email": Text(required=True)}),
    "payment_intent": Text(),
    "payment_link": Text(),
    "status": Text(choices=("complete", "expired", "open")),
    "subscription": Text(),
}
