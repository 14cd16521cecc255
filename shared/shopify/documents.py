"""Every document Vouch sends to Shopify's Admin GraphQL API (2026-10). A test validates each against the schema.

Documents are constants: values travel as variables, so nothing a person wrote is ever part of a query.
"""

SHOP = """
query Shop { shop { name myshopifyDomain currencyCode ianaTimezone url primaryDomain { url } taxesIncluded } }
"""

# Catalogue. `query` takes Shopify's search syntax, for example "updated_at:>='2026-11-01T00:00:00Z'".
_PRODUCT_FIELDS = """
fragment ProductFields on Product {
  legacyResourceId title handle productType tags status updatedAt onlineStoreUrl
  featuredMedia { preview { image { url } } }
  collections(first: 50) { nodes { legacyResourceId } }
  ru: translations(locale: "ru") { key value }
  en: translations(locale: "en") { key value }
}
"""
PRODUCTS_PAGE = (
    """
query ProductsPage($first: Int!, $after: String, $query: String) {
  products(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes { ...ProductFields }
    pageInfo { hasNextPage endCursor }
  }
}
"""
    + _PRODUCT_FIELDS
)
PRODUCT = "query Product($id: ID!) { product(id: $id) { ...ProductFields } }" + _PRODUCT_FIELDS

# Orders, for reconciliation: what the orders webhooks say, in the words of GraphQL. Nested pages count into the query's
# cost, at most 1,000 points each: ask for no more than ten orders at a time.
ORDERS_PAGE = """
query OrdersPage($first: Int!, $after: String, $query: String) {
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes {
      legacyResourceId name createdAt updatedAt cancelledAt test currencyCode taxesIncluded fullyPaid
      displayFinancialStatus email discountCodes
      customer { legacyResourceId numberOfOrders defaultEmailAddress { emailAddress } }
      customAttributes { key value }
      customerJourneySummary { lastVisit { landingPage referrerUrl occurredAt } }
      totalPriceSet { shopMoney { amount currencyCode } }
      currentTotalPriceSet { shopMoney { amount currencyCode } }
      totalDiscountsSet { shopMoney { amount currencyCode } }
      lineItems(first: 50) {
        nodes {
          id quantity currentQuantity isGiftCard product { legacyResourceId }
          originalUnitPriceSet { shopMoney { amount currencyCode } }
          discountAllocations { allocatedAmountSet { shopMoney { amount currencyCode } } }
          taxLines { priceSet { shopMoney { amount currencyCode } } }
        }
      }
      refunds(first: 10) {
        legacyResourceId createdAt
        refundLineItems(first: 25) { nodes { lineItem { id } quantity restockType } }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""

# Discount codes. Codes are chosen by us, so a create that timed out is found again by its code.
DISCOUNT_BASIC_CREATE = """
mutation DiscountBasicCreate($discount: DiscountCodeBasicInput!) {
  discountCodeBasicCreate(basicCodeDiscount: $discount) {
    codeDiscountNode { id }
    userErrors { field code message }
  }
}
"""
DISCOUNT_FREE_SHIPPING_CREATE = """
mutation DiscountFreeShippingCreate($discount: DiscountCodeFreeShippingInput!) {
  discountCodeFreeShippingCreate(freeShippingCodeDiscount: $discount) {
    codeDiscountNode { id }
    userErrors { field code message }
  }
}
"""
DISCOUNT_DEACTIVATE = """
mutation DiscountDeactivate($id: ID!) {
  discountCodeDeactivate(id: $id) {
    codeDiscountNode { id }
    userErrors { field code message }
  }
}
"""
DISCOUNT_ACTIVATE = """
mutation DiscountActivate($id: ID!) {
  discountCodeActivate(id: $id) {
    codeDiscountNode { id }
    userErrors { field code message }
  }
}
"""
DISCOUNT_BY_CODE = """
query DiscountByCode($code: String!) {
  codeDiscountNodeByCode(code: $code) {
    id
    codeDiscount {
      __typename
      ... on DiscountCodeBasic { title status startsAt endsAt asyncUsageCount }
      ... on DiscountCodeFreeShipping { title status startsAt endsAt asyncUsageCount }
    }
  }
}
"""

# Webhook subscriptions of this app at this shop.
WEBHOOK_SUBSCRIPTIONS = """
query WebhookSubscriptions($first: Int!, $after: String) {
  webhookSubscriptions(first: $first, after: $after) {
    nodes { id topic uri format }
    pageInfo { hasNextPage endCursor }
  }
}
"""
WEBHOOK_SUBSCRIPTION_CREATE = """
mutation WebhookSubscriptionCreate($topic: WebhookSubscriptionTopic!, $subscription: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $subscription) {
    webhookSubscription { id topic uri }
    userErrors { field message }
  }
}
"""
WEBHOOK_SUBSCRIPTION_UPDATE = """
mutation WebhookSubscriptionUpdate($id: ID!, $subscription: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $subscription) {
    webhookSubscription { id topic uri }
    userErrors { field message }
  }
}
"""
WEBHOOK_SUBSCRIPTION_DELETE = """
mutation WebhookSubscriptionDelete($id: ID!) {
  webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { field message } }
}
"""

ALL = {
    name: document
    for name, document in globals().items()
    if name.isupper() and not name.startswith("_") and isinstance(document, str)
}
"""Name → document, for the test and for tools that show what is sent."""
