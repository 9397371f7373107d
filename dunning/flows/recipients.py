"""Where a message goes: what its channel calls an address, read from the customer when it is written."""

from dunning.core.billing import Customer
from dunning.store.rows import MessageRow


def address_for(message: MessageRow, customer: Customer) -> str | None:
    """Return the address of a message in its channel's own way of writing; None when there is none.

    A channel that reaches the customer through the merchant (a call list, the merchant's application, a
    signed webhook) needs no address of its own: the customer's Stripe id stands for it.
    """
    if customer.deleted:
        return None
    if message.channel == "email":
        return customer.email
    return customer.id
