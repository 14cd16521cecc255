"""The Admin GraphQL API: schema, checks, cost, and what each field answers."""
