"""Races and storms: the whole shop as real processes, shopped in by hundreds while its parts are killed.

    servers.py    a PostgreSQL and a Redis of our own, to be killed, frozen and started again
    stand.py      servers, web processes, worker, clock, sandbox and mail catcher, each to be killed and started again
    buyer.py      a shopper over HTTP; bank.py: what a test does at the provider's side
    races.py      the last unit, crossing carts, expiry against money; guard.py: the same without the guard
    purchases.py  purchases at random; storm.py: what happens to the shop meanwhile; verdict.py: who was wronged
    money.py      money stories over all providers: tills.py pays, forgery.py lies, refunds.py gives back, by clerk.py;
                  cashbox.py: what moves by hand; evening.py: what is left to do after the storm
    campaign.py   a storm over so many purchases or stories, the time afterwards, and the verdict

`make chaos ARGS="--seed 7 --purchases 300"` runs the long form, `tests/races` the short one.
"""
