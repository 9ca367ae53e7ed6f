"""The demo shop “Murni Batik”: what it sells (`catalogue/`), its pictures (`pictures/`), and how both get into a shop.

load     the shop as it is shown, in a few seconds
bulk     any number of generated products, orders and customers on top of it, for measuring
"""
