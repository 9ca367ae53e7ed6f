"""For whom a route is, where its view does not say so: by blueprint. A route of the staff says it beside its view (`needs`).

A new blueprint must be named here, or its views must say what they need: else the matrix fails.
"""

EVERYBODY = "everybody"  # answers whoever asks
VISITOR = "visitor"  # answers with what belongs to the session or the token that asks, to others 401 or 404
CUSTOMER = "customer"  # for who is signed in, with what is theirs; to strangers the way to sign in (tests/customers)
PROVIDER = "provider"  # answers whoever signs

AUDIENCES = {
    "health": EVERYBODY,
    "metrics": EVERYBODY,  # in production only from a private address, see tests/ops
    "reports": EVERYBODY,
    "preferences": EVERYBODY,
    "speculation": EVERYBODY,
    "catalog": EVERYBODY,
    "search": EVERYBODY,
    "pages": EVERYBODY,
    "seo": EVERYBODY,
    "gift_cards": EVERYBODY,
    "api_description": EVERYBODY,
    "registering": EVERYBODY,
    "signing_in": EVERYBODY,
    "unsubscribing": EVERYBODY,
    "account": CUSTOMER,
    "addresses": CUSTOMER,
    "own_data": CUSTOMER,
    "order_history": CUSTOMER,
    "api_preferences": CUSTOMER,
    "wishlist": EVERYBODY,  # a product is no secret; whose wishes are meant, the cookie says
    "cart": VISITOR,
    "checkout": VISITOR,
    "pay": VISITOR,
    "orders": VISITOR,
    "documents": VISITOR,
    "refunds": VISITOR,
    "subscriptions": VISITOR,
    "api_checkout": VISITOR,
    "api_payments": VISITOR,
    "api_stock": VISITOR,
    "inbound_payments": PROVIDER,
    "pay_return": PROVIDER,
}
