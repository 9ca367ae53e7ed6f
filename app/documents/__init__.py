"""Documents: invoices, receipts and credit notes. What one prints is frozen when it is issued; its PDF is made from that.

Lock order: order, number series last (invoice, receipt, credit note).
"""
