"""For whom a route is, where its view does not say so: by blueprint, or by endpoint where a blueprint has views of the staff
too or speaks JSON. A route of the staff says it beside its view (`needs`).

A new blueprint must be named here, or its views must say what they need: else the matrix fails.
"""

EVERYBODY = "everybody"  # answers whoever asks
VISITOR = "visitor"  # answers with what belongs to the session or the token that asks, to others 401 or 404
CUSTOMER = "customer"  # for who is signed in, with what is theirs; to strangers the way to sign in (tests/customers)
PROVIDER = "provider"  # answers whoever signs

AUDIENCES = {
    "metrics": EVERYBODY,  # in production only from a private address, see tests/ops
    "reports": EVERYBODY,
    "preferences": EVERYBODY,
    "speculation": EVERYBODY,
    "catalog": EVERYBODY,
    "search": EVERYBODY,
    "pages": EVERYBODY,
    "seo": EVERYBODY,
    "feeds": EVERYBODY,
    "gift_cards": EVERYBODY,
    "registering": EVERYBODY,
    "signing_in": EVERYBODY,
    "passkeys": EVERYBODY,
    "social": VISITOR,  # a journey to a provider belongs to the browser that began it; without providers there is none
    "connecting": CUSTOMER,
    "newsletter": EVERYBODY,
    "unsubscribing": EVERYBODY,
    "account": CUSTOMER,
    "account_passkeys": CUSTOMER,
    "addresses": CUSTOMER,
    "measurements": CUSTOMER,
    "own_data": CUSTOMER,
    "order_history": CUSTOMER,
    "wishlist": EVERYBODY,  # a product is no secret; whose wishes are meant, the cookie says
    "cart": VISITOR,
    "checkout": VISITOR,
    "pickup": VISITOR,
    "pay": VISITOR,
    "orders": VISITOR,
    "documents": VISITOR,
    "refunds": VISITOR,
    "subscriptions": VISITOR,
    "inbound_payments": PROVIDER,
    "pay_return": PROVIDER,
    "health.live": EVERYBODY,
    "health.ready": EVERYBODY,
    "health.health": EVERYBODY,
    "api_description.openapi": EVERYBODY,
    "api_description.docs": EVERYBODY,
    "api_preferences.show": CUSTOMER,
    "api_preferences.change": CUSTOMER,
    "api_auth.sign_in": EVERYBODY,
    "api_auth.sign_in_customer": EVERYBODY,
    "api_auth.refresh": EVERYBODY,
    "api_auth.sign_out": EVERYBODY,
    "api_checkout.create_intent": VISITOR,
    "api_checkout.confirm": VISITOR,
    "api_payments.initiate": VISITOR,
    "api_payments.verify": VISITOR,
    "api_payments.show_payment": VISITOR,
    "api_stock.unlock": VISITOR,
}


def audience_of(endpoint: str) -> str | None:
    return AUDIENCES.get(endpoint) or AUDIENCES.get(endpoint.partition(".")[0])
